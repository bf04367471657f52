// SPDX-License-Identifier: Apache-2.0
// Yields the CPU between polls while other processes want it.
//
// With more processes than CPUs, the process that a poller waits for may need that very CPU. Spinning to the
// end of the time slice delays every process on it, and sleeping costs the producer a system call per
// message. So the poller yields between its looks [NOTES yield]. Where no other process wants the CPU, a
// yield is a wasted system call, so yields soon become rare.
#ifndef MILLRACE_RUNTIME_API_CPU_SHARING_H_
#define MILLRACE_RUNTIME_API_CPU_SHARING_H_

#include <algorithm>
#include <cstdint>

#include "runtime/os/park.h"

namespace millrace::internal {

class CpuSharing {
 public:
  // Returns true if another process has recently wanted this CPU. The caller should then yield before it
  // waits.
  bool shared() const noexcept { return every_ == kOften; }
  // Counts `looks` polls and yields when it is due. Returns how long other processes then had the CPU, in
  // nanoseconds.
  int64_t AfterLooks(int looks) noexcept {
    looks_left_ -= looks;
    if (looks_left_ > 0) return 0;
    const int64_t before = os::MonotonicNs();
    os::Yield();
    const int64_t gone = os::MonotonicNs() - before;
    const bool shared = gone > kTakenNs;
    every_ = shared ? kOften : std::min(every_ * 2, kSeldom);
    looks_left_ = every_;
    return shared ? gone : 0;
  }

 private:
  // Far longer than a yield takes when no other process wants the CPU.
  static constexpr int64_t kTakenNs = 2'000;
  static constexpr int kOften = 32, kSeldom = 2048;  // looks
  int every_ = kSeldom, looks_left_ = kSeldom;
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_CPU_SHARING_H_
