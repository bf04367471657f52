// SPDX-License-Identifier: Apache-2.0
// What a Producer handle points to: the inline half, and a pointer to the compiled half. Does not include
// Abseil, so that the straight path can be included anywhere.
#ifndef MILLRACE_INTERNAL_PRODUCER_HOT_H_
#define MILLRACE_INTERNAL_PRODUCER_HOT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "millrace/export.h"
#include "millrace/internal/atomics.h"
#include "millrace/internal/ring_producer.h"
#include "millrace/outcome.h"

namespace millrace::internal {

// The half that makes system calls: mappings, locks, options. See runtime/api/producer_cold.h.
struct ProducerCold;

class ProducerHot {
 public:
  explicit ProducerHot(std::unique_ptr<ProducerCold> cold);
  ~ProducerHot();  // detaches
  ProducerHot(const ProducerHot&) = delete;

  // The functions XSlow are the slow halves of the public calls X: runtime/api/producer_publish.cc. They
  // return why they failed.
  struct Claimed {    // returned in two registers, so a Claim made of it need not go through memory
    std::byte* data;  // null: failed
    Sent why;
  };
  [[gnu::cold]] MILLRACE_EXPORT Claimed TryClaimSlow(size_t n) noexcept;
  [[gnu::cold]] MILLRACE_EXPORT Sent TryPublishSlow(const void* message, size_t n) noexcept;
  // On failure the batch is as it was. With `in_parts` what it held may have been published instead, and the
  // batch is empty. A timeout of 0 does not wait, one of INT64_MAX waits forever.
  [[gnu::cold]] MILLRACE_EXPORT Sent AddToBatchSlow(const void* message, size_t n, int64_t timeout_ns,
                                                    bool in_parts) noexcept;

  // Return room for a message of `n` bytes inside the ring. Return null on failure and store the reason in
  // *why. FindRoom never waits. The other two wait as ProducerOptions::on_full says. None of them looks for
  // an open batch; AwaitRoomInBatch requires one.
  [[gnu::cold]] std::byte* FindRoom(size_t n, Sent* why) noexcept;
  [[gnu::cold]] std::byte* AwaitRoom(size_t n, int64_t timeout_ns, Sent* why) noexcept;
  [[gnu::cold]] std::byte* AwaitRoomInBatch(size_t n, int64_t timeout_ns, bool in_parts, Sent* why) noexcept;

  // Wakes sleeping consumers after a publication, and prepares the next one.
  [[gnu::cold]] MILLRACE_EXPORT void Wake() noexcept;
  void CommitBatch() noexcept {
    if (ring.CommitBatch()) [[unlikely]]
      Wake();
  }

  // Publishes a batch that is still open. A message besides the open batch is misuse (asserted in debug
  // builds). Its batch is published first, so that no consumer's stream breaks.
  void CommitOpenBatch() noexcept {
    if (ring.batch_open()) CommitBatch();
  }

  // Ends the open batch, by a commit or an abort. Returns kBadArgument if no batch was open. Returns kForked
  // or kClosed if the handle can no longer publish; the batch is then lost.
  Sent EndBatch(bool commit) noexcept {
    if (!ring.batch_open()) [[unlikely]]
      return WhyNoBatch();
    if (commit)
      CommitBatch();
    else
      ring.AbortBatch();
    return Sent::kOk;
  }
  [[gnu::cold]] MILLRACE_EXPORT Sent WhyNoBatch() const noexcept;

  // Returns whether a call that may wait may publish `n` bytes without looking at anything else.
  bool MayPublishNow(size_t n) const noexcept {
    return ring.Fits(n) && !interrupted.load(std::memory_order_relaxed);
  }
  // Publishes the frame at ring.Place().
  void Commit(size_t used) noexcept {
    if (ring.Commit(used)) [[unlikely]]
      Wake();
  }

  RingProducer<RealAtomics> ring;
  std::atomic<bool> interrupted{false};
  std::unique_ptr<ProducerCold> cold;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_PRODUCER_HOT_H_
