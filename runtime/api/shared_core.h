// Lets others have the core that a spinning process shares with them.
//
// With more processes than cores, what one spins for may need that very core: spinning to the end of a time
// slice holds everybody up, and sleeping costs the producer a system call for each message. So it yields
// between looks. Where nobody else wants the core, a yield is a system call for nothing, and soon made
// seldom.
#ifndef MILLRACE_RUNTIME_API_SHARED_CORE_H_
#define MILLRACE_RUNTIME_API_SHARED_CORE_H_

#include <sched.h>

#include <algorithm>
#include <cstdint>

#include "runtime/os/park.h"

namespace millrace::api {

class SharedCore {
 public:
  // Did somebody else want the core lately? Then he should have it before we wait for anything.
  bool shared() const noexcept { return every_ == kOften; }
  // After so many looks, of 15 to 40 ns each. Returns how long others had the core, in nanoseconds.
  int64_t AfterLooks(int looks) noexcept {
    looks_left_ -= looks;
    if (looks_left_ > 0) return 0;
    const int64_t before = os::MonotonicNs();
    sched_yield();
    const int64_t gone = os::MonotonicNs() - before;
    const bool shared = gone > kTakenNs;
    every_ = shared ? kOften : std::min(every_ * 2, kSeldom);
    looks_left_ = every_;
    return shared ? gone : 0;
  }

 private:
  static constexpr int64_t kTakenNs = 2'000;  // a yield for nothing takes 0.2 to 0.5 microseconds
  static constexpr int kOften = 32, kSeldom = 2048;  // looks
  int every_ = kSeldom, looks_left_ = kSeldom;
};

}  // namespace millrace::api

#endif  // MILLRACE_RUNTIME_API_SHARED_CORE_H_
