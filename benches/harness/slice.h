// One slice: a rival does one work in fresh processes, with a probe before and after.
#ifndef MILLRACE_BENCHES_HARNESS_SLICE_H_
#define MILLRACE_BENCHES_HARNESS_SLICE_H_

#include <memory>
#include <string>
#include <vector>

#include "benches/harness/probe.h"
#include "benches/harness/rival.h"

namespace millrace::bench {

struct SliceResult {
  std::string failure;  // not empty: nothing else counts
  Placement placement = Placement::kMoved;
  double line_ns_before = 0, line_ns_after = 0;
  double seconds = 0;               // from the start to the first consumer's last message
  uint64_t sent = 0, received = 0;  // received: by the consumer that got least
  uint64_t lost = 0, damaged = 0;   // over all consumers
  std::vector<uint64_t> received_by;
  double consumer_cpu = 0;  // share of one core, first consumer
  double producer_cpu =
      0;  // the same of the producer: well below 1 while it polls means that others had its core
  std::shared_ptr<Histogram> latency;

  double PerSecond() const { return seconds > 0 ? static_cast<double>(received) / seconds : 0; }
  double SentPerSecond(double slice_seconds) const { return static_cast<double>(sent) / slice_seconds; }
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
