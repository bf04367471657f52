// Which slices a round consists of.
#ifndef MILLRACE_BENCHES_PLAN_PLAN_H_
#define MILLRACE_BENCHES_PLAN_PLAN_H_

#include <string>
#include <vector>

#include "benches/harness/rival.h"
#include "benches/plan/settings.h"

namespace millrace::bench {

struct PlannedSlice {
  const Rival* rival;
  Work work;
};

// The same work for one rival after the other: their ratios mean something.
struct Group {
  std::string experiment;
  std::string what;                  // for people: "8 bytes, spinning"
  Waiting waiting = Waiting::kSpin;  // in the results; who cannot wait like this does the next best
  std::vector<PlannedSlice> slices = {};
};

std::vector<Group> PlanOf(const Settings& settings);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_PLAN_H_
