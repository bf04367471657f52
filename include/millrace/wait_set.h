// SPDX-License-Identifier: Apache-2.0
// One thread that waits on many rings.
#ifndef MILLRACE_WAIT_SET_H_
#define MILLRACE_WAIT_SET_H_

#include "millrace/internal/compiler.h"  // first

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "millrace/consumer.h"
#include "millrace/export.h"
#include "millrace/options.h"
#include "millrace/outcome.h"

namespace millrace {

namespace internal {
class WaitSetImpl;
}

// Result of WaitSet::Wait. Use `while (set.Wait()) {}` to serve rings until the last of them has ended.
struct [[nodiscard]] Waited {
  // kMessage: one handler was called. Otherwise none was called: kEmpty (the set has no ring), kTimedOut,
  // kInterrupted or kForked.
  Got why;

  explicit operator bool() const { return why == Got::kMessage; }
};

// Waits on up to 128 rings together and hands each message to the handler of its ring. Any kinds of consumers
// can be mixed.
//
//   millrace::WaitSet set;
//   status = set.Add(quotes, [&](const millrace::Received& got) { ... });
//   status = set.Add(orders, [&](const millrace::Received& got) { ... });
//   while (set.Wait()) {}
//
// Movable. Not thread-safe, except Interrupt(): use the set and all of its consumers in one thread at a time.
// A consumer is in at most one set. A consumer's handle may be moved while it is in a set. A consumer that is
// destroyed or assigned to leaves the set. After fork(), the child's set returns kForked and its destructor
// does nothing.
//
// How the set waits depends on its consumers (ConsumerOptions::wait). One kSpin consumer keeps the whole set
// from sleeping. One kAdaptive consumer lets the set spin for a short time first. A set with an observer
// sleeps no longer at a time than that observer alone would (Delivery::Observer). On Linux before 5.16, and
// under system call filters that refuse futex_waitv, the set polls every 1 ms instead of sleeping, so a
// message may be noticed up to 1 ms late.
class MILLRACE_EXPORT WaitSet {
 public:
  static constexpr size_t kMostRings = 128;
  // Receives a message, or the reason why the ring has no more: kClosed, kEvicted, kRemoved, kDamaged,
  // kProducerGone, kInterrupted (Consumer::Interrupt) or kForked. A reason is reported once, after its ring
  // has left the set. The ring may be added again; it then reports its reason again, except after
  // kProducerGone, when it waits for the next producer. kNoMemory is reported each time, and its ring stays
  // in the set.
  using Handler = std::function<void(const Received&)>;

  WaitSet();
  WaitSet(WaitSet&&) noexcept;
  WaitSet& operator=(WaitSet&&) noexcept;
  ~WaitSet();  // does not destroy its consumers

  // Adds a consumer. Its handler also receives the messages that are in the ring already. May be called
  // inside a handler. Errors: kBadArgument if the set has 128 rings or the handler is empty, kInUse if the
  // consumer is in a set already, kForked.
  absl::Status Add(Consumer& consumer, Handler handler);
  // Removes a consumer. May be called inside a handler, even for the handler's own ring. Returns kNotFound if
  // the consumer is not in this set.
  absl::Status Remove(Consumer& consumer);

  // Serves one ring: calls its handler once, with one message or with the reason why there will be none.
  // Waits if no ring is ready. Rings that are ready take turns, so that no ring waits for more than one
  // message of each other ring. The message stays valid until the handler returns. If the handler throws, the
  // exception passes through, and the message counts as not consumed unless the handler read on. A handler
  // may use its consumer, and may add, remove and destroy consumers. It must not call Wait or destroy the set
  // (asserts).
  //
  // A signal does not end the wait. The death of a producer does not end it unless
  // ConsumerOptions::report_producer_gone is set. Some events wake no sleeper: messages of a group's dead
  // members, the end of a group, a ring removed by rm. The set polls all its rings for them, whatever the
  // other rings do: every 50 ms, or after at most 1 s of sleep if only the owner may read the rings.
  Waited Wait(Nanos timeout = kForever);
  // Makes the current or the next Wait() return kInterrupted, whether or not a ring is ready, and every
  // Wait() after it. Lasts for the life of this set. May be called in any thread or signal handler. With 128
  // rings in the set, a sleep may continue for up to 0.5 s.
  void Interrupt() noexcept;
  size_t size() const;                             // number of rings in the set
  bool valid() const { return impl_ != nullptr; }  // false after the set was moved from

 private:
  std::unique_ptr<internal::WaitSetImpl> impl_;
};

}  // namespace millrace

#endif  // MILLRACE_WAIT_SET_H_
