// What a Producer handle points to: the inline half, and the compiled half behind a pointer.
// Free of Abseil, so that the straight path can be included anywhere.
#ifndef MILLRACE_INTERNAL_PRODUCER_CORE_H_
#define MILLRACE_INTERNAL_PRODUCER_CORE_H_

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

class ProducerCore {
 public:
  // Everything that has a system call in it: mappings, locks, options. runtime/api/producer_core.h.
  struct Cold;

  explicit ProducerCore(std::unique_ptr<Cold> cold);
  ~ProducerCore();  // detaches
  ProducerCore(const ProducerCore&) = delete;

  // Slow halves of claiming; nullptr: *why says why. Waiting for ever: INT64_MAX.
  struct Claimed {  // in two registers: a Claim made of it need not go through memory
    std::byte* data;
    Sent why;
  };
  [[gnu::cold]] MILLRACE_EXPORT Claimed TryClaimSlow(size_t n) noexcept;
  [[gnu::cold]] std::byte* WaitClaimSlow(size_t n, int64_t timeout_ns, Sent* why) noexcept;
  [[gnu::cold]] MILLRACE_EXPORT void Wake() noexcept;

  [[gnu::cold]] MILLRACE_EXPORT Sent TryPublishSlow(const void* message, size_t n) noexcept;

  // The same for the message that joins the open batch; nullptr: the batch is as it was, unless `in_parts`:
  // then what it held may be published, and it is empty.
  [[gnu::cold]] std::byte* ClaimInBatch(size_t n, int64_t timeout_ns, bool in_parts, Sent* why) noexcept;
  [[gnu::cold]] MILLRACE_EXPORT Sent AddToBatchSlow(const void* message, size_t n, int64_t timeout_ns,
                                                    bool in_parts) noexcept;
  void CommitBatch() noexcept {
    if (ring.CommitBatch()) [[unlikely]]
      Wake();
  }

  // kForked, kClosed: nothing came of it. kBadArgument: no batch was open.
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

  // Is there no reason to look at anything else before `n` bytes are published by a call that may wait?
  bool MayPublishNow(size_t n) const noexcept {
    return ring.Fits(n) && !interrupted.load(std::memory_order_relaxed);
  }
  // Publishes the frame at ring.Place().
  void Commit(size_t used) noexcept {
    if (ring.Commit(used)) [[unlikely]]
      Wake();
  }

  // Claims without asking for an open batch. TryClaimSlow and WaitClaimSlow publish a stray one first.
  [[gnu::cold]] std::byte* TryForRoom(size_t n, Sent* why) noexcept;
  [[gnu::cold]] std::byte* WaitForRoom(size_t n, int64_t timeout_ns, Sent* why) noexcept;

  RingProducer<RealAtomics> ring;
  std::atomic<bool> interrupted{false};
  std::unique_ptr<Cold> cold;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_PRODUCER_CORE_H_
