// A consumer's handle: reads every message of a ring in order, or says how many it missed.
#ifndef MILLRACE_CONSUMER_H_
#define MILLRACE_CONSUMER_H_

#include "millrace/internal/compiler.h"  // first

#include <sys/types.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/export.h"
#include "millrace/internal/consumer_core.h"
#include "millrace/options.h"
#include "millrace/outcome.h"

namespace millrace {

template <class T>
class TypedConsumer;
namespace internal {
class MergeCore;
}

struct ProducerInfo {
  bool alive = false;          // asked of the kernel now; an answer it refuses counts as alive
  bool alive_unknown = false;  // true: `alive` is that assumption
  bool closed = false;
  uint64_t epoch = 0;  // +1 with every producer; 0: there never was one
  uint64_t epoch_first_sequence = 0;
  std::optional<pid_t> pid;  // only where it means something: in its own PID namespace
  bool pid_foreign = false;  // it lives in another PID namespace
  std::string label;
};

// Messages are counted from `start`, the sequence of the first message that this consumer asked for, there or
// overwritten already. Always: start + received + lost + skipped = next_sequence(), and with the unread ones (the lag)
// that is ProducerStats::published. Members of a group count what each of them received, from where the group stood
// when it joined; the sum over a group's members counts a message twice that was handed out twice.
struct ConsumerStats {
  uint64_t start;
  uint64_t received, lost, overruns, skipped;  // messages; times
  uint64_t late_wakeups;                       // wake-ups that only a time-out repaired: should be 0
  uint64_t approximate_lag_messages, approximate_lag_bytes;  // behind what is published
};

// Movable; one thread at a time, only Interrupt() is free of that; a moved-from handle may be destroyed,
// assigned or asked valid(). After fork() the child's handle answers kForked and its destructor does nothing.
// No call on a handle is a cancellation point: pthread_cancel() acts after it, so end a wait by Interrupt().
class MILLRACE_EXPORT Consumer {
 public:
  static absl::StatusOr<Consumer> Open(std::string_view name, const Delivery&, const ConsumerOptions& = {});
  Consumer(Consumer&&) noexcept;
  Consumer& operator=(Consumer&&) noexcept;
  ~Consumer();  // leaves its seat; a message in hand is another member's (groups)

  // The next message or why there is none. Never waits. A message stays valid until the next call on this
  // handle, which also gives its bytes back to the producer (lossless).
  [[gnu::always_inline]] inline Received TryNext() noexcept { return core_->TryNext(); }
  // Waits for it: while (auto m = c.Next()) use(m->payload); then look at why(). Does not return because
  // the producer died, unless ConsumerOptions::report_producer_gone says so.
  [[gnu::always_inline]] inline Received Next(Nanos timeout = kForever) {
    return core_->Next(timeout.count());
  }

  // Calls handler(const Message&) for what is there, at most `max` messages. The handler returns nothing, or
  // bool: false stops after this message. If it throws, its message counts as not consumed; a member of a
  // group has acknowledged each one whose handler returned. Calling this handle from inside the handler is a
  // programmer's error (asserts).
  template <class F>
  Polled Poll(F&& handler, size_t max = 64);

  // The current message is done with; its payload must not be used any more. In a group: it will not be given
  // to another member (asking for the next message says that too, the destructor does not). Lossless: its
  // bytes go back to the producer.
  void Ack() noexcept { core_->Ack(); }

  // Returns true while the current message is whole. Ask after reading in place and before acting on it.
  // Lossless consumers and groups, in place: false once the producer has reserved the message's bytes again,
  // which it does only after an eviction, or after another process has written into the ring's seats (Access).
  // A copy (lossy, observer, ConsumerOptions::copy) stays whole. False where there is no current message: before
  // the first, after Ack and after SkipTo.
  bool StillIntact() const noexcept;
  // Moves forward (conflate: SkipTo(Start::Last(1))); what is passed over counts as skipped. Never goes
  // back: a start behind the current place stays where it is, Sequence behind it is kBadArgument. Members of
  // a group share their place: kBadArgument.
  absl::Status SkipTo(Start);

  // For poll, epoll, Boost.Asio, libuv: a descriptor that is readable while a message, or a reason why there
  // will be none (closed, evicted, removed, damaged, producer gone), is there for TryNext. A TryNext that
  // answers kEmpty makes it unreadable until the next one comes, which is also a new edge for EPOLLET. So
  // read until kEmpty, or, where levels are watched, as much as you like. It may be readable once without
  // need. Interrupt() does not touch it. The caller closes it (closed on exec too) and does nothing with it
  // but wait. Each call gives another. It tells nothing more when this handle is gone. In a forked child it
  // is the parent's. A plug-in that has used it stays loaded after dlclose(). Costs: one thread of this
  // process ("millrace", all signals blocked) for each 127 consumers that have one, while they live, and some
  // system calls with each kEmpty. kForked; kOther: no descriptor or thread to be had.
  absl::StatusOr<int> EventFd();

  ProducerInfo producer() const;  // two system calls. "Gone" = !alive && !closed
  // The last reason why there was no message, in words: who evicted, where it is damaged ... OK if the ring
  // was empty or the time was up.
  absl::Status status() const;
  ConsumerStats stats() const;
  uint64_t next_sequence() const;  // of the message this consumer (in a group: some member) reads next
  // Ends Next(), now or later, with kInterrupted, whether or not there are messages; TryNext goes on. From
  // any thread or signal handler; lasts for the life of this handle. A signal alone never ends a wait. Linux
  // before 5.16, and filters of system calls that refuse futex_waitv: up to 50 ms late.
  void Interrupt() noexcept;
  bool valid() const { return core_ != nullptr; }

 private:
  template <class T>
  friend class TypedConsumer;
  friend class WaitSet;
  friend class internal::MergeCore;
  explicit Consumer(std::unique_ptr<internal::ConsumerCore> core);
  std::unique_ptr<internal::ConsumerCore> core_;
};

template <class F>
Polled Consumer::Poll(F&& handler, size_t max) {
  assert(!core_->polling);
  struct Guard {  // the handler may throw: then its message is read again
    internal::ConsumerCore* core;
    bool handling = false;
    uint64_t sequence = 0, lost = 0;
    ~Guard() {
      core->polling = false;
      if (handling)
        core->Undeliver(sequence, lost);
      else if (core->member)
        core->AckHandled();
    }
  } guard{core_.get()};
  core_->polling = true;
  size_t handled = 0;
  while (handled < max) {
    const Received received = core_->TryNext();
    if (!received) return {handled, received.why()};
    guard.sequence = received->sequence;
    guard.lost = received->lost;
    guard.handling = true;
    bool more = true;
    if constexpr (std::is_convertible_v<decltype(handler(*received)), bool>) {
      more = handler(*received);
    } else {
      handler(*received);
    }
    guard.handling = false;
    ++handled;
    if (!more) break;
  }
  return {handled, Got::kMessage};
}

}  // namespace millrace

#endif  // MILLRACE_CONSUMER_H_
