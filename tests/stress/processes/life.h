// SPDX-License-Identifier: Apache-2.0
// The parts shared by all processes of a run.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_LIFE_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_LIFE_H_

#include <time.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/stress/processes/ledger.h"
#include "tests/stress/processes/message.h"
#include "tests/stress/processes/random.h"
#include "tests/stress/processes/settings.h"

namespace millrace::stress {

inline void Pause(uint64_t us) {
  const timespec pause{static_cast<time_t>(us / 1'000'000), static_cast<long>(us % 1'000'000 * 1000)};
  nanosleep(&pause, nullptr);
}

class Life {
 protected:
  // `who` is for the records; `role` and `life` are for the random choices.
  Life(const Settings& settings, Ledger& ledger, std::string who, uint64_t role, uint64_t life)
      : settings_(settings),
        ledger_(ledger),
        random_(settings.seed, role, life),
        messages_(settings.seed, settings.max_message),
        who_(std::move(who)) {}

  // Records a violation. Returns false.
  template <class... Args>
  bool Bad(const Args&... what) {
    ledger_.Violation(absl::StrCat(who_, ": ", what...));
    return false;
  }

  // Runs handle after handle until `over`, then returns the exit code. `one_handle` opens, uses and leaves
  // one handle, and returns false after a violation. If `replaceable`, sometimes returns early, so that
  // another process continues.
  template <class OneHandle>
  int RunHandles(const std::atomic<bool>& over, bool replaceable, OneHandle one_handle) {
    const int descriptors = CountDescriptors();
    while (!over.load(std::memory_order_acquire)) {
      if (!one_handle()) return 1;
      const int now = CountDescriptors();
      if (now != descriptors) return !Bad(descriptors, " descriptors became ", now);
      if (replaceable && random_.OneIn(4)) return 0;
    }
    return 0;
  }

  const Settings& settings_;
  Ledger& ledger_;
  Random random_;
  const Messages messages_;

 private:
  const std::string who_;
};

// The life of a process that reads.
class ReaderLife : protected Life {
 protected:
  enum class Then { kGoOn, kLeave, kStop };  // kStop: after a violation
  using Life::Life;

  template <class... Args>
  Then Stop(const Args&... what) {
    Bad(what...);
    return Then::kStop;
  }
};

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_LIFE_H_
