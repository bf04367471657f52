// The producer's handle: claims space in a ring, fills it, commits it.
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
#include "millrace/internal/producer_core.h"
#include "millrace/options.h"
#include "millrace/outcome.h"

namespace millrace {

template <class T>
class TypedProducer;

// What a message call takes while it need not wait is inlined always, here and in consumer.h and typed.h: in
// a large file GCC stops inlining by itself, and a call with its result in memory halves the speed of small
// messages. Not so Claim::Commit: forced, its cold half comes onto the straight path.

// Space for one message inside the ring. Belongs to its Producer, one at a time; destroyed without Commit it
// publishes nothing, so an exception or early return never publishes half a message.
class [[nodiscard]] Claim {
 public:
  Claim(Claim&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)),
        data_(other.data_),
        size_(other.size_),
        why_(other.why_) {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() { Abort(); }

  explicit operator bool() const { return core_ != nullptr; }
  Sent why() const { return why_; }  // why there is no space; kOk if there is

  // Exactly the bytes asked for, 8-aligned, UNINITIALISED: they hold old messages, overwrite all you commit.
  std::span<std::byte> bytes() const { return {data_, size_}; }

  // Publishes the first `used` bytes (all without argument); afterwards this is empty. Wait-free, and without
  // system call unless a consumer sleeps. PROTOCOL.md "Publish".
  void Commit() { Commit(size_); }
  void Commit(size_t used) {
    assert(core_ != nullptr && used <= size_);
    if (core_ == nullptr || used > size_) return;
    internal::ProducerCore& core = *std::exchange(core_, nullptr);
    if (!core.ring.Holds(used)) [[unlikely]]
      return;                            // in a forked child, or after Close (misuse): the space is gone
    assert(data_ == core.ring.Place());  // else something was published since it was claimed
    core.Commit(used);
  }
  void Abort() { core_ = nullptr; }

 private:
  friend class Producer;
  Claim(internal::ProducerCore* core, std::byte* data, size_t size, Sent why) noexcept
      : core_(core), data_(data), size_(size), why_(why) {}

  internal::ProducerCore* core_;  // null: nothing to commit
  std::byte* data_;
  size_t size_;
  Sent why_;
};

// Of this handle, but for `published`, which counts on from its predecessors.
struct ProducerStats {
  uint64_t published, bytes, dropped, blocked, evictions, wakes;  // messages, payload bytes, times ...
  Nanos blocked_time;
};

// One ring has at most one producer. Movable; one thread at a time, only Interrupt() is free of that; a
// moved-from handle may be destroyed, assigned or asked valid(). After fork() the child's handle answers
// kForked and its destructor does nothing. No call on a handle is a cancellation point: pthread_cancel() acts after it,
// so end a wait by Interrupt().
class MILLRACE_EXPORT Producer {
 public:
  // A new ring. kExists if there is one of that name.
  static absl::StatusOr<Producer> Create(std::string_view name, const RingOptions& = {},
                                         const ProducerOptions& = {});
  // Takes an existing ring over in place: the sequence goes on, consumers keep running. Reopens a closed
  // ring. kProducerAlive after take_over_timeout if its producer lives. PROTOCOL.md "Take-over".
  static absl::StatusOr<Producer> Open(std::string_view name, const ProducerOptions& = {});
  // Whichever of the two fits: what a daemon wants.
  static absl::StatusOr<Producer> OpenOrCreate(std::string_view name, const RingOptions& = {},
                                               const ProducerOptions& = {});

  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;
  // DETACHES, as a crash would: consumers can see that the producer is gone, a successor goes on. Only
  // Close() says that the stream is complete.
  ~Producer();

  // Space for a message of `n` bytes (0 is allowed). Wait-free: never waits, drops or evicts the living.
  // Two claims open at a time are the same space and a programmer's error: who commits behind the other
  // asserts.
  [[gnu::always_inline]] inline Claim TryClaim(size_t n) noexcept {
    assert(!core_->ring.batch_open());
    internal::ProducerCore& core = *core_;
    internal::ProducerCore::Claimed claimed{core.ring.Place(), Sent::kOk};
    if (!core.ring.Allows(n) || !core.ring.Fits(n)) [[unlikely]] {
      claimed = core.TryClaimSlow(n);
      if (claimed.data == nullptr) return Claim(nullptr, nullptr, 0, claimed.why);
    }
    return Claim(&core, claimed.data, n, Sent::kOk);
  }
  // The same, waiting for room as ProducerOptions::on_full says.
  [[gnu::always_inline]] inline Claim WaitClaim(size_t n, Nanos timeout = kForever) {
    internal::ProducerCore& core = *core_;
    if (!core.ring.Allows(n) || !core.MayPublishNow(n)) [[unlikely]]
      return WaitClaimSlow(n, timeout);
    return Claim(&core, core.ring.Place(), n, Sent::kOk);
  }

