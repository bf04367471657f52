// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/ticks.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace millrace::bench {
namespace {

double ticks_per_ns = 1;

uint64_t ClockNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

void CalibrateTicks() {
#if defined(__x86_64__)
  constexpr int kTries = 5;  // a try may be interrupted, so take the median
  constexpr uint64_t kTryNs = 10'000'000;
  std::vector<double> found;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t ns = ClockNs();
    const uint64_t ticks = Ticks();
    uint64_t end = ns;
    while (end - ns < kTryNs) end = ClockNs();
    found.push_back(static_cast<double>(Ticks() - ticks) / static_cast<double>(end - ns));
  }
  std::sort(found.begin(), found.end());
  ticks_per_ns = found[kTries / 2];
#endif
}

double TicksPerNs() { return ticks_per_ns; }

bool TicksAreInvariant() {
#if defined(__x86_64__)
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("flags")) {
      return line.find("constant_tsc") != std::string::npos && line.find("nonstop_tsc") != std::string::npos;
    }
  }
  return false;
#else
  return true;
#endif
}

}  // namespace millrace::bench
