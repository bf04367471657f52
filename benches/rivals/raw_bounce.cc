// SPDX-License-Identifier: Apache-2.0
// A limit: one cache line that the producer writes and the consumer polls. Nothing can be faster.
#include <atomic>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

class Bounce {
 public:
  struct alignas(64) Line {
    std::atomic<uint64_t> turn{0};
    uint64_t words[7] = {};
  };
  explicit Bounce(const Work&) {}

  class Sender {
   public:
    Sender(Bounce& bounce, const Work&) : line_(*bounce.line_) {}
    template <class M>
    void Send(const M& message) {
      message.Fill(line_.words);
      line_.turn.store(++turn_, std::memory_order_release);
    }
    void Flush() {}

   private:
    Line& line_;
    uint64_t turn_ = 0;
  };

  class Receiver {
   public:
    Receiver(Bounce& bounce, const Work& work, int) : line_(*bounce.line_), bytes_(work.bytes) {}
    template <class F>
    void Receive(F&& f) {
      while (line_.turn.load(std::memory_order_acquire) == turn_) CpuRelax();
      ++turn_;
      f(line_.words, bytes_);
    }

   private:
    Line& line_;
    size_t bytes_;
    uint64_t turn_ = 0;
  };

 private:
  SharedObject<Line> line_;
};

const Registration registered(Describe<Bounce>({
    .name = "raw_bounce",
    .what = "one cache line bounced between two cores",
    .kind = Kind::kLimit,
    .throughput = false,
    .most_bytes = 56,
    .order = 100,
}));

}  // namespace
}  // namespace millrace::bench
