// SPDX-License-Identifier: Apache-2.0
// The system calls, as the table that the parking code expects.
#ifndef MILLRACE_RUNTIME_API_PARK_OPS_H_
#define MILLRACE_RUNTIME_API_PARK_OPS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "millrace/internal/parking.h"
#include "runtime/os/park.h"

namespace millrace::internal {

inline const ParkOps& SystemParkOps() {
  static constexpr ParkOps kOps{
      [](const uint32_t* word, uint32_t seen, int64_t timeout_ns) {
        return timeout_ns <= 0 || os::FutexWait(word, seen, timeout_ns) == os::WaitResult::kTimedOut;
      },
      &os::FutexWakeAll, &os::GlobalBarrier, &os::MonotonicNs,
      [](const uint32_t* const* words, const uint32_t* seen, size_t n, int64_t timeout_ns) {
        if (timeout_ns <= 0) return ParkResult::kTimedOut;
        switch (os::FutexWaitAny(words, seen, n, timeout_ns)) {
          case os::WaitResult::kTimedOut:
            return ParkResult::kTimedOut;
          case os::WaitResult::kRefused:
            return ParkResult::kRefused;
          default:
            return ParkResult::kWoken;
        }
      }};
  return kOps;
}

// Returns the word inside an atomic of this process, for the futex calls.
inline const uint32_t* FutexOf(const std::atomic<uint32_t>& word) {
  static_assert(sizeof word == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);
  return reinterpret_cast<const uint32_t*>(&word);
}

// Wakes every WaitSet of this process. Consumer::Interrupt() must reach the thread that waits for the
// consumer's set. Interrupt() may run while another thread is in Add or Remove, so it cannot look up the set.
// Instead all sets also sleep on this word, and each then checks its own consumers. Async-signal-safe.
inline std::atomic<uint32_t> wait_set_calls{0};
inline void CallWaitSets() noexcept {
  wait_set_calls.fetch_add(1, std::memory_order_release);
  os::FutexWakeAll(FutexOf(wait_set_calls));
}

// Returns the time `timeout_ns` from now, without overflow. Returns the current time if `timeout_ns` is
// negative.
inline int64_t DeadlineAfter(int64_t timeout_ns) {
  const int64_t now = os::MonotonicNs();
  if (timeout_ns <= 0) return now;
  return timeout_ns > std::numeric_limits<int64_t>::max() - now ? std::numeric_limits<int64_t>::max()
                                                                : now + timeout_ns;
}

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_PARK_OPS_H_
