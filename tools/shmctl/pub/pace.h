// SPDX-License-Identifier: Apache-2.0
// Paces publishing at a given rate.
#ifndef MILLRACE_TOOLS_SHMCTL_PUB_PACE_H_
#define MILLRACE_TOOLS_SHMCTL_PUB_PACE_H_

#include <chrono>
#include <optional>
#include <string_view>

namespace millrace::tool {

// Returns the messages per second of "1000", "1000/s" or "0.5/s". Must be above 0.
std::optional<double> ParseRate(std::string_view text);

class Pace {
 public:
  explicit Pace(double per_second);
  // Sleeps until the next message is due or a signal was caught. Time lost waiting for input or for the ring
  // is not caught up, except for a few milliseconds. Without these a high rate would never be reached.
  void WaitForTurn();

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::duration interval_;
  Clock::time_point due_ = Clock::now();
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_PUB_PACE_H_
