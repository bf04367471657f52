// SPDX-License-Identifier: Apache-2.0
// The rival Boost.Interprocess message_queue.
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>
#include <vector>

#include "benches/harness/loops.h"
#include "benches/rivals/fan_out.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

namespace ipc = boost::interprocess;

class Queue {
 public:
  explicit Queue(const Work& work)
      : name_(work.name),
        created_(ipc::create_only, name_.c_str(), std::max<size_t>(work.Slots(), 2), work.bytes) {}
  ~Queue() { ipc::message_queue::remove(name_.c_str()); }

  class Sender {
   public:
    Sender(Queue& queue, const Work& work)
        : queue_(ipc::open_only, queue.name_.c_str()),
          polling_(work),
          buffer_(work.bytes / 8),
          sleeps_(work.waiting == Waiting::kSleep && !work.lossy),
          lossy_(work.lossy) {}
    template <class M>
    void Send(const M& message) {
      message.Fill(buffer_.data());
      if (sleeps_) return queue_.send(buffer_.data(), message.bytes(), 0);
      while (!queue_.try_send(buffer_.data(), message.bytes(), 0) && !lossy_) polling_.FoundNothing();
    }
    void Flush() {}

   private:
    ipc::message_queue queue_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
    bool sleeps_, lossy_;
  };

  class Receiver {
   public:
    Receiver(Queue& queue, const Work& work, int)
        : queue_(ipc::open_only, queue.name_.c_str()),
          polling_(work),
          buffer_(work.bytes / 8),
          sleeps_(work.waiting == Waiting::kSleep) {}
    template <class F>
    void Receive(F&& f) {
      size_t got = 0;
      unsigned priority = 0;
      if (sleeps_) {
        queue_.receive(buffer_.data(), buffer_.size() * 8, got, priority);
      } else {
        while (!queue_.try_receive(buffer_.data(), buffer_.size() * 8, got, priority))
          polling_.FoundNothing();
      }
      f(buffer_.data(), got);
    }

   private:
    ipc::message_queue queue_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
    bool sleeps_;
  };

 private:
  std::string name_;
  ipc::message_queue created_;
};

const Registration registered(Describe<FanOut<Queue>>({
    .name = "interprocess",
    .what = "Boost.Interprocess " BOOST_LIB_VERSION " message_queue",
    .waits = {Waiting::kSpin, Waiting::kSleep},
    .fan_out = true,
    .lossy_mode = true,
    .order = 11,
}));

}  // namespace
}  // namespace millrace::bench
