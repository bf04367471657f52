// Limit: a minimal ring of slots of one size, each on cache lines of its own with a turn number in front; any
// number of lossless readers.
#include <algorithm>
#include <atomic>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

constexpr size_t kLine = 64;

class Slots {
 public:
  struct alignas(kLine) Position {
    std::atomic<uint64_t> read{0};
  };
  explicit Slots(const Work& work)
      : stride_((sizeof(uint64_t) + work.bytes + kLine - 1) / kLine * kLine),
        // A power of two, so that no division is needed; as near to the wanted capacity as that allows.
        slots_(std::max<size_t>(std::bit_floor(work.capacity_bytes / work.bytes), 2)),
        readers_(static_cast<size_t>(work.consumers)),
        memory_(kMostConsumers * sizeof(Position) + stride_ * slots_) {}

  Position& position(size_t reader) { return reinterpret_cast<Position*>(memory_.at())[reader]; }
  std::byte* slot(uint64_t n) {
    return memory_.at(kMostConsumers * sizeof(Position)) + (n & (slots_ - 1)) * stride_;
  }
  static std::atomic<uint64_t>& turn(std::byte* slot) {
    return *reinterpret_cast<std::atomic<uint64_t>*>(slot);
  }

  class Sender {
   public:
    Sender(Slots& slots, const Work& work) : slots_(slots), polling_(work), limit_(slots.slots_) {}
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
      std::byte* const slot = slots_.slot(next_);
      message.Fill(slot + sizeof(uint64_t));
      turn(slot).store(++next_, std::memory_order_release);
    }
    void Flush() {}

   private:
    Slots& slots_;
    Polling polling_;
    uint64_t next_ = 0, limit_;
  };

  class Receiver {
   public:
    Receiver(Slots& slots, const Work& work, int index)
        : slots_(slots),
          position_(slots.position(static_cast<size_t>(index))),
          polling_(work),
          bytes_(work.bytes),
          store_every_(std::max<uint64_t>(slots.slots_ / 8, 1)) {}
    template <class F>
    void Receive(F&& f) {
      std::byte* const slot = slots_.slot(next_);
      while (turn(slot).load(std::memory_order_acquire) != next_ + 1) polling_.FoundNothing();
      f(slot + sizeof(uint64_t), bytes_);
      ++next_;
      if (next_ % store_every_ == 0) position_.read.store(next_, std::memory_order_release);
    }

   private:
    Slots& slots_;
    Position& position_;
    Polling polling_;
    size_t bytes_;
    uint64_t next_ = 0, store_every_;
  };

 private:
  const size_t stride_, slots_, readers_;
  SharedMemory memory_;
};

const Registration registered(Describe<Slots>({
    .name = "raw_slots",
    .what = "hand-written ring, one cache line (or more) per message",
    .kind = Kind::kLimit,
    .fan_out = true,
    .order = 101,
}));

}  // namespace
}  // namespace millrace::bench
