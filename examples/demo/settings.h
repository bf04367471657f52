// SPDX-License-Identifier: Apache-2.0
// What one run of the demo does. Sizes are in bytes, rates in bytes per second.
#ifndef MILLRACE_EXAMPLES_DEMO_SETTINGS_H_
#define MILLRACE_EXAMPLES_DEMO_SETTINGS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "millrace/millrace.h"
#include "scoreboard.h"

namespace demo {

struct Role {
  std::string name;
  millrace::Delivery delivery = millrace::Delivery::Lossless();
  double rate = 0;      // how fast it reads; 0: without limit
  bool killed = false;  // is killed with kill -9 midway and started again
};

struct Settings {
  std::string file;
  uint64_t file_bytes = 0;
  size_t chunk = 4096;
  size_t capacity = 0;
  double rate = 0;  // rate of the producer; 0: without limit
  size_t away = 0;  // bytes published between the kill and the restart of the consumer
  std::string ring;
  std::array<Role, kConsumers> roles;

  uint64_t chunks() const { return (file_bytes + chunk - 1) / chunk; }
  // The kill is due when its victim has received kill_from() messages. A victim that has received
  // kill_until() messages waits for the kill.
  uint64_t kill_from() const { return chunks() * 2 / 5; }
  uint64_t kill_until() const { return chunks() * 3 / 5; }
};

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_SETTINGS_H_
