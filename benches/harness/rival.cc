// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/rival.h"

namespace millrace::bench {

std::vector<Rival>& Rivals() {
  static std::vector<Rival> rivals;
  return rivals;
}

const Rival* FindRival(const std::string& name) {
  for (const Rival& rival : Rivals()) {
    if (rival.name == name) return &rival;
  }
  return nullptr;
}

const char* ToString(Waiting waiting) {
  switch (waiting) {
    case Waiting::kSpin:
      return "spinning";
    case Waiting::kAdaptive:
      return "adaptive";
    case Waiting::kSleep:
      return "sleeping";
  }
  return "?";
}

}  // namespace millrace::bench
