// SPDX-License-Identifier: Apache-2.0
// Counts instructions, which do not depend on the load of the machine. A script counts them with callgrind.
#include <array>
#include <cstdio>
#include <map>
#include <sstream>

#include "benches/plan/experiments.h"

namespace millrace::bench {

// Runs the script, which prints lines of the form "name number".
void CountInstructions(const Settings& settings, Observations* out) {
  const std::string note = "callgrind; averages over messages that take the straight path, except for seats";
  std::map<std::string, double> counted;
  FILE* const pipe =
      popen(("'" + settings.instructions + "' '" + MILLRACE_COUNTED + "' 2>/dev/null").c_str(), "r");
  if (pipe != nullptr) {
    std::array<char, 256> line{};
    while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
      std::istringstream in(line.data());
      std::string name;
      double value = 0;
      if (in >> name >> value) counted[name] = value;
    }
    pclose(pipe);
  }
  const auto add = [&](const char* id, const char* what, const char* from, const char* minus) {
    Fact fact{.id = id, .what = what, .unit = "instructions", .values = {}, .note = note};
    if (counted.contains(from) && (minus == nullptr || counted.contains(minus))) {
      const double value = counted[from] - (minus != nullptr ? counted[minus] : 0);
      fact.values = {value, value, value};  // exact, so without spread
    } else {
      fact.unavailable = "valgrind is not installed, or failed";
    }
    out->facts.push_back(fact);
  };
  add("instructions.publish_8", "publish of 8 bytes, one consumer that keeps up", "publish_8", nullptr);
  add("instructions.publish_64", "publish of 64 bytes, one consumer that keeps up", "publish_64", nullptr);
  add("instructions.typed_64", "typed publish of 64 bytes", "typed_64", nullptr);
  add("instructions.typed_over_copy", "typed publish of 64 bytes, over the copy of the payload", "typed_64",
      "copy_64");
  add("instructions.next_8", "next of 8 bytes, lossless", "next_8", nullptr);
  add("instructions.next_64", "next of 64 bytes, lossless", "next_64", nullptr);
  add("instructions.seats_16",
      "publish of 64 bytes, room made included, with 16 seats that keep up, less with 1", "publish_seats_16",
      "publish_seats_1");
  add("instructions.seats_256", "the same with 256 seats", "publish_seats_256", "publish_seats_1");
  add("instructions.seats_1024", "the same with 1024 seats", "publish_seats_1024", "publish_seats_1");
}

}  // namespace millrace::bench
