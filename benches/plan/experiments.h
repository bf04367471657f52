// The experiments; each appends what it sees.
#ifndef MILLRACE_BENCHES_PLAN_EXPERIMENTS_H_
#define MILLRACE_BENCHES_PLAN_EXPERIMENTS_H_

#include "benches/plan/observations.h"
#include "benches/plan/settings.h"

namespace millrace::bench {

// Of slices between processes. One round of each; the driver calls them round after round.
void MeasureThroughput(const Settings&, int round, SliceRunner&, Observations*);
void MeasureLatency(const Settings&, int round, SliceRunner&, Observations*);
void MeasureFanOut(const Settings&, int round, SliceRunner&, Observations*);
void MeasureOverrun(const Settings&, int round, SliceRunner&, Observations*);
void MeasureIdle(const Settings&, int round, SliceRunner&, Observations*);

// Of millrace alone; all repetitions at once.
void MeasureRecovery(const Settings&, Observations*);
void MeasureSingleProcess(const Settings&, Observations*);
void CountInstructions(const Settings&, Observations*);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_EXPERIMENTS_H_
