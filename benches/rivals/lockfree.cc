// SPDX-License-Identifier: Apache-2.0
// The rival boost::lockfree::spsc_queue, placed in shared memory. Its elements have one type, so its messages
// have one size.
#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>
#include <memory>
#include <stdexcept>

#include "benches/harness/loops.h"
#include "benches/harness/shared_memory.h"
#include "benches/rivals/fan_out.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

// The capacity is part of the queue's type, so it is fixed here, at the default of Work.
constexpr size_t kCapacityBytes = Work{}.capacity_bytes;

template <size_t kSize>
class Queue {
 public:
  static constexpr size_t kOnlyBytes = kSize;
  using Element = std::array<uint64_t, kSize / 8>;
  using Spsc = boost::lockfree::spsc_queue<Element, boost::lockfree::capacity<kCapacityBytes / kSize>>;
  explicit Queue(const Work&) {}

  class Sender {
   public:
    Sender(Queue& queue, const Work& work) : queue_(*queue.queue_), polling_(work), lossy_(work.lossy) {}
    template <class M>
    void Send(const M& message) {
      message.Fill(element_.data());
      while (!queue_.push(element_) && !lossy_) polling_.FoundNothing();
    }
    void Flush() {}

   private:
    Spsc& queue_;
    Polling polling_;
    bool lossy_;
    Element element_;
  };

  class Receiver {
   public:
    Receiver(Queue& queue, const Work& work, int) : queue_(*queue.queue_), polling_(work) {}
    template <class F>
    void Receive(F&& f) {
      while (!queue_.consume_one([&](const Element& element) { f(element.data(), sizeof element); })) {
        polling_.FoundNothing();
      }
    }

   private:
    Spsc& queue_;
    Polling polling_;
  };

 private:
  SharedObject<Spsc> queue_;
};

template <size_t kSize>
class Queues : public FanOut<Queue<kSize>> {
 public:
  static constexpr size_t kOnlyBytes = kSize;
  using FanOut<Queue<kSize>>::FanOut;
};

template <size_t kSize>
std::unique_ptr<Job> Open(const Work& work) {
  if (work.consumers == 1) return std::make_unique<ChannelJob<Queue<kSize>>>(work, false);
  return std::make_unique<ChannelJob<Queues<kSize>>>(work, false);
}

std::unique_ptr<Job> OpenOfSize(const Work& work) {
  switch (work.bytes) {
    case 8:
      return Open<8>(work);
    case 64:
      return Open<64>(work);
    case 256:
      return Open<256>(work);
    case 1024:
      return Open<1024>(work);
    case 4096:
      return Open<4096>(work);
    case 65536:
      return Open<65536>(work);
    default:
      throw std::runtime_error("lockfree: add this message size to its list");
  }
}

const Registration registered({
    .name = "lockfree",
    .what = "boost::lockfree::spsc_queue " BOOST_LIB_VERSION " in shared memory",
    .fan_out = true,
    .lossy_mode = true,
    .order = 10,
    .open = OpenOfSize,
});

}  // namespace
}  // namespace millrace::bench
