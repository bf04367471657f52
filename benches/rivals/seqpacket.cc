// SPDX-License-Identifier: Apache-2.0
// The rival Unix socket, of the type that keeps message boundaries (SOCK_SEQPACKET).
#include <sys/socket.h>
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

class Pair {
 public:
  explicit Pair(const Work& work) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_.data()) != 0)
      throw std::runtime_error("socketpair failed");
    const int bytes = static_cast<int>(work.capacity_bytes);  // the system may grant less
    setsockopt(ends_[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  ~Pair() {
    close(ends_[0]);
    close(ends_[1]);
  }

  class Sender {
   public:
    Sender(Pair& pair, const Work& work)
        : socket_(pair.ends_[0]),
          flags_(MSG_NOSIGNAL | (work.waiting == Waiting::kSleep && !work.lossy ? 0 : MSG_DONTWAIT)),
          lossy_(work.lossy),
          polling_(work),
          buffer_(work.bytes / 8) {}
    template <class M>
    void Send(const M& message) {
      message.Fill(buffer_.data());
      while (send(socket_, buffer_.data(), message.bytes(), flags_) < 0) {
        if (errno != EAGAIN && errno != EINTR)
          throw std::runtime_error(std::string("send: ") + std::strerror(errno));
        if (lossy_) return;
        polling_.FoundNothing();
      }
    }
    void Flush() {}

   private:
    int socket_, flags_;
    bool lossy_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
  };

  class Receiver {
   public:
    Receiver(Pair& pair, const Work& work, int)
        : socket_(pair.ends_[1]),
          flags_(work.waiting == Waiting::kSleep ? 0 : MSG_DONTWAIT),
          polling_(work),
          buffer_(work.bytes / 8) {}
    template <class F>
    void Receive(F&& f) {
      for (;;) {
        const ssize_t got = recv(socket_, buffer_.data(), buffer_.size() * 8, flags_);
        if (got > 0) return f(buffer_.data(), static_cast<size_t>(got));
        if (got == 0) throw std::runtime_error("recv: the other end is closed");
        if (errno != EAGAIN && errno != EINTR)
          throw std::runtime_error(std::string("recv: ") + std::strerror(errno));
        polling_.FoundNothing();
      }
    }

   private:
    int socket_, flags_;
    Polling polling_;
    std::vector<uint64_t> buffer_;
  };

 private:
  std::array<int, 2> ends_{};
};

const Registration registered(Describe<FanOut<Pair>>({
    .name = "seqpacket",
    .what = "Unix socket, SOCK_SEQPACKET",
    .waits = {Waiting::kSpin, Waiting::kSleep},
    .fan_out = true,
    .lossy_mode = true,
    .order = 16,
}));

}  // namespace
}  // namespace millrace::bench
