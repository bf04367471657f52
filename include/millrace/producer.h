// SPDX-License-Identifier: Apache-2.0
// The handle of a producer. It claims space in a ring, fills it and publishes it.
#ifndef MILLRACE_PRODUCER_H_
#define MILLRACE_PRODUCER_H_

#include "millrace/internal/compiler.h"  // first

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/batch.h"
#include "millrace/export.h"
#include "millrace/internal/producer_hot.h"
#include "millrace/options.h"
#include "millrace/outcome.h"

namespace millrace {

template <class T>
class TypedProducer;

// The path of a message call that need not wait is always inlined, here and in consumer.h and typed.h.
// Otherwise GCC stops inlining in large files, and returning the result of a call through memory slows small
// messages down [NOTES inline]. Claim::Commit is the exception: forced inlining pulls its cold half into the
// straight path.

// Space for one message inside the ring. A Producer has at most one open claim and must outlive it. A claim
// that is destroyed without Commit publishes nothing, so an exception or an early return never publishes half
// a message. Use a claim in the Producer's thread only.
class [[nodiscard]] Claim {
 public:
  Claim(Claim&& other) noexcept
      : hot_(std::exchange(other.hot_, nullptr)), data_(other.data_), size_(other.size_), why_(other.why_) {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() { Abort(); }

  explicit operator bool() const { return hot_ != nullptr; }  // true: there is space, not yet committed
  Sent why() const { return why_; }  // the reason why there is no space; kOk if there is

  // Returns the claimed bytes, exactly as many as were requested, at an address that is a multiple of 8. They
  // are UNINITIALISED: they hold parts of old messages, so overwrite every byte that you commit.
  std::span<std::byte> bytes() const { return {data_, size_}; }

  // Publishes the first `used` bytes, or all bytes without an argument, and ends the claim. Requires an open
  // claim and `used` <= bytes().size() (asserts). Wait-free, and without a system call unless a consumer
  // sleeps. protocol/publish.md "Publish".
  void Commit() { Commit(size_); }
  void Commit(size_t used) {
    assert(hot_ != nullptr && used <= size_);
    if (hot_ == nullptr || used > size_) return;
    internal::ProducerHot& hot = *std::exchange(hot_, nullptr);
    if (!hot.ring.Holds(used)) [[unlikely]]
      return;                           // misuse in a forked child or after Close: the space is gone
    assert(data_ == hot.ring.Place());  // fails if another message was published since this claim was made
    hot.Commit(used);
  }
  // Gives the space back; nothing is published.
  void Abort() { hot_ = nullptr; }

 private:
  friend class Producer;
  Claim(internal::ProducerHot* hot, std::byte* data, size_t size, Sent why) noexcept
      : hot_(hot), data_(data), size_(size), why_(why) {}

  internal::ProducerHot* hot_;  // null: nothing to commit
  std::byte* data_;
  size_t size_;
  Sent why_;
};

// Counts of this handle, except `published`, which includes the messages of earlier producers of the ring.
struct ProducerStats {
  // Messages published, payload bytes, messages dropped, waits for room, consumers evicted, wake-ups of
  // consumers.
  uint64_t published, bytes, dropped, blocked, evictions, wakes;
  Nanos blocked_time;  // spent in waits for room that are over
};

// Publishes to one ring; a ring has at most one producer. Movable. Not thread-safe, except Interrupt(): use a
// handle in one thread at a time. A moved-from handle may only be destroyed, assigned to, or queried with
// valid(). After fork(), the child's handle returns kForked and its destructor does nothing. No call on a
// handle is a cancellation point: pthread_cancel() takes effect after the call, so use Interrupt() to end a
// wait.
class MILLRACE_EXPORT Producer {
 public:
  // Creates a ring and becomes its producer. Errors: kExists if the file NAME.ring exists, kNotARing if
  // NAME.seats or NAME.lock is a file of another program, kBadName, kBadArgument, kNoSpace, kNoMemoryLimit,
  // kNoPermission, kProducerAlive if a removed ring of that name still has a living producer.
  static absl::StatusOr<Producer> Create(std::string_view name, const RingOptions& = {},
                                         const ProducerOptions& = {});
  // Takes over an existing ring in place: sequence numbers continue and consumers keep running. Reopens a
  // closed ring. Errors: kNotFound, kNoPermission (ProducerOptions::owner), kProducerAlive if the ring still
  // has a living producer after take_over_timeout, and those of an unusable ring: kNotARing, kTruncated,
  // kLayoutVersion, kBadLengths, kIncarnation, kDamaged. protocol/life_cycle.md "Take-over".
  static absl::StatusOr<Producer> Open(std::string_view name, const ProducerOptions& = {});
  // Opens the ring if it exists and creates it otherwise, as a daemon needs at its start. Returns
  // kOptionsDiffer if the existing ring differs from an option that is set.
  static absl::StatusOr<Producer> OpenOrCreate(std::string_view name, const RingOptions& = {},
                                               const ProducerOptions& = {});

  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;
  // Detaches, as a crash would: consumers can see that the producer is gone, and a successor can continue the
  // stream. Only Close() declares that the stream is complete.
  ~Producer();

