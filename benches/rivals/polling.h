// SPDX-License-Identifier: Apache-2.0
// What a spinning process does between two polls.
#ifndef MILLRACE_BENCHES_RIVALS_POLLING_H_
#define MILLRACE_BENCHES_RIVALS_POLLING_H_

#include <sched.h>

#include "benches/harness/work.h"

namespace millrace::bench {

class Polling {
 public:
  explicit Polling(const Work& work) : yields_(work.oversubscribed) {}
  void FoundNothing() {
    CpuRelax();
    // If there are more processes than cores, the awaited process may need this core.
    if (yields_ && ++looks_ % kLooksBeforeYield == 0) sched_yield();
  }

 private:
  static constexpr unsigned kLooksBeforeYield = 64;
  bool yields_;
  unsigned looks_ = 0;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_RIVALS_POLLING_H_
