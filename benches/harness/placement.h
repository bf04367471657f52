// How far apart the producer's and the first consumer's cores are. On virtual machines the host moves them.
#ifndef MILLRACE_BENCHES_HARNESS_PLACEMENT_H_
#define MILLRACE_BENCHES_HARNESS_PLACEMENT_H_

#include <cstdint>

namespace millrace::bench {

enum class Placement : uint8_t {
  kNear,   // two hyperthreads of one core
  kL3,     // one L3
  kFar,    // no shared L3
  kMoved,  // before and after a slice differ
};
const char* ToString(Placement placement);
// By the time of a dependent read of a line that the other core has just written.
Placement PlacementOf(double line_ns);
Placement PlacementOf(double line_ns_before, double line_ns_after);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_PLACEMENT_H_
