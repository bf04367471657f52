// SPDX-License-Identifier: Apache-2.0
// The handle of a consumer. It reads the messages of a ring in order and reports how many it missed.
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
#include "millrace/internal/consumer_hot.h"
#include "millrace/options.h"
#include "millrace/outcome.h"
#include "millrace/ring_info.h"

namespace millrace {

template <class T>
class TypedConsumer;
namespace internal {
class MergeImpl;
}

// Counts of one consumer handle. `start` is the sequence of the first message that the consumer asked for,
// whether it was still in the ring or already overwritten. Always: start + received + lost + skipped =
// next_sequence(). That sum plus the unread messages (the lag) is ProducerStats::published. A member of a
// group counts the messages that it received itself, and starts at the place of the group when it joined. The
// sum over all members counts a message twice if it was handed out twice.
struct ConsumerStats {
  uint64_t start;
  uint64_t received, lost, overruns, skipped;  // messages; for overruns, how often the producer overran it
  uint64_t late_wakeups;                       // missed wake-ups, which only a time-out ended; should be 0
  uint64_t approximate_lag_messages, approximate_lag_bytes;  // published and not yet read
};

// Reads one ring. Movable. Not thread-safe, except Interrupt(): use a handle in one thread at a time. A
// moved-from handle may only be destroyed, assigned to, or queried with valid(). After fork(), the child's
// handle returns kForked and its destructor does nothing. No call on a handle is a cancellation point:
// pthread_cancel() takes effect after the call, so use Interrupt() to end a wait.
class MILLRACE_EXPORT Consumer {
 public:
  // Opens an existing ring for reading. Takes a seat, except for an observer. Errors: kNotFound (after
  // open_timeout), kInterrupted (cancel_open), kNoSeat, kNoPermission, kSchema, kBadName, kOptionsDiffer (a
  // group), kBadArgument for an option that is out of range or a sequence that is not published yet, kEvicted
  // if the producer overtook every attempt to begin, kTimedOut if another process blocks all free seats for
  // 1 s or joining a group for 10 s, and those of an unusable ring: kNotARing, kTruncated, kLayoutVersion,
  // kBadLengths, kIncarnation, kDamaged.
  static absl::StatusOr<Consumer> Open(std::string_view name, const Delivery&, const ConsumerOptions& = {});
  Consumer(Consumer&&) noexcept;
  Consumer& operator=(Consumer&&) noexcept;
  // Gives the seat back. In a group, a message that was not acknowledged goes to another member.
  ~Consumer();

  // Returns the next message, or the reason why there is none (kEmpty: nothing to read now). Never waits. The
  // message stays valid until the next call on this handle. That call also gives the bytes of the message
  // back to the producer (lossless consumers) or acknowledges the message (groups).
  [[gnu::always_inline]] inline Received TryNext() noexcept { return hot_->TryNext(); }
  // Waits for the next message and returns it, or the reason why there is none (kTimedOut after `timeout`).
  // Read in a loop, while (auto m = c.Next()) use(m->payload); and look at why() afterwards. The death of the
  // producer does not end the wait unless ConsumerOptions::report_producer_gone is set.
  [[gnu::always_inline]] inline Received Next(Nanos timeout = kForever) {
    return hot_->Next(timeout.count());
  }

  // Calls handler(const Message&) for each message that is there, at most `max` times. Never waits. The
  // handler returns nothing, or a bool: false stops after this message. If the handler throws, its message
  // counts as not consumed. A member of a group has acknowledged each message whose handler returned. A
  // handler must not call this handle; Poll asserts this.
  template <class F>
  Polled Poll(F&& handler, size_t max = 64);

  // Ends the use of the current message. Its payload must not be used afterwards. In a group, no other member
  // will receive the message. Asking for the next message has this effect too; the destructor does not. For a
  // lossless consumer, the bytes of the message go back to the producer.
  void Ack() noexcept { hot_->Ack(); }

  // Returns true while the current message is whole. Call it after reading in place and before acting on what
  // was read. Lossless consumers and groups that read in place: returns false once the producer has reserved
  // the bytes of the message again. The producer does that only after an eviction, or after another process
  // has written into the ring's seats (Access). A copy (lossy consumer, observer, ConsumerOptions::copy)
  // stays whole. Returns false if there is no current message: before the first one, after Ack and after
  // SkipTo.
  bool StillIntact() const noexcept;
  // Moves forward; SkipTo(Start::Last(1)) skips to the newest message. The messages passed over count as
  // skipped. An earlier start has no effect, except Sequence, which fails with kBadArgument. A sequence that
  // is not published yet fails with kBadArgument too. Members of a group cannot skip (kBadArgument), because
  // they share one position. Other errors: kDamaged, kForked.
  absl::Status SkipTo(Start);

  // Returns a new descriptor for poll, epoll, Boost.Asio or libuv. It is readable while TryNext would return
  // a message or a reason why there will be none (closed, evicted, removed, damaged, producer gone). A
  // TryNext that returns kEmpty makes it unreadable until the next message or reason, which is also a new
  // edge for EPOLLET. With edge-triggered waiting, read until kEmpty. With level-triggered waiting, read as
  // much as you like. The descriptor may occasionally be readable when there is nothing to read. Interrupt()
  // does not affect it.
  //
  // The caller closes the descriptor and uses it only for waiting. It is closed on exec. It is not signalled
  // any more once this handle is gone. In a forked child the descriptor still belongs to the parent's handle.
  // A plug-in that has called EventFd stays loaded after dlclose().
  //
  // Costs one thread of this process ("millrace", all signals blocked) for each 127 consumers with a
  // descriptor, while they exist, and some system calls for each kEmpty. Errors: kForked; kOther if no
  // descriptor or thread is available.
  absl::StatusOr<int> EventFd();

  // Returns what is known about the producer. Makes two system calls. A producer with !alive && !closed is
  // gone without Close. Returns an empty ProducerInfo in a forked child.
  ProducerInfo producer() const;
  // Returns the last reason why there was no message, in words: which process evicted this consumer, where
  // the ring is damaged and so on. Returns OK if the ring was empty or the time-out had passed.
  absl::Status status() const;
  ConsumerStats stats() const;  // counts of this handle
  // Returns the sequence of the next message to be read: by this consumer or, in a group, by any member.
  uint64_t next_sequence() const;
  // Makes the current or the next Next() return kInterrupted, whether or not there are messages, and every
  // Next() after it. TryNext still returns messages. Lasts for the life of this handle. May be called in any
  // thread or signal handler. A signal alone never ends a wait. On Linux before 5.16, and under system call
  // filters that refuse futex_waitv, a wait ends up to 50 ms late.
  void Interrupt() noexcept;
  bool valid() const { return hot_ != nullptr; }  // false after the handle was moved from

 private:
  template <class T>
  friend class TypedConsumer;
  friend class WaitSet;
  friend class internal::MergeImpl;
  explicit Consumer(std::unique_ptr<internal::ConsumerHot> hot);
  std::unique_ptr<internal::ConsumerHot> hot_;
};

template <class F>
Polled Consumer::Poll(F&& handler, size_t max) {
  assert(!hot_->polling);
  struct Guard {  // If the handler throws, its message is read again.
    internal::ConsumerHot* hot;
    bool handling = false;
    uint64_t sequence = 0, lost = 0;
    ~Guard() {
      hot->polling = false;
      if (handling)
        hot->Undeliver(sequence, lost);
      else if (hot->is_group_member)
        hot->AckHandled();
    }
  } guard{hot_.get()};
  hot_->polling = true;
  size_t handled = 0;
  while (handled < max) {
    const Received received = hot_->TryNext();
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
