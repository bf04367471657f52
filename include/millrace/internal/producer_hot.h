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

  // Slow halves of claiming. They return nullptr on failure, and `why` is the reason. A timeout of
  // INT64_MAX waits forever.
  struct Claimed {  // returned in two registers, so a Claim made of it need not go through memory
    std::byte* data;
    Sent why;
  };
  [[gnu::cold]] MILLRACE_EXPORT Claimed TryClaimSlow(size_t n) noexcept;
  [[gnu::cold]] std::byte* WaitClaimSlow(size_t n, int64_t timeout_ns, Sent* why) noexcept;
  [[gnu::cold]] MILLRACE_EXPORT void Wake() noexcept;

  [[gnu::cold]] MILLRACE_EXPORT Sent TryPublishSlow(const void* message, size_t n) noexcept;

  // Slow halves of adding a message to the open batch. On failure the batch is as it was. With `in_parts`
  // what it held may have been published instead, and the batch is empty.
  [[gnu::cold]] std::byte* ClaimInBatch(size_t n, int64_t timeout_ns, bool in_parts, Sent* why) noexcept;
  [[gnu::cold]] MILLRACE_EXPORT Sent AddToBatchSlow(const void* message, size_t n, int64_t timeout_ns,
                                                    bool in_parts) noexcept;
  void CommitBatch() noexcept {
    if (ring.CommitBatch()) [[unlikely]]
      Wake();
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

  // Claim room without looking for an open batch. TryClaimSlow and WaitClaimSlow publish a batch that is
  // still open first.
  [[gnu::cold]] std::byte* TryForRoom(size_t n, Sent* why) noexcept;
  [[gnu::cold]] std::byte* WaitForRoom(size_t n, int64_t timeout_ns, Sent* why) noexcept;

  RingProducer<RealAtomics> ring;
  std::atomic<bool> interrupted{false};
  std::unique_ptr<ProducerCold> cold;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_PRODUCER_HOT_H_
