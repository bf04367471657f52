// SPDX-License-Identifier: Apache-2.0
// Prints the messages of several rings from an epoll loop, which could also watch sockets and timers.
// Ends when every ring is closed. In another terminal:   shmctl pub RING --create --wait-for 1
//   millrace_epoll RING...
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <vector>

#include "millrace/millrace.h"

int main(int argc, char** argv) {
  const int loop = epoll_create1(EPOLL_CLOEXEC);
  std::vector<millrace::Consumer> readers;
  std::vector<int> descriptors;
  for (int i = 1; i < argc; ++i) {
    auto reader =
        millrace::Consumer::Open(argv[i], millrace::Delivery::Lossless(),
                                 {.start = millrace::Start::Oldest(), .open_timeout = millrace::kForever});
    if (!reader.ok()) {
      std::cerr << reader.status() << "\n";
      return 1;
    }
    const absl::StatusOr<int> descriptor = reader->EventFd();
    if (!descriptor.ok()) {
      std::cerr << descriptor.status() << "\n";
      return 1;
    }
    epoll_event event{};
    event.events = EPOLLIN;  // EPOLLET works too: Poll reads until the ring is empty
    event.data.u32 = static_cast<uint32_t>(readers.size());
    epoll_ctl(loop, EPOLL_CTL_ADD, *descriptor, &event);
    readers.push_back(*std::move(reader));
    descriptors.push_back(*descriptor);
  }

  int code = 0;
  for (size_t open = readers.size(); open > 0;) {
    epoll_event event{};
    if (epoll_wait(loop, &event, 1, -1) != 1) continue;
    const uint32_t i = event.data.u32;
    const millrace::Polled polled = readers[i].Poll([&](const millrace::Message& message) {
      std::cout << argv[i + 1] << ": " << message.text() << std::endl;
    });
    if (polled.why == millrace::Got::kMessage || polled.why == millrace::Got::kEmpty) continue;
    std::cout << argv[i + 1] << " ended: " << ToString(polled.why) << std::endl;
    if (polled.why != millrace::Got::kClosed) code = 1;
    close(descriptors[i]);  // owned by this program; closing it removes it from the loop
    --open;
  }
  return code;
}
