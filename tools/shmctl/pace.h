// Publishing at a given rate.
#ifndef MILLRACE_TOOLS_SHMCTL_PACE_H_
#define MILLRACE_TOOLS_SHMCTL_PACE_H_

#include <chrono>
#include <optional>
#include <string_view>

namespace millrace::tool {

// "1000", "1000/s", "0.5/s": messages per second, above 0.
std::optional<double> ParseRate(std::string_view text);

class Pace {
 public:
  explicit Pace(double per_second);
  // Sleeps until the next message is due, or a signal was caught. What was missed while the input or the ring
  // made us wait is not made up for, but for a few milliseconds, without which a high rate would never be
  // reached.
  void WaitForTurn();

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::duration interval_;
  Clock::time_point due_ = Clock::now();
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_PACE_H_
