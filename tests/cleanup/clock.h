// SPDX-License-Identifier: Apache-2.0
// Sets the wall clock of this process back, like NTP does after a start with a wrong clock.
#ifndef MILLRACE_TESTS_CLEANUP_CLOCK_H_
#define MILLRACE_TESTS_CLEANUP_CLOCK_H_

#include <chrono>

namespace millrace::testing {

// While an object lives, this process's wall clock is set back. The kernel's own clock, which gives files
// their times, is unchanged, so those times lie in the future.
class ClockSetBack {
 public:
  explicit ClockSetBack(std::chrono::seconds by);
  ClockSetBack(const ClockSetBack&) = delete;
  ~ClockSetBack();
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CLEANUP_CLOCK_H_
