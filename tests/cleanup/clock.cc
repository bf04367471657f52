// SPDX-License-Identifier: Apache-2.0
#include "tests/cleanup/clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<time_t> set_back_s{0};

}  // namespace

// Replaces the C library's function in the whole test program.
extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  const int result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    time->tv_sec -= set_back_s.load(std::memory_order_relaxed);
  return result;
}

namespace millrace::testing {

ClockSetBack::ClockSetBack(std::chrono::seconds by) { set_back_s.store(by.count()); }
ClockSetBack::~ClockSetBack() { set_back_s.store(0); }

}  // namespace millrace::testing
