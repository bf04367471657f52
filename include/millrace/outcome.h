// What a message call answers: one byte that says why, and a message where there is one.
#ifndef MILLRACE_OUTCOME_H_
#define MILLRACE_OUTCOME_H_

#include "millrace/internal/compiler.h"  // first

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/export.h"

namespace millrace {

enum class [[nodiscard]] Sent : uint8_t{
    kOk,
    kFull,  // TryPublish, TryClaim: a lossless consumer leaves no room now
    kTimedOut,
    kDropped,   // OnFull::kDropNew: no room; counted in ProducerStats::dropped
    kTooLarge,  // larger than the ring's maximum message
    kClosed,    // this producer has closed its ring
    kRemoved,   // the ring was unlinked
    kInterrupted,
    kForked,  // this handle came through fork()
    kBadArgument,
};

enum class [[nodiscard]] Got : uint8_t{
    kMessage,
    kEmpty,  // nothing published beyond what was read; a producer may be alive or gone
    kTimedOut,
    kClosed,   // the producer closed the ring and everything was read
    kEvicted,  // this consumer lost its seat; status() says to whom and why
    // The ring's name is gone or leads to another ring (shmctl unlink, rm, mv), and everything was read. A
    // consumer that always finds a message is not interrupted: it learns this at its first look that finds
    // none.
    kRemoved,
    kDamaged,  // the ring's contents contradict the protocol, or its file lost bytes; status() says where
    kInterrupted,
    kForked,        // this handle came through fork()
    kProducerGone,  // ConsumerOptions::report_producer_gone: it is gone without Close and everything was read
    kNoMemory,      // no memory for this message's copy; it is not lost: free some and ask again
};

// "kTimedOut" and so on; never null. For logs and tests.
MILLRACE_EXPORT const char* ToString(Sent sent);
MILLRACE_EXPORT const char* ToString(Got got);

struct Message {
  // Valid until the next call on this Consumer; inside Poll, until the handler returns.
  std::span<const std::byte> payload;
  uint64_t sequence;    // 0 for the first message ever published on the ring
  uint64_t lost;        // messages this consumer missed directly before this one; skipped ones are not lost
  uint32_t deliveries;  // 1: first delivery

  std::string_view text() const { return {reinterpret_cast<const char*>(payload.data()), payload.size()}; }
};

// A message or the reason why there is none.
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

struct [[nodiscard]] Polled {
  size_t handled;  // messages given to the handler
  Got why;         // kMessage: stopped by `max` or by the handler; else why there was no further message
};

}  // namespace millrace

#endif  // MILLRACE_OUTCOME_H_
