// SPDX-License-Identifier: Apache-2.0
// What a run prints: a live line, and a summary with the verdict.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_REPORT_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_REPORT_H_

#include "tests/stress/processes/director.h"
#include "tests/stress/processes/ledger.h"
#include "tests/stress/processes/settings.h"

namespace millrace::stress {

class LiveLine {
 public:
  LiveLine(const Ledger& ledger, const Troubles& troubles);
  ~LiveLine();
  void Draw(double seconds);  // draws only when a line is due

 private:
  const Ledger& ledger_;
  const Troubles& troubles_;
  const bool terminal_;
  double drawn_ = 0;
  uint64_t published_ = 0;
};

// Prints everything that was counted, and everything that went wrong.
void PrintSummary(const Settings& settings, const Ledger& ledger, const Troubles& troubles);

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_REPORT_H_
