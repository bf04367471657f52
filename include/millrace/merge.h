// SPDX-License-Identifier: Apache-2.0
// Fan-in: reads many rings as one stream.
#ifndef MILLRACE_MERGE_H_
#define MILLRACE_MERGE_H_

#include "millrace/internal/compiler.h"  // first

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "millrace/export.h"
#include "millrace/options.h"
#include "millrace/outcome.h"

namespace millrace {

namespace internal {
class MergeImpl;
}

// A message and the ring that it came from, or the reason why there is no message. The reason concerns one
// ring if source() is set, and the whole merge otherwise.
class [[nodiscard]] Merged {
 public:
  Merged(const Received& received, std::optional<uint32_t> source) : received_(received), source_(source) {}
  explicit operator bool() const { return static_cast<bool>(received_); }
  const Message& operator*() const { return *received_; }
  const Message* operator->() const { return received_.operator->(); }
  Got why() const { return received_.why(); }
  // Returns the number of the ring, as Merge::Add returned it. Returns nullopt if the call ended without a
  // ring: kTimedOut, kEmpty (no ring is left), kInterrupted or kForked.
  std::optional<uint32_t> source() const { return source_; }

 private:
  Received received_;
  std::optional<uint32_t> source_;
};

// Reads up to 128 rings as one stream; any kinds of consumers can be mixed. Messages of one ring keep their
// order; messages of different rings have no order. Rings that are ready take turns, one message each.
//
//   for (;;) {
//     const auto got = merge.Next();
//     if (got) use(*got.source(), got->payload);
//     else if (got.source()) report(merge.consumer(*got.source())->status());  // one ring has ended
//     else break;                                                              // kEmpty: all have ended
//   }
//
// Movable. Not thread-safe, except Interrupt(): use a merge in one thread at a time. After fork(), the
// child's merge returns kForked.
class MILLRACE_EXPORT Merge {
 public:
  Merge();
  Merge(Merge&&) noexcept;
  Merge& operator=(Merge&&) noexcept;
  ~Merge();  // destroys its consumers too

  // Takes over the consumer and returns its number. Numbers begin at 0 and are never reused. On an error the
  // caller keeps the consumer. Errors: kBadArgument if 128 rings that have not ended are in the merge, kInUse
  // if the consumer is in a WaitSet, kForked.
  absl::StatusOr<uint32_t> Add(Consumer&& consumer);
  // Removes a consumer from the merge and returns it, whether or not its ring has ended. Returns nullopt if
  // there is no consumer of that number.
  std::optional<Consumer> Remove(uint32_t source);
  // Returns a consumer of the merge, for status(), stats(), producer(), SkipTo() and so on, or null if there
  // is none of that number. The pointer stays valid until the consumer is removed, also after its ring has
  // ended. The caller may read from the consumer directly; the merge then continues after those messages. A
  // consumer that is assigned to has left the merge: Remove it, then Add it again.
  Consumer* consumer(uint32_t source);
  size_t size() const;  // number of rings that have not ended

  // Waits for a message of any ring and returns it, or the reason why there is none. The reason why a ring
  // has ended (kClosed, kEvicted, kRemoved, kDamaged, kInterrupted, kProducerGone) is returned once, with the
  // source() of the ring. kNoMemory ends no ring. The message stays valid until the next call on this merge.
  // That call also ends the use of the message (groups: acknowledges it).
  Merged Next(Nanos timeout = kForever);
  // Returns a message that is there now, or kTimedOut if there is none. Never waits.
  Merged TryNext() { return Next(Nanos::zero()); }
  // Ends the use of the current message, as Consumer::Ack does.
  void Ack() noexcept;
  // Makes the current or the next Next() return kInterrupted, and every Next() after it. Lasts for the life
  // of this merge. May be called in any thread or signal handler.
  void Interrupt() noexcept;
  bool valid() const { return impl_ != nullptr; }  // false after the merge was moved from

 private:
  std::unique_ptr<internal::MergeImpl> impl_;
};

}  // namespace millrace

#endif  // MILLRACE_MERGE_H_
