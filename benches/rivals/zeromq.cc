// SPDX-License-Identifier: Apache-2.0
// The rival ZeroMQ over ipc://. One consumer is served by PUSH and PULL, several by SUB and an XPUB that does
// not drop messages. Lossy consumers are served by an XPUB that drops messages without room, which is its
// default.
#include <unistd.h>
#include <zmq.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "benches/harness/loops.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

bool Publishes(const Work& work) { return work.consumers > 1 || work.lossy; }

class Socket {
 public:
  Socket(int type, const Work& work) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, type)) {
    // The high-water marks of both sides together make its queue as deep as those of other rivals.
    const int messages = static_cast<int>(std::max<size_t>(work.Slots() / 2, 1));
    Set(ZMQ_SNDHWM, messages);
    Set(ZMQ_RCVHWM, messages);
    Set(ZMQ_LINGER, 0);  // all messages have arrived, so the end need not wait, possibly forever
  }
  ~Socket() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void Set(int option, int value) { zmq_setsockopt(socket_, option, &value, sizeof value); }
  void* get() { return socket_; }
  static void Check(int result) {
    if (result < 0) throw std::runtime_error(zmq_strerror(zmq_errno()));
  }

 private:
  void* context_;
  void* socket_;
};

class Ipc {
 public:
  explicit Ipc(const Work& work) : path_("/tmp/" + work.name), endpoint_("ipc://" + path_) {}
  ~Ipc() { unlink(path_.c_str()); }

  class Sender {
   public:
    Sender(Ipc& ipc, const Work& work)
        : socket_(Publishes(work) ? ZMQ_XPUB : ZMQ_PUSH, work),
          polling_(work),
          flags_(work.waiting == Waiting::kSleep ? 0 : ZMQ_DONTWAIT),
          buffer_(work.bytes / 8) {
      if (Publishes(work)) {
        socket_.Set(ZMQ_XPUB_NODROP, work.lossy ? 0 : 1);
        socket_.Set(ZMQ_XPUB_VERBOSE, 1);  // reports every subscriber, not only the first
      }
      Socket::Check(zmq_bind(socket_.get(), ipc.endpoint_.c_str()));
      // Wait for the connections here, so that the time to connect is not measured.
      for (int i = 0; i < work.consumers && Publishes(work); ++i) {
        char subscription = 0;
        Socket::Check(zmq_recv(socket_.get(), &subscription, 1, 0));
      }
      if (!Publishes(work)) Socket::Check(zmq_send(socket_.get(), "", 0, 0));
    }
    template <class M>
    void Send(const M& message) {
      message.Fill(buffer_.data());
      while (zmq_send(socket_.get(), buffer_.data(), message.bytes(), flags_) < 0) {
        if (errno != EAGAIN && errno != EINTR) Socket::Check(-1);
        polling_.FoundNothing();
      }
    }
    void Flush() {}

   private:
    Socket socket_;
    Polling polling_;
    int flags_;
    std::vector<uint64_t> buffer_;
  };

  class Receiver {
   public:
    Receiver(Ipc& ipc, const Work& work, int)
        : socket_(Publishes(work) ? ZMQ_SUB : ZMQ_PULL, work),
          polling_(work),
          flags_(work.waiting == Waiting::kSleep ? 0 : ZMQ_DONTWAIT),
          buffer_(work.bytes / 8) {
      if (Publishes(work)) zmq_setsockopt(socket_.get(), ZMQ_SUBSCRIBE, "", 0);
      Socket::Check(zmq_connect(socket_.get(), ipc.endpoint_.c_str()));
      if (!Publishes(work)) Socket::Check(zmq_recv(socket_.get(), nullptr, 0, 0));
    }
    template <class F>
    void Receive(F&& f) {
      for (;;) {
        const int got = zmq_recv(socket_.get(), buffer_.data(), buffer_.size() * 8, flags_);
        if (got >= 0) return f(buffer_.data(), static_cast<size_t>(got));
        if (errno != EAGAIN && errno != EINTR) Socket::Check(-1);
        polling_.FoundNothing();
      }
    }

   private:
    Socket socket_;
    Polling polling_;
    int flags_;
    std::vector<uint64_t> buffer_;
  };

 private:
  std::string path_, endpoint_;
};

const Registration registered(Describe<Ipc>({
    .name = "zeromq",
    .what = "ZeroMQ " MILLRACE_ZMQ_VERSION " ipc://, PUSH to PULL",
    .waits = {Waiting::kSpin, Waiting::kSleep},
    .throughput_waiting = Waiting::kSleep,  // its own thread needs time on the same core
    .fan_out = true,
    .lossy_mode = true,
    .order = 12,
}));

}  // namespace
}  // namespace millrace::bench
