// SPDX-License-Identifier: Apache-2.0
// Messages of one plain type: no length to check by hand, and a schema that both sides share.
//
// Declare the schema beside the type:
//   struct Quote { uint64_t seq; double bid, ask; };
//   template <> inline constexpr std::string_view millrace::kSchema<Quote> = "seq:u64 bid:f64 ask:f64";
#ifndef MILLRACE_TYPED_H_
#define MILLRACE_TYPED_H_

#include "millrace/internal/compiler.h"  // first

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "millrace/internal/schema.h"
#include "millrace/producer.h"

namespace millrace {

// A type whose bytes have the same meaning in another process. Members of type bool or enum are allowed but
// risky, because a hostile producer can store any bits in them: use integers and check them. Padding bytes
// are published too.
template <class T>
concept Plain = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && !std::is_pointer_v<T> &&
                alignof(T) <= 8;

// The schema of a message type; specialise it for each type. It lists the fields "name:type" in order,
// separated by one space. A type is u8 to u64, i8 to i64, f32, f64, or an array such as u8[16]. "_:u8[4]"
// names padding. "" means untyped.
template <class T>
inline constexpr std::string_view kSchema = "";

namespace internal {

// Reports at compile time what is wrong with a message type, and how to mend it.
template <class T>
constexpr bool CheckMessageType() {
  static_assert(
      std::is_trivially_copyable_v<T>,
      "millrace: T must be trivially copyable: replace std::string, std::vector and pointers to other "
      "objects by fixed arrays, or publish bytes with millrace::Producer");
  static_assert(!std::is_pointer_v<T>,
                "millrace: T is a pointer, which means nothing in another process: publish "
                "what it points to");
  static_assert(std::is_standard_layout_v<T>,
                "millrace: T must have standard layout (no virtual functions, one access level) so that both "
                "processes agree on its bytes");
  static_assert(alignof(T) <= 8,
                "millrace: T asks for more than 8-byte alignment, which frames do not have: drop "
                "alignas, or copy into an aligned object after receiving");
  static_assert(
      SchemaBytes(kSchema<T>) != kBadSchema,
      "millrace: kSchema<T> is malformed: write \"name:type name:type\" with u8..u64, i8..i64, f32, f64 or "
      "an array such as u8[16]");
  static_assert(
      kSchema<T>.empty() || SchemaBytes(kSchema<T>) == sizeof(T),
      "millrace: the fields of kSchema<T> do not add up to sizeof(T): a field is missing, has another type, "
      "or padding is not named (add \"_:u8[N]\")");
  return true;
}

template <class T>
RingOptions WithSchema(RingOptions options) {
  if (!options.schema && !kSchema<T>.empty()) options.schema = std::string(kSchema<T>);
  return options;
}

}  // namespace internal

// A typed message, or the reason why there is none. The reference to the message is valid until the next call
// on the consumer.
template <class T>
class [[nodiscard]] TypedReceived {
 public:
  // Stores the fields of a Received, not a copy of it, which would go through the stack.
  explicit TypedReceived(const Received& received)
      : value_(received->payload.data()),
        sequence_(received->sequence),
        lost_(received->lost),
        deliveries_(received->deliveries),
        why_(received.why()) {}
  explicit TypedReceived(const internal::Lent& lent)
      : value_(lent.data), sequence_(lent.sequence), lost_(lent.lost), deliveries_(1), why_(Got::kMessage) {}
  explicit operator bool() const { return why_ == Got::kMessage; }
  const T& operator*() const { return *reinterpret_cast<const T*>(value_); }
  const T* operator->() const { return &**this; }
  // These return the fields of Message that have their names.
  uint64_t sequence() const { return sequence_; }
  uint64_t lost() const { return lost_; }
  uint32_t deliveries() const { return deliveries_; }
  Got why() const { return why_; }

