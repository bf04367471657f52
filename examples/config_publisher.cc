// SPDX-License-Identifier: Apache-2.0
// Publishes a configuration: each line of standard input is its new value. The value remains when this
// program ends or is killed, because a ring marked `keep` is never pruned. In another terminal:
// millrace_config_watcher
//   millrace_config_publisher [RING]
#include <cstddef>
#include <iostream>
#include <string>

#include "millrace/millrace.h"

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "config";
  // Other users may observe the ring. Only this user can write it or hold back its producer.
  auto publisher = millrace::Producer::OpenOrCreate(
      ring, {.capacity = size_t{1} << 16, .access = millrace::Access::Watchable(), .keep = true});
  if (!publisher.ok()) {
    std::cerr << publisher.status() << "\n";
    return 1;
  }

  std::cout << "value " << publisher->next_sequence() << " is next" << std::endl;
  for (std::string value; std::getline(std::cin, value);) {
    const millrace::Sent sent = publisher->Publish(value);
    if (sent != millrace::Sent::kOk) {
      std::cerr << "not published: " << ToString(sent) << "\n";
      return 1;
    }
  }
  // No Close(): the last value stays valid until the next one.
}
