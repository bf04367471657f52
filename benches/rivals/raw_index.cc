// SPDX-License-Identifier: Apache-2.0
// Limits: minimal byte rings for one reader. Each message has a length in front of it. One index says how far
// the ring is filled; it is stored after every message or after every 16 messages.
#include <algorithm>
#include <atomic>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

// kEvery is the number of messages per store of the index. Without kLengths the ring carries messages of one
// size only.
template <uint64_t kEvery, bool kLengths>
class IndexRing {
  static constexpr size_t kHeader = kLengths ? sizeof(uint64_t) : 0;

 public:
  struct Indexes {
    alignas(64) std::atomic<uint64_t> written{0};
    alignas(64) std::atomic<uint64_t> read{0};
  };
  explicit IndexRing(const Work& work)
      // Takes as much memory as millrace's ring, including lengths, because a larger ring would use more
      // cache lines. No message wraps around the end.
      : ring_bytes_(std::max<size_t>(work.capacity_bytes / (work.bytes + kHeader), 2) *
                    (work.bytes + kHeader)),
        memory_(ring_bytes_) {}

  class Sender {
   public:
    Sender(IndexRing& ring, const Work& work)
        : data_(ring.memory_.at()), ring_bytes_(ring.ring_bytes_), indexes_(*ring.indexes_), polling_(work) {}
    template <class M>
    void Send(const M& message) {
      const size_t frame = message.bytes() + kHeader;
      while (next_ + frame > limit_) {
        if (unpublished_ != 0) Flush();
        limit_ = indexes_.read.load(std::memory_order_acquire) + ring_bytes_;
        if (next_ + frame > limit_) polling_.FoundNothing();
      }
      std::byte* const at = data_ + offset_;
      if constexpr (kLengths) *reinterpret_cast<uint64_t*>(at) = message.bytes();
      message.Fill(at + kHeader);
      next_ += frame;
      offset_ += frame;
      if (offset_ == ring_bytes_) offset_ = 0;
      if (++unpublished_ == kEvery) Flush();
    }
    void Flush() {
      unpublished_ = 0;
      indexes_.written.store(next_, std::memory_order_release);
    }

   private:
    std::byte* const data_;
    const size_t ring_bytes_;
    Indexes& indexes_;
    Polling polling_;
    uint64_t next_ = 0, offset_ = 0, limit_ = 0, unpublished_ = 0;
  };

  class Receiver {
   public:
    Receiver(IndexRing& ring, const Work& work, int)
        : data_(ring.memory_.at()),
          ring_bytes_(ring.ring_bytes_),
          // With kEvery > 1, stores rarely, because the producer's core must fetch the line after each store.
          store_every_(kEvery == 1 ? 1 : ring.ring_bytes_ / 8),
          indexes_(*ring.indexes_),
          polling_(work),
          bytes_(work.bytes) {}
    template <class F>
    void Receive(F&& f) {
      while (next_ == end_) {
        end_ = indexes_.written.load(std::memory_order_acquire);
        if (next_ == end_) polling_.FoundNothing();
      }
      std::byte* const at = data_ + offset_;
      size_t bytes = bytes_;
      if constexpr (kLengths) bytes = *reinterpret_cast<uint64_t*>(at);
      f(at + kHeader, bytes);
      const size_t frame = bytes + kHeader;
      next_ += frame;
      offset_ += frame;
      if (offset_ == ring_bytes_) offset_ = 0;
      if (next_ - stored_ >= store_every_) {
        stored_ = next_;
        indexes_.read.store(next_, std::memory_order_release);
      }
    }

   private:
    std::byte* const data_;
    const size_t ring_bytes_;
    const uint64_t store_every_;
    Indexes& indexes_;
    Polling polling_;
    const size_t bytes_;
    uint64_t next_ = 0, offset_ = 0, end_ = 0, stored_ = 0;
  };

 private:
  const size_t ring_bytes_;
  SharedMemory memory_;
  SharedObject<Indexes> indexes_;
};

template <uint64_t kEvery, bool kLengths>
Rival Described(const char* name, const char* what, int order) {
  return Describe<IndexRing<kEvery, kLengths>>(
      {.name = name, .what = what, .kind = Kind::kLimit, .order = order});
}

const Registration every(Described<1, true>("raw_index", "hand-written ring, index stored every message",
                                            102));
const Registration every_16(Described<16, true>("raw_index_16",
                                                "hand-written ring, index stored every 16 messages", 103));
const Registration fixed(Described<16, false>("raw_index_16_fixed",
                                              "the same without lengths: messages of one size only", 104));

}  // namespace
}  // namespace millrace::bench
