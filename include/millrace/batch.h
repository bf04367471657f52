// SPDX-License-Identifier: Apache-2.0
// Several messages that become visible together, or not at all.
#ifndef MILLRACE_BATCH_H_
#define MILLRACE_BATCH_H_

#include "millrace/internal/compiler.h"  // first

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "millrace/export.h"
#include "millrace/internal/producer_hot.h"
#include "millrace/options.h"
#include "millrace/outcome.h"

namespace millrace {

// An open batch, made by Producer::Batch. A Producer has at most one open batch, must outlive it, and
// publishes nothing else until the batch has ended (asserts). Consumers see no message of the batch before
// Commit. Abort, the destructor and a crash before Commit discard all of its messages. Commit publishes all
// messages with one wake-up, whatever their number. Use a batch in the Producer's thread only.
// protocol/publish.md "Batches".
class [[nodiscard]] MessageBatch {
 public:
  MessageBatch(MessageBatch&& other) noexcept
      : hot_(std::exchange(other.hot_, nullptr)), on_large_(other.on_large_) {}
  MessageBatch& operator=(MessageBatch&&) = delete;
  ~MessageBatch() { Abort(); }

  // Adds a copy of a message. Never waits. Returns kFull if there is no room now.
  // OnLargeBatch::kPublishInParts then publishes the messages added before, because consumers need not wait
  // for the rest, and the batch continues empty. Returns kTooLarge if the message is larger than the ring's
  // maximum message. With OnLargeBatch::kRefuse, returns kTooLarge also if the batch would take more than a
  // quarter of the ring's capacity, counted in frames (8 bytes plus the payload, rounded up to a multiple of
  // 8). Returns kBadArgument if this batch has ended.
  [[gnu::always_inline]] inline Sent TryAdd(std::span<const std::byte> message) noexcept {
    if (hot_ == nullptr) [[unlikely]]
      return Sent::kBadArgument;
    return AddNowOr(message, 0);
  }
  Sent TryAdd(std::string_view message) noexcept { return TryAdd(std::as_bytes(std::span(message))); }

  // Adds a copy of a message like TryAdd, and waits for room as ProducerOptions::on_full says. A time-out or
  // a dropped message leaves the batch as it was, or empty if its messages were published as a part.
  Sent Add(std::span<const std::byte> message, Nanos timeout = kForever) {
    if (hot_ == nullptr) return Sent::kBadArgument;
    return AddNowOr(message, timeout.count());
  }
  Sent Add(std::string_view message, Nanos timeout = kForever) {
    return Add(std::as_bytes(std::span(message)), timeout);
  }

  // Returns the number of messages that were added and are not yet visible.
  uint64_t size() const { return hot_ == nullptr ? 0 : hot_->ring.batched(); }

  // Publishes all messages of the batch together and ends the batch. Wait-free, and without a system call
  // unless a consumer sleeps. Returns kBadArgument if the batch has ended already, or if the producer has
  // published something else since it began (misuse), which published the messages of the batch too.
  Sent Commit() noexcept {
    if (hot_ == nullptr) return Sent::kBadArgument;
    internal::ProducerHot& hot = *std::exchange(hot_, nullptr);
    return hot.EndBatch(/*commit=*/true);
  }
  // Discards all messages that are not yet visible and ends the batch.
  void Abort() noexcept {
    if (hot_ != nullptr) (void)std::exchange(hot_, nullptr)->EndBatch(/*commit=*/false);
  }

 private:
  friend class Producer;
  template <class T>
  friend class TypedBatch;
  MessageBatch(internal::ProducerHot* hot, OnLargeBatch on_large) noexcept : hot_(hot), on_large_(on_large) {}
  [[gnu::always_inline]] inline Sent AddNowOr(std::span<const std::byte> message,
                                              int64_t timeout_ns) noexcept {
    internal::ProducerHot& hot = *hot_;
    const size_t n = message.size();
    if (!hot.ring.Allows(n) || !hot.ring.BatchFits(n)) [[unlikely]]
      return hot.AddToBatchSlow(message.data(), n, timeout_ns, in_parts());
    internal::RealAtomics::CopyIn(hot.ring.Place(), message.data(), n);
    hot.ring.AddToBatch(n);
    return Sent::kOk;
  }
  bool in_parts() const { return on_large_ == OnLargeBatch::kPublishInParts; }

  internal::ProducerHot* hot_;  // null: the batch has ended
  OnLargeBatch on_large_;
};

}  // namespace millrace

#endif  // MILLRACE_BATCH_H_
