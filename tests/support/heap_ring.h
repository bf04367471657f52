// SPDX-License-Identifier: Apache-2.0
// A ring over heap buffers: the ring's code without descriptors, names or kernel locks.
//
// Each part is its own allocation of exactly the stated length. So AddressSanitizer detects an access to the
// first byte beyond it, and ThreadSanitizer sees every access at one address.
#ifndef MILLRACE_TESTS_SUPPORT_HEAP_RING_H_
#define MILLRACE_TESTS_SUPPORT_HEAP_RING_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/internal/atomics.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_join.h"
#include "millrace/internal/ring_producer.h"
#include "millrace/internal/ring_view.h"
#include "tests/support/oracle.h"

namespace millrace::internal {
inline bool operator==(const Point& a, const Point& b) {
  return a.position == b.position && a.sequence == b.sequence;
}
}  // namespace millrace::internal

namespace millrace::testing {

inline uint64_t TestClockNs() { return 1'700'000'000'000'000'000; }

template <class A = internal::RealAtomics>
class HeapRing {
 public:
  using Producer = internal::RingProducer<A>;
  using Consumer = internal::RingConsumer<A>;

  explicit HeapRing(uint64_t capacity, internal::Point start = {}, uint32_t seats = 8)
      : capacity_(capacity),
        start_(start),
        count_(seats),
        data_(capacity),
        seats_(seats * sizeof(internal::Seat)) {
    control().room.intent = control().room.reserved = start.position;
    control().tail = {start.position, start.sequence};
    for (internal::Mark& mark : control().marks) mark.position = ~uint64_t{0};
    control().marks[start.position / chunk() % internal::kMarks] = {start.position, start.sequence,
                                                                    TestClockNs(), 0};
    for (uint32_t i = 0; i < seats; ++i) seat(i).words.lease = internal::kNoLease;
  }
  HeapRing(const HeapRing&) = delete;

  uint64_t capacity() const { return capacity_; }
  uint64_t chunk() const { return capacity_ / internal::kMarks; }
  uint64_t max_message() const { return internal::MaxPayloadFor(capacity_); }
  internal::Point start() const { return start_; }

  internal::RingControl& control() const { return *control_; }
  internal::SeatsControl& seats_control() const { return *seats_control_; }
  internal::Seat& seat(uint32_t i) const { return reinterpret_cast<internal::Seat*>(seats_.bytes)[i]; }
  std::byte* data() const { return data_.bytes; }
  uint64_t& WordAt(uint64_t position) const {
    return *reinterpret_cast<uint64_t*>(data_.bytes + (position & (capacity_ - 1)));
  }

  internal::RingMemory memory() const { return {control_.get(), data_.bytes, capacity_, max_message()}; }
  internal::SeatTable table() const { return {seats_control_.get(), &seat(0), count_}; }
  internal::RingView<A> view() const { return internal::RingView<A>(memory()); }

  Producer Attach(internal::Point at, bool asym = true, uint64_t (*wall_ns)() = &TestClockNs) const {
    Producer producer;
    producer.Attach(memory(), table(), at, asym, wall_ns);
    return producer;
  }
  Producer Attach() const { return Attach(start_); }

