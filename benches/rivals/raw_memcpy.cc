// SPDX-License-Identifier: Apache-2.0
// A limit: memcpy of a prepared buffer into shared memory, where the other process reads every byte.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

class Memcpy {
 public:
  struct Indexes {
    alignas(64) std::atomic<uint64_t> written{0};
    alignas(64) std::atomic<uint64_t> read{0};
  };
  explicit Memcpy(const Work& work)
      : bytes_(work.bytes), slots_(std::max<size_t>(work.Slots(), 2)), memory_(bytes_ * slots_) {}

  class Sender {
   public:
    Sender(Memcpy& copy, const Work& work) : copy_(copy), polling_(work), prepared_(work.bytes / 8) {
      for (size_t i = 0; i < prepared_.size(); ++i) prepared_[i] = i;
    }
    template <class M>
    void Send(const M& message) {
      while (next_ == limit_) {
        limit_ = copy_.indexes_->read.load(std::memory_order_acquire) + copy_.slots_;
        if (next_ == limit_) polling_.FoundNothing();
      }
      prepared_[0] = message.first;
      std::memcpy(copy_.memory_.at(slot_ * copy_.bytes_), prepared_.data(), copy_.bytes_);
      if (++slot_ == copy_.slots_) slot_ = 0;
      copy_.indexes_->written.store(++next_, std::memory_order_release);
    }
    void Flush() {}

   private:
    Memcpy& copy_;
    Polling polling_;
    std::vector<uint64_t> prepared_;
    uint64_t next_ = 0, limit_ = 0, slot_ = 0;
  };

  class Receiver {
   public:
    Receiver(Memcpy& copy, const Work& work, int) : copy_(copy), polling_(work) {}
    template <class F>
    void Receive(F&& f) {
      while (next_ == end_) {
        end_ = copy_.indexes_->written.load(std::memory_order_acquire);
        if (next_ == end_) polling_.FoundNothing();
      }
      f(copy_.memory_.at(slot_ * copy_.bytes_), copy_.bytes_);
      if (++slot_ == copy_.slots_) slot_ = 0;
      copy_.indexes_->read.store(++next_, std::memory_order_release);
    }

   private:
    Memcpy& copy_;
    Polling polling_;
    uint64_t next_ = 0, end_ = 0, slot_ = 0;
  };

 private:
  const size_t bytes_, slots_;
  SharedMemory memory_;
  SharedObject<Indexes> indexes_;
};

const Registration registered(Describe<Memcpy>({
    .name = "raw_memcpy",
    .what = "memcpy of a prepared buffer through shared memory",
    .kind = Kind::kLimit,
    .latency = false,
    .prepared = true,
    .least_bytes = 1024,
    .order = 105,
}));

}  // namespace
}  // namespace millrace::bench
