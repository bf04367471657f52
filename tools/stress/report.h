// What a run prints: a live line, and a summary with the verdict.
#ifndef MILLRACE_TOOLS_STRESS_REPORT_H_
#define MILLRACE_TOOLS_STRESS_REPORT_H_

#include "tools/stress/director.h"
#include "tools/stress/ledger.h"
#include "tools/stress/settings.h"

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

#endif  // MILLRACE_TOOLS_STRESS_REPORT_H_
