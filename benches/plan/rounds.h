// Runs a plan round after round.
#ifndef MILLRACE_BENCHES_PLAN_ROUNDS_H_
#define MILLRACE_BENCHES_PLAN_ROUNDS_H_

#include <vector>

#include "benches/plan/observations.h"
#include "benches/plan/plan.h"

namespace millrace::bench {

// On a terminal a line that says how far it is, else a line per round.
void RunRounds(const std::vector<Group>& plan, int rounds, double slice_seconds, Observations* out);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_ROUNDS_H_
