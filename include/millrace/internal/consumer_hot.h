// SPDX-License-Identifier: Apache-2.0
// What a Consumer handle points to: the inline half, and a pointer to the compiled half. Does not include
// Abseil, so that the straight path can be included anywhere.
#ifndef MILLRACE_INTERNAL_CONSUMER_HOT_H_
#define MILLRACE_INTERNAL_CONSUMER_HOT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "millrace/export.h"
#include "millrace/internal/atomics.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/outcome.h"

namespace millrace::internal {

// The half that makes system calls: mappings, locks, options. See runtime/api/consumer_cold.h.
struct ConsumerCold;

class ConsumerHot {
 public:
  explicit ConsumerHot(std::unique_ptr<ConsumerCold> cold);
  ~ConsumerHot();  // leaves the seat
  ConsumerHot(const ConsumerHot&) = delete;

  [[gnu::always_inline]] inline Received TryNext() noexcept {
    Lent lent;
    if (ring.Next(&lent)) [[likely]]
      return ToReceived(lent);
    return TryNextSlow();
  }

  // Serves everything but the straight path: storing a position, padding, copies, an empty ring, and each
  // reason why there is no message.
  [[gnu::cold]] MILLRACE_EXPORT Received TryNextSlow() noexcept;
  [[gnu::always_inline]] inline Received Next(int64_t timeout_ns) noexcept {
    Lent lent;
    if (MayReadNow() && ring.Next(&lent)) [[likely]]
      return ToReceived(lent);
    return NextWaiting(timeout_ns);
  }
  // Returns whether a call that may wait may return what is there without looking at anything else.
  bool MayReadNow() const noexcept { return !interrupted.load(std::memory_order_relaxed); }
  // Not cold: its caller has waited for what it returns.
  [[gnu::noinline]] MILLRACE_EXPORT Received NextWaiting(int64_t timeout_ns) noexcept;
  [[gnu::cold]] void StorePosition() noexcept;
  // Ends the use of the current message: a group's member gives it up, a lossless consumer gives its bytes
  // back.
  MILLRACE_EXPORT void Ack() noexcept;
  // Undoes the last delivery after its handler threw.
  MILLRACE_EXPORT void Undeliver(uint64_t sequence, uint64_t lost) noexcept;
  MILLRACE_EXPORT void AckHandled() noexcept;  // at the end of a Poll: members only
  // Reports a message whose size is not that of the typed consumer.
  [[gnu::cold]] MILLRACE_EXPORT Received WrongSize() noexcept;

  [[gnu::cold]] Received Find() noexcept;  // TryNextSlow without the event descriptor
  [[gnu::cold]] void Leave();              // leaves the seat

  static Received ToReceived(const Lent& lent, uint32_t deliveries = 1) {
    return Received(Message{{lent.data, lent.bytes}, lent.sequence, lent.lost, deliveries});
  }

  RingConsumer<RealAtomics> ring;
  std::atomic<uint32_t> interrupted{0};  // a futex of this process: Interrupt() sets it to 1
  bool polling = false;                  // inside a Poll handler
  bool is_group_member = false;          // belongs to a group
  std::unique_ptr<ConsumerCold> cold;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_CONSUMER_HOT_H_
