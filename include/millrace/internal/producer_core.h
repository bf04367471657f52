// What a Producer handle points to: the inline half, and the compiled half behind a pointer.
// Free of Abseil, so that the straight path can be included anywhere.
#ifndef MILLRACE_INTERNAL_PRODUCER_CORE_H_
#define MILLRACE_INTERNAL_PRODUCER_CORE_H_

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
  [[gnu::cold]] std::byte* TryClaimSlow(size_t n, Sent* why) noexcept;
  [[gnu::cold]] std::byte* WaitClaimSlow(size_t n, int64_t timeout_ns, Sent* why) noexcept;
  [[gnu::cold]] MILLRACE_EXPORT void Wake() noexcept;

  [[gnu::cold]] MILLRACE_EXPORT Sent TryPublishSlow(const void* message, size_t n) noexcept;

  // Publishes the frame at ring.Place().
  void Commit(size_t used) noexcept {
    bytes_published += used;
    if (ring.Commit(used)) [[unlikely]]
      Wake();
  }

  RingProducer<RealAtomics> ring;
  uint64_t bytes_published = 0;  // payload, by this handle
  bool claim_open = false;
  std::unique_ptr<Cold> cold;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_PRODUCER_CORE_H_
