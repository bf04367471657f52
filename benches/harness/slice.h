// SPDX-License-Identifier: Apache-2.0
// One slice: a rival does one piece of work in new processes. The placement is probed before and after it.
#ifndef MILLRACE_BENCHES_HARNESS_SLICE_H_
#define MILLRACE_BENCHES_HARNESS_SLICE_H_

#include <memory>
#include <string>
#include <vector>

#include "benches/harness/placement.h"
#include "benches/harness/probe.h"
#include "benches/harness/rival.h"

namespace millrace::bench {

struct SliceResult {
  std::string failure;  // if not empty, no other member is valid
  Placement placement = Placement::kMoved;
  double line_ns_before = 0, line_ns_after = 0;
  uint64_t sent = 0;
  uint64_t lost = 0, damaged = 0;     // sums over all consumers
  std::vector<double> per_second_by;  // rate of each consumer, after the warm-up
  double per_second = 0;              // rate of the slowest consumer
  double sent_per_second = 0;
  double consumer_cpu = 0;  // share of a core, of the first consumer
  double producer_cpu = 0;  // if well below 1 although it polls, other programs used its core
  std::shared_ptr<Histogram> latency;
};

class SliceRunner {
 public:
  explicit SliceRunner(double seconds) : seconds_(seconds) {}
  SliceResult Run(const Rival& rival, Work work);
  double seconds() const { return seconds_; }
  LineProbe& probe() { return probe_; }

 private:
  double seconds_;
  LineProbe probe_;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_SLICE_H_
