// Sets the wall clock of this process back, as NTP does after a start with a wrong clock.
#ifndef MILLRACE_TESTS_CLEANUP_CLOCK_H_
#define MILLRACE_TESTS_CLEANUP_CLOCK_H_

#include <chrono>

namespace millrace::testing {

// The kernel's own clock, which gives files their times, stays: those then lie in the future.
class ClockSetBack {
 public:
  explicit ClockSetBack(std::chrono::seconds by);
  ClockSetBack(const ClockSetBack&) = delete;
  ~ClockSetBack();
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CLEANUP_CLOCK_H_