  internal::ConsumerSeat SeatOf(uint32_t i, uint64_t live) const {
    return {&seat(i), &seats_control_->room_waiting, &seats_control_->room_epoch, live,
            internal::DeliveryOf(live) == internal::kDeliveryLossless};
  }
  // Takes seat i as its next holder. Sets `*wake_producer` if the room epoch needs a FUTEX_WAKE.
  std::optional<Consumer> Join(uint32_t i, uint8_t delivery, internal::StartAt at, uint64_t value = 0,
                               bool resume_newest = false, internal::JoinFailure* failure = nullptr,
                               bool* wake_producer = nullptr) const {
    const uint32_t generation =
        internal::GenerationOf(internal::Words<A>::LoadSeatState(seat(i).identity)) + 1;
    const internal::JoinResult joined =
        internal::Join<A>(view(), table(), i, generation, delivery, at, value);
    if (failure != nullptr) *failure = joined.failure;
    if (wake_producer != nullptr) *wake_producer = joined.wake_producer;
    if (!joined) return std::nullopt;
    Consumer consumer;
    consumer.Attach(memory(), SeatOf(i, joined.live), joined.begin.at, joined.begin.wanted, resume_newest);
    return consumer;
  }
  Consumer Lossless(uint32_t i, internal::StartAt at = internal::StartAt::kEnd, uint64_t value = 0) const {
    return Join(i, internal::kDeliveryLossless, at, value).value();
  }
  Consumer Lossy(uint32_t i, internal::StartAt at = internal::StartAt::kEnd,
                 bool resume_newest = false) const {
    return Join(i, internal::kDeliveryLossy, at, 0, resume_newest).value();
  }
  // Frees seat i.
  void Leave(uint32_t i) const {
    const uint64_t state = internal::Words<A>::LoadSeatState(seat(i).identity);
    internal::Words<A>::StoreFree(seat(i).identity, internal::MakeSeatState(internal::GenerationOf(state),
                                                                            internal::SeatPhase::kFree, 0));
  }

 private:
  struct Block {  // zero-filled
    explicit Block(uint64_t n) : bytes(static_cast<std::byte*>(::operator new(n, kAlign))) {
      std::memset(bytes, 0, n);
    }
    ~Block() { ::operator delete(bytes, kAlign); }
    Block(const Block&) = delete;
    static constexpr std::align_val_t kAlign{internal::kLine};
    std::byte* bytes;
  };
  uint64_t capacity_;
  internal::Point start_;
  uint32_t count_;
  Block data_, seats_;
  std::unique_ptr<internal::RingControl> control_ = std::make_unique<internal::RingControl>();
  std::unique_ptr<internal::SeatsControl> seats_control_ = std::make_unique<internal::SeatsControl>();
};

// Claims room for n bytes by the straight path alone. Returns nullptr if the slow path is needed.
template <class A>
std::byte* ClaimStraight(const internal::RingProducer<A>& producer, size_t n) {
  return producer.Allows(n) && producer.Fits(n) ? producer.Place() : nullptr;
}
// Claims room for n bytes by either path. Returns nullptr if the ring is full. Requires n <= the maximum.
template <class A>
std::byte* ClaimAnyway(internal::RingProducer<A>& producer, size_t n, bool* wake) {
  if (std::byte* const data = ClaimStraight(producer, n)) return data;
  return producer.ClaimSlow(n, wake);
}

// Publishes these bytes. Returns false if the ring is full. With `wake`, ors what ClaimSlow
// and Commit request into `*wake`; the caller must then act on it. Without `wake`, does
// that work here, except waking sleepers.
template <class A>
bool Publish(internal::RingProducer<A>& producer, std::span<const std::byte> message, bool* wake = nullptr) {
  bool padding_wakes = false;
  std::byte* const data = ClaimAnyway(producer, message.size(), &padding_wakes);
  if (wake != nullptr) *wake |= padding_wakes;
  if (data == nullptr) return false;
  A::CopyIn(data, message.data(), message.size());
  const bool wakes = producer.Commit(message.size());
  if (wake != nullptr) {
    *wake |= wakes;
  } else if (wakes) {
    producer.AfterCommit();
    producer.PrepareNext();
  }
  return true;
}
// Publishes the oracle's message for the next sequence.
template <class A>
bool Publish(internal::RingProducer<A>& producer, const Oracle& oracle, bool* wake = nullptr) {
  return Publish(producer, std::span<const std::byte>(oracle.Make(producer.sequence())), wake);
}
// Publishes a message of n zero bytes.
template <class A>
bool PublishBytes(internal::RingProducer<A>& producer, size_t n, bool* wake = nullptr) {
  return Publish(producer, std::span<const std::byte>(std::vector<std::byte>(n)), wake);
}

// Memory for copied messages, in whole words.
class CopyBuffer {
 public:
  std::byte* operator()(size_t bytes) {
    words_.resize(bytes / 8 + 1);
    return reinterpret_cast<std::byte*>(words_.data());
  }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_HEAP_RING_H_
