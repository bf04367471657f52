// SPDX-License-Identifier: Apache-2.0
// Limits a worker to a rate.
#ifndef MILLRACE_EXAMPLES_DEMO_PACER_H_
#define MILLRACE_EXAMPLES_DEMO_PACER_H_

#include <chrono>
#include <cstddef>
#include <thread>

namespace demo {

class Pacer {
 public:
  explicit Pacer(double bytes_per_second) : rate_(bytes_per_second) {}  // 0: no limit

  // Counts `bytes` as done. Sleeps until they are due if they are more than 1 ms ahead of the rate.
  void Spend(size_t bytes) {
    if (rate_ <= 0) return;
    constexpr auto kNotWorthSleeping = std::chrono::milliseconds(1);
    due_ += std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(static_cast<double>(bytes) / rate_));
    const auto now = Clock::now();
    if (due_ > now + kNotWorthSleeping) std::this_thread::sleep_until(due_);
    constexpr auto kNeverMadeUpFor = std::chrono::milliseconds(200);
    if (due_ < now - kNeverMadeUpFor) due_ = now - kNeverMadeUpFor;
  }

 private:
  using Clock = std::chrono::steady_clock;
  double rate_;
  Clock::time_point due_ = Clock::now();
};

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_PACER_H_
