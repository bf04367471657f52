// Several messages that become visible all at once, or not at all.
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
#include "millrace/internal/producer_core.h"
#include "millrace/options.h"
#include "millrace/outcome.h"

namespace millrace {

// Made by Producer::Batch; one at a time per Producer, which publishes nothing else meanwhile (asserts) and
// must outlive it. What was added is invisible to everybody until Commit; a crash before that, Abort and the
// destructor make it never have happened. Commit is one publication: one wake-up, whatever the number of
// messages. Use it on the Producer's thread. PROTOCOL.md "Batches".
class [[nodiscard]] MessageBatch {
 public:
  MessageBatch(MessageBatch&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), on_large_(other.on_large_) {}
  MessageBatch& operator=(MessageBatch&&) = delete;
  ~MessageBatch() { Abort(); }

  // Adds a copy of a message. Never waits. kFull: no room now; with OnLargeBatch::kPublishInParts what was
  // added before is published then, because others need not wait for it, and the batch goes on empty.
  // kTooLarge: larger than the ring's maximum message, or (kRefuse) the batch would take more than a quarter
  // of the ring's capacity, counted in frames (8 bytes and the payload, rounded up to 8). kBadArgument: this
  // batch has ended.
  [[gnu::always_inline]] inline Sent TryAdd(std::span<const std::byte> message) noexcept {
    if (core_ == nullptr) [[unlikely]]
      return Sent::kBadArgument;
    return AddNowOr(message, 0);
  }
  Sent TryAdd(std::string_view message) noexcept { return TryAdd(std::as_bytes(std::span(message))); }

  // The same, waiting for room as ProducerOptions::on_full says. A time-out, and a message that was dropped,
  // leave the batch as it was, or empty if its part was published.
  Sent Add(std::span<const std::byte> message, Nanos timeout = kForever) {
    if (core_ == nullptr) return Sent::kBadArgument;
    return AddNowOr(message, timeout.count());
  }
  Sent Add(std::string_view message, Nanos timeout = kForever) {
    return Add(std::as_bytes(std::span(message)), timeout);
  }

  // Messages added and not yet visible.
  uint64_t size() const { return core_ == nullptr ? 0 : core_->ring.batched(); }

  // Publishes all of it at once; afterwards this is over, like after Abort. Wait-free, and without system
  // call unless a consumer sleeps. kBadArgument: it is over already, or the producer published something
  // meanwhile (misuse), which published the batch too.
  Sent Commit() noexcept {
    if (core_ == nullptr) return Sent::kBadArgument;
    internal::ProducerCore& core = *std::exchange(core_, nullptr);
    return core.EndBatch(/*commit=*/true);
  }
  void Abort() noexcept {
    if (core_ != nullptr) (void)std::exchange(core_, nullptr)->EndBatch(/*commit=*/false);
  }

 private:
  friend class Producer;
  template <class T>
  friend class TypedBatch;
  MessageBatch(internal::ProducerCore* core, OnLargeBatch on_large) noexcept
      : core_(core), on_large_(on_large) {}
  [[gnu::always_inline]] inline Sent AddNowOr(std::span<const std::byte> message,
                                              int64_t timeout_ns) noexcept {
    internal::ProducerCore& core = *core_;
    const size_t n = message.size();
    if (!core.ring.Allows(n) || !core.ring.BatchFits(n)) [[unlikely]]
      return core.AddToBatchSlow(message.data(), n, timeout_ns, in_parts());
    internal::RealAtomics::CopyIn(core.ring.Place(), message.data(), n);
    core.ring.AddToBatch(n);
    return Sent::kOk;
  }
  bool in_parts() const { return on_large_ == OnLargeBatch::kPublishInParts; }

  internal::ProducerCore* core_;  // null: over
  OnLargeBatch on_large_;
};

}  // namespace millrace

#endif  // MILLRACE_BATCH_H_
