// What a Consumer handle points to: the inline half, and the compiled half behind a pointer.
// Free of Abseil, so that the straight path can be included anywhere.
#ifndef MILLRACE_INTERNAL_CONSUMER_CORE_H_
#define MILLRACE_INTERNAL_CONSUMER_CORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "millrace/export.h"
#include "millrace/internal/atomics.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/outcome.h"

namespace millrace::internal {

class ConsumerCore {
 public:
  // Everything that has a system call in it: mappings, locks, options. runtime/api/consumer_core.h.
  struct Cold;

  explicit ConsumerCore(std::unique_ptr<Cold> cold);
  ~ConsumerCore();  // leaves the seat
  ConsumerCore(const ConsumerCore&) = delete;

  [[gnu::always_inline]] inline Received TryNext() noexcept {
    Lent lent;
    if (ring.Next(&lent)) [[likely]]
      return ToReceived(lent);
    return TryNextSlow();
  }

  // A position to be stored, padding, copies, the end of what is there, and every reason why there is no
  // message.
  [[gnu::cold]] MILLRACE_EXPORT Received TryNextSlow() noexcept;
  [[gnu::always_inline]] inline Received Next(int64_t timeout_ns) noexcept {
    Lent lent;
    if (MayReadNow() && ring.Next(&lent)) [[likely]]
      return ToReceived(lent);
    return NextWaiting(timeout_ns);
  }
  // Is there no reason to look at anything else before a call that may wait returns what is there?
  bool MayReadNow() const noexcept { return !interrupted.load(std::memory_order_relaxed); }
  // Not cold: what it returns was waited for.
  [[gnu::noinline]] MILLRACE_EXPORT Received NextWaiting(int64_t timeout_ns) noexcept;
  [[gnu::cold]] void StorePosition() noexcept;
  // The current message is done with: a group's member gives it up, a lossless consumer gives its bytes back.
  MILLRACE_EXPORT void Ack() noexcept;
  // Undoes the last delivery: the handler threw.
  MILLRACE_EXPORT void Undeliver(uint64_t sequence, uint64_t lost) noexcept;
  MILLRACE_EXPORT void AckHandled() noexcept;  // at the end of a Poll: members only
  // A typed consumer met a message of another size.
  [[gnu::cold]] MILLRACE_EXPORT Received WrongSize() noexcept;

  [[gnu::cold]] Received Find() noexcept;  // TryNextSlow, whoever else waits
  [[gnu::cold]] void Leave();              // the seat

  static Received ToReceived(const Lent& lent, uint32_t deliveries = 1) {
    return Received(Message{{lent.data, lent.bytes}, lent.sequence, lent.lost, deliveries});
  }

  RingConsumer<RealAtomics> ring;
  std::atomic<uint32_t> interrupted{0};  // a futex of this process: Interrupt() sets it to 1
  bool polling = false;                  // inside a Poll handler
  bool member = false;                   // of a group
  std::unique_ptr<Cold> cold;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_CONSUMER_CORE_H_
