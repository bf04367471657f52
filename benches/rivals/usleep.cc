// SPDX-License-Identifier: Apache-2.0
// The method of shared-memory tutorials: a flag, and usleep while it has the wrong value.
#include <unistd.h>

#include <atomic>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"

namespace millrace::bench {
namespace {

constexpr useconds_t kNapUs = 10'000;

class Flag {
 public:
  explicit Flag(const Work& work) : flag_(), memory_(work.bytes) {}

  class Sender {
   public:
    Sender(Flag& flag, const Work&) : full_(*flag.flag_), data_(flag.memory_.at()) {}
    template <class M>
    void Send(const M& message) {
      while (full_.load(std::memory_order_acquire)) usleep(kNapUs);
      message.Fill(data_);
      full_.store(true, std::memory_order_release);
    }
    void Flush() {}

   private:
    std::atomic<bool>& full_;
    std::byte* data_;
  };

  class Receiver {
   public:
    Receiver(Flag& flag, const Work& work, int)
        : full_(*flag.flag_), data_(flag.memory_.at()), bytes_(work.bytes) {}
    template <class F>
    void Receive(F&& f) {
      while (!full_.load(std::memory_order_acquire)) usleep(kNapUs);
      f(data_, bytes_);
      full_.store(false, std::memory_order_release);
    }

   private:
    std::atomic<bool>& full_;
    std::byte* data_;
    size_t bytes_;
  };

 private:
  SharedObject<std::atomic<bool>> flag_;
  SharedMemory memory_;
};

const Registration registered(Describe<Flag>({
    .name = "usleep",
    .what = "flag and usleep(10 ms), as in tutorials",
    .waits = {Waiting::kSleep},
    .throughput_waiting = Waiting::kSleep,
    .paced = false,
    .order = 17,
}));

}  // namespace
}  // namespace millrace::bench
