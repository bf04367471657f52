// Fan-in: many rings read as one stream.
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
class MergeCore;
}

// A message and the ring it came from, or the reason why there is none: of a ring that has ended (source()
// says which), or of the whole.
class [[nodiscard]] Merged {
 public:
  Merged(const Received& received, std::optional<uint32_t> source) : received_(received), source_(source) {}
  explicit operator bool() const { return static_cast<bool>(received_); }
  const Message& operator*() const { return *received_; }
  const Message* operator->() const { return received_.operator->(); }
  Got why() const { return received_.why(); }
  // The number that Add gave. nullopt: no ring, but the call has ended: kTimedOut, kEmpty (no ring is left),
  // kInterrupted, kForked.
  std::optional<uint32_t> source() const { return source_; }

 private:
  Received received_;
  std::optional<uint32_t> source_;
};

// Reads up to 128 rings as one stream, whatever kinds of consumers they are. The order of each ring is kept,
// between rings there is none; rings that are ready take turns, a message each.
//
//   for (;;) {
//     const auto got = merge.Next();
//     if (got) use(*got.source(), got->payload);
//     else if (got.source()) report(merge.consumer(*got.source())->status());  // one ring has ended
//     else break;                                                              // kEmpty: all have ended
//   }
//
// Movable; one thread at a time, only Interrupt() is free of that. After fork() the child's merge answers
// kForked.
class MILLRACE_EXPORT Merge {
 public:
  Merge();
  Merge(Merge&&) noexcept;
  Merge& operator=(Merge&&) noexcept;
  ~Merge();  // with its consumers

  // Takes the consumer over; the answer is its number, from 0 on, never given twice. kBadArgument: it would
  // be the 129th that has not ended; kInUse: it is in a WaitSet; kForked. On an error the consumer stays the
  // caller's.
  absl::StatusOr<uint32_t> Add(Consumer&& consumer);
  // Gives it back, ended or not; nullopt: there is no such number (any more).
  std::optional<Consumer> Remove(uint32_t source);
  // For status(), stats(), producer(), SkipTo() ... Until it is removed, also after it has ended; null: there
  // is no such number. Reading from it past the merge is allowed, and the merge goes on after that. A
  // consumer that is assigned to has left the merge: Remove it and Add it again.
  Consumer* consumer(uint32_t source);
  size_t size() const;  // rings that have not ended

  // The next message of whichever ring has its turn, or why there is none. A ring that has ended (kClosed,
  // kEvicted, kRemoved, kDamaged, kInterrupted, kProducerGone) says so once, with its source(); kNoMemory ends
  // none. The message is valid until the next call on this merge, which also says that it is done with (groups:
  // acknowledges it).
  Merged Next(Nanos timeout = kForever);
  Merged TryNext() { return Next(Nanos::zero()); }  // kTimedOut: nothing is there now
  // The current message is done with, as Consumer::Ack.
  void Ack() noexcept;
  // Ends Next(), now or later, with kInterrupted. From any thread or signal handler; lasts for the life of
  // this merge.
  void Interrupt() noexcept;
  bool valid() const { return core_ != nullptr; }

 private:
  std::unique_ptr<internal::MergeCore> core_;
};

}  // namespace millrace

#endif  // MILLRACE_MERGE_H_
