// SPDX-License-Identifier: Apache-2.0
// Limits: minimal rings of slots of one size, each with a turn number in front, for any number of lossless
// readers.
#include <algorithm>
#include <atomic>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

constexpr size_t kLine = 64;

enum class Kept : uint8_t {
  kOnOwnLines,  // each slot begins on its own cache line; readers could write to the ring
  kSafe,        // slots follow each other without gaps and readers cannot write: required of a ring with
                // messages of any length whose readers must not be able to damage it
};

template <Kept kKept>
class Slots {
 public:
  struct alignas(kLine) Position {
    std::atomic<uint64_t> read{0};
  };
  explicit Slots(const Work& work)
      : stride_(kKept == Kept::kSafe ? sizeof(uint64_t) + work.bytes
                                     : (sizeof(uint64_t) + work.bytes + kLine - 1) / kLine * kLine),
        // Takes as much memory as millrace's ring, because a larger ring would use more cache lines.
        slots_(std::max<size_t>(work.capacity_bytes / stride_, 2)),
        readers_(static_cast<size_t>(work.consumers)),
        positions_(kMostConsumers * sizeof(Position)),
        memory_(stride_ * slots_),
        first_(memory_.at()),
        end_(first_ + slots_ * stride_) {}

  Position& position(size_t reader) { return reinterpret_cast<Position*>(positions_.at())[reader]; }
  std::byte* first_slot() const { return first_; }
  std::byte* SlotAfter(std::byte* slot) const {
    slot += stride_;
    return slot == end_ ? first_ : slot;
  }
  static std::atomic<uint64_t>& turn(std::byte* slot) {
    return *reinterpret_cast<std::atomic<uint64_t>*>(slot);
  }

  class Sender {
   public:
    Sender(Slots& slots, const Work& work)
        : slots_(slots), polling_(work), slot_(slots.first_slot()), limit_(slots.slots_) {}
    template <class M>
    void Send(const M& message) {
      while (next_ == limit_) {
        uint64_t slowest = ~uint64_t{0};
        for (size_t i = 0; i < slots_.readers_; ++i) {
          slowest = std::min(slowest, slots_.position(i).read.load(std::memory_order_acquire));
        }
        limit_ = slowest + slots_.slots_;
        if (next_ == limit_) polling_.FoundNothing();
      }
      message.Fill(slot_ + sizeof(uint64_t));
      turn(slot_).store(++next_, std::memory_order_release);
      slot_ = slots_.SlotAfter(slot_);
    }
    void Flush() {}

   private:
    Slots& slots_;
    Polling polling_;
    std::byte* slot_;
    uint64_t next_ = 0, limit_;
  };

  class Receiver {
   public:
    Receiver(Slots& slots, const Work& work, int index)
        : slots_(slots),
          position_(slots.position(static_cast<size_t>(index))),
          polling_(work),
          slot_(slots.first_slot()),
          bytes_(work.bytes),
          store_every_(std::max<uint64_t>(slots.slots_ / 8, 1)),
          next_store_(store_every_) {
      if (kKept == Kept::kSafe) slots.memory_.ForbidWriting();
    }
    template <class F>
    void Receive(F&& f) {
      while (turn(slot_).load(std::memory_order_acquire) != next_ + 1) polling_.FoundNothing();
      f(slot_ + sizeof(uint64_t), bytes_);
      slot_ = slots_.SlotAfter(slot_);
      if (++next_ == next_store_) {
        position_.read.store(next_, std::memory_order_release);
        next_store_ += store_every_;
      }
    }

   private:
    Slots& slots_;
    Position& position_;
    Polling polling_;
    std::byte* slot_;
    size_t bytes_;
    uint64_t next_ = 0, store_every_, next_store_;
  };

 private:
  const size_t stride_, slots_, readers_;
  SharedMemory positions_, memory_;
  std::byte* const first_;
  std::byte* const end_;
};

const Registration registered(Describe<Slots<Kept::kOnOwnLines>>({
    .name = "raw_slots",
    .what = "hand-written ring, one cache line (or more) per message",
    .kind = Kind::kLimit,
    .fan_out = true,
    .order = 101,
}));
const Registration safe(Describe<Slots<Kept::kSafe>>({
    .name = "raw_slots_safe",
    .what = "hand-written ring, one message behind the other, its reader cannot write to it",
    .kind = Kind::kLimit,
    .order = 102,
}));

}  // namespace
}  // namespace millrace::bench
