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
class WaitSetCore;
}

// What one call of Wait did. while (set.Wait()) {}   serves rings until the last of them has ended.
struct [[nodiscard]] Waited {
  Got why;  // kMessage: one handler was called. Else none was: kEmpty (no ring is in the set), kTimedOut,
            // kInterrupted, kForked

  explicit operator bool() const { return why == Got::kMessage; }
};

// Waits on up to 128 rings at once and hands what comes to a handler of each. Any kinds of consumers mix.
//
//   millrace::WaitSet set;
//   status = set.Add(quotes, [&](const millrace::Received& got) { ... });
//   status = set.Add(orders, [&](const millrace::Received& got) { ... });
//   while (set.Wait()) {}
//
// Movable; one thread at a time for the set and all of its consumers together, only Interrupt() is free of
// that. A consumer is in one set at most. Its handle may be moved meanwhile. One that is destroyed or
// assigned to leaves the set. After fork() the child's set answers kForked and its destructor does nothing.
//
// How it waits follows from its consumers (ConsumerOptions::wait): one that is kSpin keeps the whole set
// from sleeping, one that is kAdaptive lets it spin a little first. A set with an observer in it sleeps no
// longer at a time than the observer alone would (Delivery::Observer). Linux before 5.16, and filters of
// system calls that refuse futex_waitv: slices of 1 ms, so that what comes may be seen that much later.
class MILLRACE_EXPORT WaitSet {
 public:
  static constexpr size_t kMostRings = 128;
  // A message, or the reason why this ring has no more: kClosed, kEvicted, kRemoved, kDamaged, kInterrupted
  // (Consumer::Interrupt) or kForked. A reason is told once, and its ring has left the set by then: it may be
  // added again, but will then tell it again. After kProducerGone it waits for the next producer when it is
  // added again. kNoMemory is told each time, and its ring stays.
  using Handler = std::function<void(const Received&)>;

  WaitSet();
  WaitSet(WaitSet&&) noexcept;
  WaitSet& operator=(WaitSet&&) noexcept;
  ~WaitSet();  // its consumers stay as they are

  // Also from inside a handler. What is there already counts. kBadArgument: a 129th ring, or no handler;
  // kInUse: it is in a set, this or another; kForked.
  absl::Status Add(Consumer& consumer, Handler handler);
  // Also from inside a handler, even for its own ring. kNotFound: it is not in this set.
  absl::Status Remove(Consumer& consumer);

  // Serves one ring: hands one message, or the reason why there will be none, to its handler. Waits for it if
  // there is nothing. Rings that are ready are served in turn, so that none waits for more than one message
  // of each other. The message stays valid until the handler returns. If the handler throws, the exception
  // passes through, and the message counts as not consumed unless the handler read on. A handler may use its
  // consumer, add, remove and destroy consumers; calling Wait or destroying the set in it is a programmer's
  // error (asserts).
  // Does not return because of a signal, nor because a producer died unless
  // ConsumerOptions::report_producer_gone says so. What no wake announces (messages of a group's dead
  // members, the end of a group, a ring removed by rm) is found by asking all rings every 50 ms, whatever the
  // other rings do.
  Waited Wait(Nanos timeout = kForever);
  // Ends Wait(), now or later, with kInterrupted, whether or not there is something. From any thread or
  // signal handler; lasts for the life of this set. With 128 rings in it a sleep may go on for up to 50 ms.
  void Interrupt() noexcept;
  size_t size() const;  // rings in it
  bool valid() const { return core_ != nullptr; }

 private:
  std::unique_ptr<internal::WaitSetCore> core_;
};

}  // namespace millrace

#endif  // MILLRACE_WAIT_SET_H_
