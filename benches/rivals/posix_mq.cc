// SPDX-License-Identifier: Apache-2.0
// The rival POSIX message queues.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "benches/harness/loops.h"
#include "benches/rivals/fan_out.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

constexpr long kMessages = 10;  // the system's default limit, which most users cannot raise

class Queue {
 public:
  explicit Queue(const Work& work) : name_("/" + work.name) {
    mq_attr attributes{};
    attributes.mq_maxmsg = kMessages;
    attributes.mq_msgsize = static_cast<long>(work.bytes);
    const bool blocks = work.waiting == Waiting::kSleep && !work.lossy;
    const int flags = O_CREAT | O_EXCL | O_RDWR | (blocks ? 0 : O_NONBLOCK);
    queue_ = mq_open(name_.c_str(), flags, 0600, &attributes);
    if (queue_ == -1) throw std::runtime_error(std::string("mq_open: ") + std::strerror(errno));
  }
  ~Queue() {
    mq_close(queue_);
    mq_unlink(name_.c_str());
  }

  class Sender {
   public:
    Sender(Queue& queue, const Work& work)
        : queue_(queue.queue_), lossy_(work.lossy), polling_(work), buffer_(work.bytes / 8) {}
    template <class M>
    void Send(const M& message) {
      message.Fill(buffer_.data());
      while (mq_send(queue_, reinterpret_cast<const char*>(buffer_.data()), message.bytes(), 0) != 0) {
        if (errno != EAGAIN && errno != EINTR)
          throw std::runtime_error(std::string("mq_send: ") + std::strerror(errno));
        if (lossy_) return;
        polling_.FoundNothing();
      }
    }
    void Flush() {}

   private:
    mqd_t queue_;
    bool lossy_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
  };

  class Receiver {
   public:
    Receiver(Queue& queue, const Work& work, int)
        : queue_(queue.queue_), polling_(work), buffer_(work.bytes / 8) {}
    template <class F>
    void Receive(F&& f) {
      for (;;) {
        const ssize_t got =
            mq_receive(queue_, reinterpret_cast<char*>(buffer_.data()), buffer_.size() * 8, nullptr);
        if (got >= 0) return f(buffer_.data(), static_cast<size_t>(got));
        if (errno != EAGAIN && errno != EINTR)
          throw std::runtime_error(std::string("mq_receive: ") + std::strerror(errno));
        polling_.FoundNothing();
      }
    }

   private:
    mqd_t queue_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
  };

 private:
  std::string name_;
  mqd_t queue_;
};

const Registration registered(Describe<FanOut<Queue>>({
    .name = "posix_mq",
    .what = "POSIX message queue, 10 messages deep",
    .waits = {Waiting::kSpin, Waiting::kSleep},
    .most_bytes = 8192,  // the system's default limit
    .fan_out = true,
    .lossy_mode = true,
    .order = 14,
}));

}  // namespace
}  // namespace millrace::bench
