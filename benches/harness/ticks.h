// SPDX-License-Identifier: Apache-2.0
// A clock that processes on different cores can compare: the invariant time-stamp counter, calibrated once.
#ifndef MILLRACE_BENCHES_HARNESS_TICKS_H_
#define MILLRACE_BENCHES_HARNESS_TICKS_H_

#include <cstdint>
#include <ctime>

namespace millrace::bench {

// Reads the counter without ordering it with surrounding memory accesses. Use it for deadlines.
inline uint64_t Ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
#endif
}

// Reads the counter after all earlier instructions have been executed. Use it for time stamps.
inline uint64_t TicksAfterLoads() {
#if defined(__x86_64__)
  __builtin_ia32_lfence();
#endif
  return Ticks();
}

// Measures the counter's rate for the functions below. Call it once, before any fork.
void CalibrateTicks();
double TicksPerNs();
bool TicksAreInvariant();  // if false, stamps of two cores cannot be compared and latencies are invalid

inline double NsOfTicks(uint64_t ticks) { return static_cast<double>(ticks) / TicksPerNs(); }
inline uint64_t TicksOfNs(double ns) { return static_cast<uint64_t>(ns * TicksPerNs()); }

inline void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_TICKS_H_
