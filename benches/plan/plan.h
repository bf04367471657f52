// SPDX-License-Identifier: Apache-2.0
// Plans the slices of a round.
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

// Slices of one kind of work, one for each rival. They run one after another, so their ratios are valid.
struct Group {
  std::string experiment;
  std::string what;                  // for readers: "8 bytes, spinning"
  Waiting waiting = Waiting::kSpin;  // in the results; a rival without this way uses the nearest
  std::vector<PlannedSlice> slices = {};
};

std::vector<Group> PlanOf(const Settings& settings);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_PLAN_H_
