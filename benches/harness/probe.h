// SPDX-License-Identifier: Apache-2.0
// Measures the current distance between the producer's core and the first consumer's core.
#ifndef MILLRACE_BENCHES_HARNESS_PROBE_H_
#define MILLRACE_BENCHES_HARNESS_PROBE_H_

#include <sys/types.h>

#include <memory>

#include "benches/harness/shared_memory.h"

namespace millrace::bench {

// A partner process on the consumer's core writes cache lines. This process reads them in dependent steps.
class LineProbe {
 public:
  LineProbe();      // spawns the partner
  ~LineProbe();     // ends it
  double LineNs();  // returns ns per line, the median of several passes; takes about 0.5 ms

 private:
  struct Page;
  std::unique_ptr<SharedObject<Page>> page_;
  pid_t partner_;
};

// Returns by how many ns the counter of the consumer's core is ahead of that of the producer's core.
// Estimates this from the shortest trip of a cache line in each direction.
double ClockSkewNs();

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_PROBE_H_
