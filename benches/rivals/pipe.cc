// SPDX-License-Identifier: Apache-2.0
// The rival pipe. A pipe has no message boundaries, so the reader reads the size that every message has.
#include <fcntl.h>
#include <unistd.h>

#include <array>
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

class Pipe {
 public:
  explicit Pipe(const Work& work) {
    if (pipe2(ends_.data(), work.waiting == Waiting::kSleep ? 0 : O_NONBLOCK) != 0)
      throw std::runtime_error("pipe failed");
    fcntl(ends_[1], F_SETPIPE_SZ, static_cast<int>(work.capacity_bytes));  // the system may grant less
  }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }

  class Sender {
   public:
    Sender(Pipe& pipe, const Work& work) : end_(pipe.ends_[1]), polling_(work), buffer_(work.bytes / 8) {}
    template <class M>
    void Send(const M& message) {
      message.Fill(buffer_.data());
      const char* const from = reinterpret_cast<const char*>(buffer_.data());
      for (size_t done = 0; done < message.bytes();) {
        const ssize_t wrote = write(end_, from + done, message.bytes() - done);
        if (wrote > 0) {
          done += static_cast<size_t>(wrote);
        } else {
          if (errno != EAGAIN && errno != EINTR)
            throw std::runtime_error(std::string("write: ") + std::strerror(errno));
          polling_.FoundNothing();
        }
      }
    }
    void Flush() {}

   private:
    int end_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
  };

  class Receiver {
   public:
    Receiver(Pipe& pipe, const Work& work, int)
        : end_(pipe.ends_[0]), polling_(work), buffer_(work.bytes / 8) {}
    template <class F>
    void Receive(F&& f) {
      char* const to = reinterpret_cast<char*>(buffer_.data());
      const size_t all = buffer_.size() * 8;
      for (size_t done = 0; done < all;) {
        const ssize_t got = read(end_, to + done, all - done);
        if (got > 0) {
          done += static_cast<size_t>(got);
        } else {
          if (got == 0) throw std::runtime_error("read: the other end is closed");
          if (errno != EAGAIN && errno != EINTR)
            throw std::runtime_error(std::string("read: ") + std::strerror(errno));
          polling_.FoundNothing();
        }
      }
      f(buffer_.data(), all);
    }

   private:
    int end_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
  };

 private:
  std::array<int, 2> ends_{};
};

const Registration registered(Describe<FanOut<Pipe>>({
    .name = "pipe",
    .what = "pipe, fixed-size reads",
    .waits = {Waiting::kSpin, Waiting::kSleep},
    .fan_out = true,
    .order = 15,
}));

}  // namespace
}  // namespace millrace::bench
