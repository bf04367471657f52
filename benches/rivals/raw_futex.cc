// SPDX-License-Identifier: Apache-2.0
// A limit: the kernel's way to wake another process, and nothing else.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"

namespace millrace::bench {
namespace {

class Futex {
 public:
  struct alignas(64) Line {
    std::atomic<uint32_t> turn{0};
    uint32_t unused = 0;
    uint64_t words[7] = {};
  };
  explicit Futex(const Work&) {}

  class Sender {
   public:
    Sender(Futex& futex, const Work&) : line_(*futex.line_) {}
    template <class M>
    void Send(const M& message) {
      message.Fill(line_.words);
      line_.turn.store(++turn_, std::memory_order_release);
      syscall(SYS_futex, &line_.turn, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
    }
    void Flush() {}

   private:
    Line& line_;
    uint32_t turn_ = 0;
  };

  class Receiver {
   public:
    Receiver(Futex& futex, const Work& work, int) : line_(*futex.line_), bytes_(work.bytes) {}
    template <class F>
    void Receive(F&& f) {
      while (line_.turn.load(std::memory_order_acquire) == turn_) {
        syscall(SYS_futex, &line_.turn, FUTEX_WAIT, turn_, nullptr, nullptr, 0);
      }
      ++turn_;
      f(line_.words, bytes_);
    }

   private:
    Line& line_;
    size_t bytes_;
    uint32_t turn_ = 0;
  };

 private:
  SharedObject<Line> line_;
};

const Registration registered(Describe<Futex>({
    .name = "raw_futex",
    .what = "one cache line and FUTEX_WAKE",
    .kind = Kind::kLimit,
    .throughput = false,
    .waits = {Waiting::kSleep},
    .most_bytes = 56,
    .order = 106,
}));

}  // namespace
}  // namespace millrace::bench
