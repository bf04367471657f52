// SPDX-License-Identifier: Apache-2.0
// The experiments that do not consist of slices. Each runs all its repetitions in one go.
#ifndef MILLRACE_BENCHES_PLAN_EXPERIMENTS_H_
#define MILLRACE_BENCHES_PLAN_EXPERIMENTS_H_

#include "benches/plan/observations.h"
#include "benches/plan/settings.h"

namespace millrace::bench {

void MeasureRecovery(const Settings&, Observations*);
void MeasureSingleProcess(const Settings&, Observations*);
void RunMicrobench(const Settings&, Observations*);
void CountInstructions(const Settings&, Observations*);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_EXPERIMENTS_H_
