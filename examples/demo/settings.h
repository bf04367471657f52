// What one run of the demo does. Sizes are bytes, rates bytes per second.
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
  double rate = 0;      // how fast it can work; 0: as fast as it is
  bool killed = false;  // kill -9 midway; it comes back
};

struct Settings {
  std::string file;
  uint64_t file_bytes = 0;
  size_t chunk = 4096;
  size_t capacity = 0;
  double rate = 0;  // of the producer; 0: as fast as it goes
  size_t away = 0;  // how much the killed consumer lets pass before it comes back
  std::string ring;
  std::array<Role, kConsumers> roles;

  uint64_t chunks() const { return (file_bytes + chunk - 1) / chunk; }
  // The kill is due when its victim has got so far; until it comes, the victim reads no further than there.
  uint64_t kill_from() const { return chunks() * 2 / 5; }
  uint64_t kill_until() const { return chunks() * 3 / 5; }
};

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_SETTINGS_H_
