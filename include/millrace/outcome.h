// SPDX-License-Identifier: Apache-2.0
// Results of message calls: one byte that gives the reason, and a message if there is one.
#ifndef MILLRACE_OUTCOME_H_
#define MILLRACE_OUTCOME_H_

#include "millrace/internal/compiler.h"  // first

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/export.h"

namespace millrace {

// Result of publishing or claiming.
enum class [[nodiscard]] Sent : uint8_t{
    kOk,
    kFull,         // TryPublish, TryClaim, TryAdd: a lossless consumer or a group leaves no room now
    kTimedOut,     // there was no room within the time-out
    kDropped,      // OnFull::kDropNew: no room; ProducerStats::dropped counts the message
    kTooLarge,     // larger than the ring's maximum message; in a batch also: see OnLargeBatch::kRefuse
    kClosed,       // this producer has closed its ring
    kRemoved,      // the ring was unlinked, or truncated under the SIGBUS guard
    kInterrupted,  // Interrupt() was called on this producer
    kForked,       // this handle was inherited through fork()
    kBadArgument,  // this batch has ended
};

// Result of reading.
enum class [[nodiscard]] Got : uint8_t{
    kMessage,
    kEmpty,     // everything published so far was read; the producer may be alive or gone
    kTimedOut,  // no message arrived within the time-out
    kClosed,    // the producer closed the ring and everything was read
    kEvicted,   // this consumer lost its seat; status() says which process evicted it, and why
    // The ring's name was removed or belongs to another ring now (shmctl unlink, rm, mv), and everything was
    // read. A consumer that always finds a message continues to read. It learns of the removal when it first
    // finds none.
    kRemoved,
    kDamaged,       // the ring contradicts the protocol, or its file has lost bytes; status() says where
    kInterrupted,   // Interrupt() was called on this consumer, WaitSet or Merge
    kForked,        // this handle was inherited through fork()
    kProducerGone,  // report_producer_gone: the producer ended without Close and everything was read
    kNoMemory,      // no memory for a copy of the next message; free some and ask again, nothing is lost
};

// Returns the name of a value, such as "kTimedOut"; never null. For logs and tests.
MILLRACE_EXPORT const char* ToString(Sent sent);
MILLRACE_EXPORT const char* ToString(Got got);

// A message that a consumer has received.
struct Message {
  // The bytes of the message, at an address that is a multiple of 8. Valid until the next call on the
  // Consumer; inside Poll, until the handler returns.
  std::span<const std::byte> payload;
  uint64_t sequence;    // 0 for the first message ever published on the ring
  uint64_t lost;        // messages missed directly before this one; messages skipped by SkipTo do not count
  uint32_t deliveries;  // 1 for the first delivery; in a group, each earlier delivery adds 1

  std::string_view text() const { return {reinterpret_cast<const char*>(payload.data()), payload.size()}; }
};

// A message, or the reason why there is none.
class [[nodiscard]] Received {
 public:
  Received(Got why) noexcept : why_(why) {}  // NOLINT(google-explicit-constructor): `return Got::kEmpty;`
  explicit Received(const Message& message) noexcept : message_(message), why_(Got::kMessage) {}

  explicit operator bool() const { return why_ == Got::kMessage; }
  const Message& operator*() const { return message_; }
  const Message* operator->() const { return &message_; }
  Got why() const { return why_; }

 private:
  Message message_{};
  Got why_;
};

// Result of Consumer::Poll.
struct [[nodiscard]] Polled {
  size_t handled;  // messages given to the handler
  Got why;         // kMessage: stopped by `max` or by the handler; otherwise why there was no further message
};

}  // namespace millrace

#endif  // MILLRACE_OUTCOME_H_
