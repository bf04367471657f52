// Measures how far apart the producer's and the first consumer's cores are, now.
#ifndef MILLRACE_BENCHES_HARNESS_PROBE_H_
#define MILLRACE_BENCHES_HARNESS_PROBE_H_

#include <sys/types.h>

#include <memory>

#include "benches/harness/shared_memory.h"

namespace millrace::bench {

// A partner process on the consumer's core writes cache lines, this process reads them in dependent steps.
class LineProbe {
 public:
  LineProbe();      // spawns the partner
  ~LineProbe();     // ends it
  double LineNs();  // about 0.5 ms; the median of several passes

 private:
  struct Page;
  std::unique_ptr<SharedObject<Page>> page_;
  pid_t partner_;
};

// Stamps of the two cores: by how many ns the consumer's counter runs ahead of the producer's, estimated from
// the shortest trip each way.
double ClockSkewNs();

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_PROBE_H_