 private:
  const std::byte* value_;
  uint64_t sequence_, lost_;
  uint32_t deliveries_;
  Got why_;
};

// An open batch of messages of one type. See MessageBatch.
template <class T>
class [[nodiscard]] TypedBatch {
 public:
  Sent TryAdd(const T& message) noexcept { return batch_.TryAdd(Bytes(message)); }
  Sent Add(const T& message, Nanos timeout = kForever) { return batch_.Add(Bytes(message), timeout); }
  uint64_t size() const { return batch_.size(); }
  Sent Commit() noexcept { return batch_.Commit(); }
  void Abort() noexcept { batch_.Abort(); }

 private:
  friend class TypedProducer<T>;
  explicit TypedBatch(MessageBatch batch) : batch_(std::move(batch)) {}
  static std::span<const std::byte> Bytes(const T& message) {
    return {reinterpret_cast<const std::byte*>(&message), sizeof(T)};
  }
  MessageBatch batch_;
};

// A Producer of messages of type T. Each function works like the one of the same name in Producer.
template <class T>
class TypedProducer {
  static_assert(internal::CheckMessageType<T>());

 public:
  // Create and OpenOrCreate give the ring kSchema<T> unless RingOptions::schema is set. All three return
  // kSchema if the ring carries another schema, and kBadArgument if T is larger than the ring's maximum
  // message.
  static absl::StatusOr<TypedProducer> Create(std::string_view name, const RingOptions& ring = {},
                                              const ProducerOptions& options = {}) {
    return Wrap(Producer::Create(name, internal::WithSchema<T>(ring), options));
  }
  static absl::StatusOr<TypedProducer> Open(std::string_view name, const ProducerOptions& options = {}) {
    return Wrap(Producer::Open(name, options));
  }
  static absl::StatusOr<TypedProducer> OpenOrCreate(std::string_view name, const RingOptions& ring = {},
                                                    const ProducerOptions& options = {}) {
    return Wrap(Producer::OpenOrCreate(name, internal::WithSchema<T>(ring), options));
  }

  [[gnu::always_inline]] inline Sent TryPublish(const T& message) noexcept {
    internal::ProducerHot& hot = *bytes_.hot_;
    assert(!hot.ring.batch_open());
    // Opening has compared sizeof(T) with the maximum message.
    if (!hot.ring.Fits(sizeof(T))) [[unlikely]]
      return hot.TryPublishSlow(&message, sizeof(T));
    internal::RealAtomics::CopyIn(hot.ring.Place(), &message, sizeof(T));
    hot.Commit(sizeof(T));
    return Sent::kOk;
  }
  [[gnu::always_inline]] inline Sent Publish(const T& message, Nanos timeout = kForever) {
    return bytes_.Publish(std::span<const std::byte>(reinterpret_cast<const std::byte*>(&message), sizeof(T)),
                          timeout);
  }
  TypedBatch<T> Batch(OnLargeBatch on_large = OnLargeBatch::kPublishInParts) noexcept {
    return TypedBatch<T>(bytes_.Batch(on_large));
  }

  // These work as in Producer.
  absl::Status Close() { return bytes_.Close(); }
  absl::Status Check() { return bytes_.Check(); }
  bool WaitForConsumers(size_t lossless_or_group, Nanos timeout = kForever) {
    return bytes_.WaitForConsumers(lossless_or_group, timeout);
  }
  uint64_t next_sequence() const { return bytes_.next_sequence(); }
  ProducerStats stats() const { return bytes_.stats(); }
  void Interrupt() noexcept { bytes_.Interrupt(); }
  bool valid() const { return bytes_.valid(); }

  // Returns the untyped handle, for code that takes a Producer. Messages published through it must be a T
  // too.
  Producer& bytes() { return bytes_; }

 private:
  explicit TypedProducer(Producer producer) : bytes_(std::move(producer)) {}
  static absl::StatusOr<TypedProducer> Wrap(absl::StatusOr<Producer> producer) {
    if (!producer.ok()) return producer.status();
    if (absl::Status s = producer->CheckCarries(kSchema<T>, sizeof(T)); !s.ok()) return s;
    return TypedProducer(*std::move(producer));
  }
  Producer bytes_;
};

// A Consumer of messages of type T. Each function works like the one of the same name in Consumer.
template <class T>
class TypedConsumer {
  static_assert(internal::CheckMessageType<T>());

