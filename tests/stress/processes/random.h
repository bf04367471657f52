// SPDX-License-Identifier: Apache-2.0
// Repeatable random choices: one seed, role and life always give one series of choices.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_RANDOM_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_RANDOM_H_

#include <cmath>
#include <cstdint>

namespace millrace::stress {

inline uint64_t Mix(uint64_t x) {  // splitmix64's finaliser (Steele, Lea, Flood 2014)
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

class Random {
 public:
  // `role` and `life` give each process of a run its own choices.
  Random(uint64_t seed, uint64_t role, uint64_t life)
      : state_(Mix(Mix(seed) ^ Mix(role * 1'000'003 + life))) {}
  uint64_t Next() { return Mix(state_++); }
  uint64_t Below(uint64_t n) { return Next() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  double Share() { return static_cast<double>(Next() >> 11) * 0x1p-53; }  // [0, 1)
  // Returns small values as often as large ones: every order of magnitude has an equal share.
  uint64_t Between(uint64_t least, uint64_t most) {
    const double low = std::log(static_cast<double>(least)), high = std::log(static_cast<double>(most));
    return static_cast<uint64_t>(std::exp(low + (high - low) * Share()));
  }
  // Returns the gap to the next event, if events occur once per `mean` on average.
  double Gap(double mean) { return -mean * std::log(1.0 - Share()); }

 private:
  uint64_t state_;
};

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_RANDOM_H_
