// SPDX-License-Identifier: Apache-2.0
// Prints the messages of several rings from a Boost.Asio context, which can run other work too. Ends when
// every ring is closed, or on SIGTERM. In another terminal:   shmctl pub RING --create --wait-for 1
//   millrace_asio RING...
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>
#include <list>
#include <string>

#include "millrace/millrace.h"

namespace asio = boost::asio;

struct Reader {
  std::string ring;
  millrace::Consumer consumer;
  asio::posix::stream_descriptor descriptor;  // closes the descriptor in the end
  asio::signal_set& ends;
  int& open;

  void Wait() {
    descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                          [this](const boost::system::error_code& error) {
                            if (!error) Read();
                          });
  }
  void Read() {
    const millrace::Polled polled = consumer.Poll(
        [&](const millrace::Message& message) { std::cout << ring << ": " << message.text() << std::endl; });
    if (polled.why == millrace::Got::kMessage || polled.why == millrace::Got::kEmpty) return Wait();
    std::cout << ring << " ended: " << ToString(polled.why) << std::endl;
    if (--open == 0) ends.cancel();
  }
};

int main(int argc, char** argv) {
  asio::io_context context;
  asio::signal_set ends(context, SIGTERM);
  ends.async_wait([&](const boost::system::error_code&, int) { context.stop(); });
  std::list<Reader> readers;
  int open = argc - 1;
  const auto turn = [&] { return context.poll(), context.stopped(); };  // runs the loop while Open waits
  for (int i = 1; i < argc; ++i) {
    auto consumer = millrace::Consumer::Open(
        argv[i], millrace::Delivery::Lossless(),
        {.start = millrace::Start::Oldest(), .open_timeout = millrace::kForever, .cancel_open = turn});
    if (context.stopped()) return 0;
    absl::StatusOr<int> descriptor = consumer.ok() ? consumer->EventFd() : consumer.status();
    if (!descriptor.ok()) {
      std::cerr << descriptor.status() << "\n";
      return 1;
    }
    readers.push_back({argv[i], *std::move(consumer), {context, *descriptor}, ends, open});
    readers.back().Wait();
  }
  context.run();
}
