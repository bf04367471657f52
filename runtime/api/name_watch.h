// SPDX-License-Identifier: Apache-2.0
// When to look whether a ring still has its name.
//
// Nothing wakes a process whose ring is removed with rm, and a tool that unlinks a ring may be killed before
// it wakes anybody. So the producer, the consumer and the event thread each look from time to time. A look
// takes system calls, and the caller says how often it can afford one. The ring's `removed` word only makes
// the next look earlier. The look decides, so a corrupted word stops nobody.
#ifndef MILLRACE_RUNTIME_API_NAME_WATCH_H_
#define MILLRACE_RUNTIME_API_NAME_WATCH_H_

#include <cstdint>
#include <limits>

namespace millrace::internal {

class NameWatch {
 public:
  // Periods between two looks. A consumer that finds nothing, or the event thread for it, looks this often.
  // Shorter than the longest sleep, so that each such sleep ends with a look (the coarse clock lags).
  static constexpr int64_t kIdleNs = 850'000'000;
  // A producer that waits for room looks this often.
  static constexpr int64_t kFullNs = 50'000'000;
  // While the `removed` word is set but the ring has its name. The remover may have been killed in between.
  static constexpr int64_t kRemovingNs = 10'000'000, kRemovingProducerNs = 1'000'000;

  NameWatch() = default;  // the first look is due immediately
  explicit NameWatch(int64_t looked_ns) : looked_ns_(looked_ns) {}

  // Returns true if the last look was at least `period_ns` ago. The caller then looks.
  bool Due(int64_t now_ns, int64_t period_ns) noexcept {
    if (now_ns - looked_ns_ < period_ns) return false;
    looked_ns_ = now_ns;
    return true;
  }
  // Makes the next look due, whatever the period.
  void LookNext() noexcept { looked_ns_ = kNever; }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min() / 2;
  int64_t looked_ns_ = kNever;
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_NAME_WATCH_H_