  // Claims space for a message of `n` bytes (0 is allowed). Wait-free: never waits, drops, or evicts a living
  // consumer. The claim is empty if there is no space; see Claim::why(). Only one claim may be open at a
  // time: a second one gets the same bytes, and committing both asserts.
  [[gnu::always_inline]] inline Claim TryClaim(size_t n) noexcept {
    assert(!hot_->ring.batch_open());
    internal::ProducerHot& hot = *hot_;
    internal::ProducerHot::Claimed claimed{hot.ring.Place(), Sent::kOk};
    if (!hot.ring.Allows(n) || !hot.ring.Fits(n)) [[unlikely]] {
      claimed = hot.TryClaimSlow(n);
      if (claimed.data == nullptr) return Claim(nullptr, nullptr, 0, claimed.why);
    }
    return Claim(&hot, claimed.data, n, Sent::kOk);
  }
  // Claims space like TryClaim, and waits for room as ProducerOptions::on_full says, at most `timeout`.
  [[gnu::always_inline]] inline Claim WaitClaim(size_t n, Nanos timeout = kForever) {
    internal::ProducerHot& hot = *hot_;
    if (!hot.ring.Allows(n) || !hot.MayPublishNow(n)) [[unlikely]]
      return WaitClaimSlow(n, timeout);
    return Claim(&hot, hot.ring.Place(), n, Sent::kOk);
  }

  // Publishes a copy of a message. Returns kFull if a lossless consumer or a group leaves no room now. Never
  // waits.
  [[gnu::always_inline]] inline Sent TryPublish(std::span<const std::byte> message) noexcept {
    assert(!hot_->ring.batch_open());
    internal::ProducerHot& hot = *hot_;
    const size_t n = message.size();
    if (!hot.ring.Allows(n) || !hot.ring.Fits(n)) [[unlikely]]
      return hot.TryPublishSlow(message.data(), n);
    internal::RealAtomics::CopyIn(hot.ring.Place(), message.data(), n);
    hot.Commit(n);
    return Sent::kOk;
  }
  [[gnu::always_inline]] inline Sent TryPublish(std::string_view message) noexcept {
    return TryPublish(std::as_bytes(std::span(message)));
  }

  // Publishes a copy of a message, and waits for room as ProducerOptions::on_full says, at most `timeout`
  // (zero: does not wait). A producer and a lossless consumer in one thread would wait for each other
  // forever, so give a time-out there.
  [[gnu::always_inline]] inline Sent Publish(std::span<const std::byte> message, Nanos timeout = kForever) {
    internal::ProducerHot& hot = *hot_;
    const size_t n = message.size();
    if (!hot.ring.Allows(n) || !hot.MayPublishNow(n)) [[unlikely]]
      return PublishSlow(message, timeout);
    internal::RealAtomics::CopyIn(hot.ring.Place(), message.data(), n);
    hot.Commit(n);
    return Sent::kOk;
  }
  [[gnu::always_inline]] inline Sent Publish(std::string_view message, Nanos timeout = kForever) {
    return Publish(std::as_bytes(std::span(message)), timeout);
  }

  // Begins a batch: messages that become visible together (batch.h). Nothing else may be published or claimed
  // until the batch has ended (asserts).
  MessageBatch Batch(OnLargeBatch on_large = OnLargeBatch::kPublishInParts) noexcept {
    assert(!hot_->ring.batch_open());
    if (hot_->ring.batch_open()) return MessageBatch(nullptr, on_large);
    hot_->ring.BeginBatch();
    return MessageBatch(hot_.get(), on_large);
  }

  // Declares that the stream is complete and releases the ring. Consumers that have read everything return
  // kClosed. Later calls on this handle return kClosed.
  absl::Status Close();
  // Returns OK if the ring still has its name and all of its bytes. Otherwise returns kRemoved or kTruncated.
  // Makes a few system calls. Call it from time to time.
  absl::Status Check();
  // Waits until that many lossless consumers and group members are alive, and returns true. Returns false
  // after the time-out, after Interrupt(), after Close(), and in a forked child. Returns false within 50 ms
  // if the ring was removed or damaged, because no consumer can join then; Check() gives the reason. Returns
  // false immediately if the number is larger than the number of seats.
  bool WaitForConsumers(size_t lossless_or_group, Nanos timeout = kForever);

  uint64_t next_sequence() const;  // number of messages ever published; the first message has sequence 0
  size_t max_message() const;      // largest message, in bytes
  ProducerStats stats() const;
  // Ends the waits of this producer, now and later. Publish and WaitClaim return kInterrupted, even if there
  // is room. MessageBatch::Add returns kInterrupted instead of waiting, and WaitForConsumers returns false.
  // Lasts for the life of this handle. May be called in any thread or signal handler. A signal alone never
  // ends a wait.
  void Interrupt() noexcept;
  bool valid() const { return hot_ != nullptr; }  // false after the handle was moved from

 private:
  template <class T>
  friend class TypedProducer;
  explicit Producer(std::unique_ptr<internal::ProducerHot> hot);
  [[gnu::cold]] Claim WaitClaimSlow(size_t n, Nanos timeout);
  [[gnu::cold]] Sent PublishSlow(std::span<const std::byte> message, Nanos timeout);
  // Returns kSchema if the ring carries another schema ("" matches any), or kBadArgument if `bytes` is larger
  // than the ring's maximum message.
  absl::Status CheckCarries(std::string_view schema, size_t bytes) const;
  std::unique_ptr<internal::ProducerHot> hot_;
};

}  // namespace millrace

#endif  // MILLRACE_PRODUCER_H_
