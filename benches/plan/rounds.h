// SPDX-License-Identifier: Apache-2.0
// Runs a plan, one round after another.
#ifndef MILLRACE_BENCHES_PLAN_ROUNDS_H_
#define MILLRACE_BENCHES_PLAN_ROUNDS_H_

#include <vector>

#include "benches/plan/observations.h"
#include "benches/plan/plan.h"

namespace millrace::bench {

// Adds the result of each slice to `out`. On a terminal, shows the progress in one line; otherwise prints a
// line per round.
void RunRounds(const std::vector<Group>& plan, int rounds, double slice_seconds, Observations* out);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_ROUNDS_H_