  // Publishes a copy. kFull where a lossless consumer leaves no room now.
  [[gnu::always_inline]] inline Sent TryPublish(std::span<const std::byte> message) noexcept {
    assert(!core_->ring.batch_open());
    internal::ProducerCore& core = *core_;
    const size_t n = message.size();
    if (!core.ring.Allows(n) || !core.ring.Fits(n)) [[unlikely]]
      return core.TryPublishSlow(message.data(), n);
    internal::RealAtomics::CopyIn(core.ring.Place(), message.data(), n);
    core.Commit(n);
    return Sent::kOk;
  }
  [[gnu::always_inline]] inline Sent TryPublish(std::string_view message) noexcept {
    return TryPublish(std::as_bytes(std::span(message)));
  }

  // The same, waiting for room as ProducerOptions::on_full says. A producer and a lossless consumer in one
  // thread wait for each other: give a time-out. Zero: do not wait.
  [[gnu::always_inline]] inline Sent Publish(std::span<const std::byte> message, Nanos timeout = kForever) {
    internal::ProducerCore& core = *core_;
    const size_t n = message.size();
    if (!core.ring.Allows(n) || !core.MayPublishNow(n)) [[unlikely]]
      return PublishSlow(message, timeout);
    internal::RealAtomics::CopyIn(core.ring.Place(), message.data(), n);
    core.Commit(n);
    return Sent::kOk;
  }
  [[gnu::always_inline]] inline Sent Publish(std::string_view message, Nanos timeout = kForever) {
    return Publish(std::as_bytes(std::span(message)), timeout);
  }

  // Begins a batch: messages that become visible all at once (batch.h). Nothing else may be published or
  // claimed until it has ended (asserts).
  MessageBatch Batch(OnLargeBatch on_large = OnLargeBatch::kPublishInParts) noexcept {
    assert(!core_->ring.batch_open());
    if (core_->ring.batch_open()) return MessageBatch(nullptr, on_large);
    core_->ring.BeginBatch();
    return MessageBatch(core_.get(), on_large);
  }

  // Says that the stream is complete and releases the ring: consumers that have read everything see kClosed.
  // Later calls answer kClosed.
  absl::Status Close();
  // Is the ring still linked and whole? Two system calls; kRemoved, kTruncated. Call it now and then.
  absl::Status Check();
  // Waits until so many lossless or group consumers are alive. false: time-out; Interrupt(); the ring was
  // removed or damaged, so that nobody can come (Check() says so, within 50 ms); or, at once, more than the
  // ring has seats.
  bool WaitForConsumers(size_t lossless_or_group, Nanos timeout = kForever);

  uint64_t next_sequence() const;  // messages ever published; the first message has sequence 0
  size_t max_message() const;      // bytes
  ProducerStats stats() const;
  // Ends a wait, now or later, with kInterrupted. From any thread or signal handler; lasts for the life of
  // this handle. A signal alone never ends a wait.
  void Interrupt() noexcept;
  bool valid() const { return core_ != nullptr; }

 private:
  template <class T>
  friend class TypedProducer;
  explicit Producer(std::unique_ptr<internal::ProducerCore> core);
  [[gnu::cold]] Claim WaitClaimSlow(size_t n, Nanos timeout);
  [[gnu::cold]] Sent PublishSlow(std::span<const std::byte> message, Nanos timeout);
  // kSchema, kBadArgument: the ring does not carry messages of this schema and size. ("" is any schema.)
  absl::Status CheckCarries(std::string_view schema, size_t bytes) const;
  std::unique_ptr<internal::ProducerCore> core_;
};

}  // namespace millrace

#endif  // MILLRACE_PRODUCER_H_