 public:
  // Opens a ring for reading. Returns kSchema if the ring does not carry kSchema<T>, or
  // ConsumerOptions::schema if that is set.
  static absl::StatusOr<TypedConsumer> Open(std::string_view name, const Delivery& delivery,
                                            const ConsumerOptions& options = {}) {
    ConsumerOptions with_schema = options;
    if (!with_schema.schema && !kSchema<T>.empty()) with_schema.schema = std::string(kSchema<T>);
    absl::StatusOr<Consumer> consumer = Consumer::Open(name, delivery, with_schema);
    if (!consumer.ok()) return consumer.status();
    return TypedConsumer(*std::move(consumer));
  }

  // Returns the next message, as Consumer::TryNext and Next do. If an untyped producer has published a
  // message of another size than T, the call returns kDamaged and passes over that message, because its bytes
  // are no T.
  [[gnu::always_inline]] inline TypedReceived<T> TryNext() noexcept {
    internal::Lent lent;
    if (bytes_.hot_->ring.NextOfSize(sizeof(T), &lent)) [[likely]]
      return TypedReceived<T>(lent);
    return TryNextSlow();
  }
  [[gnu::always_inline]] inline TypedReceived<T> Next(Nanos timeout = kForever) {
    internal::ConsumerHot& hot = *bytes_.hot_;
    internal::Lent lent;
    if (hot.MayReadNow() && hot.ring.NextOfSize(sizeof(T), &lent)) [[likely]]
      return TypedReceived<T>(lent);
    return NextSlow(timeout);
  }
  // Calls handler(const T&, uint64_t sequence, uint64_t lost) for each message, as Consumer::Poll does. The
  // handler returns nothing or a bool.
  template <class F>
  Polled Poll(F&& handler, size_t max = 64) {
    bool wrong_size = false;
    Polled polled = bytes_.Poll(
        [&](const Message& message) -> bool {
          if (message.payload.size() != sizeof(T)) [[unlikely]] {
            wrong_size = true;
            return false;
          }
          const T& value = *reinterpret_cast<const T*>(message.payload.data());
          if constexpr (std::is_convertible_v<decltype(handler(value, message.sequence, message.lost)),
                                              bool>) {
            return handler(value, message.sequence, message.lost);
          } else {
            handler(value, message.sequence, message.lost);
            return true;
          }
        },
        max);
    if (wrong_size) polled = {polled.handled - 1, bytes_.hot_->WrongSize().why()};
    return polled;
  }

  // These work as in Consumer.
  void Ack() noexcept { bytes_.Ack(); }
  bool StillIntact() const noexcept { return bytes_.StillIntact(); }
  absl::Status SkipTo(Start start) { return bytes_.SkipTo(start); }
  absl::StatusOr<int> EventFd() { return bytes_.EventFd(); }
  ProducerInfo producer() const { return bytes_.producer(); }
  absl::Status status() const { return bytes_.status(); }
  ConsumerStats stats() const { return bytes_.stats(); }
  uint64_t next_sequence() const { return bytes_.next_sequence(); }
  void Interrupt() noexcept { bytes_.Interrupt(); }
  bool valid() const { return bytes_.valid(); }

  // Returns the untyped handle, for code that takes a Consumer, such as WaitSet and Merge.
  Consumer& bytes() { return bytes_; }

 private:
  explicit TypedConsumer(Consumer consumer) : bytes_(std::move(consumer)) {}
  [[gnu::cold, gnu::noinline]] TypedReceived<T> TryNextSlow() noexcept {
    return TypedReceived<T>(Sized(bytes_.hot_->TryNextSlow()));
  }
  [[gnu::noinline]] TypedReceived<T> NextSlow(Nanos timeout) {
    return TypedReceived<T>(Sized(bytes_.hot_->NextWaiting(timeout.count())));
  }
  Received Sized(const Received& received) {
    if (received && received->payload.size() != sizeof(T)) [[unlikely]]
      return bytes_.hot_->WrongSize();
    return received;
  }
  Consumer bytes_;
};

}  // namespace millrace

#endif  // MILLRACE_TYPED_H_
