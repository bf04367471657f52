// SPDX-License-Identifier: Apache-2.0
// The distance between the producer's core and the first consumer's core. On a virtual machine the host may
// move virtual cores, which changes the distance.
#ifndef MILLRACE_BENCHES_HARNESS_PLACEMENT_H_
#define MILLRACE_BENCHES_HARNESS_PLACEMENT_H_

#include <cstdint>

namespace millrace::bench {

enum class Placement : uint8_t {
  kNear,   // two hyperthreads of one core
  kL3,     // two cores with a shared L3 cache
  kFar,    // two cores without a shared L3 cache
  kMoved,  // the distance changed during a slice
};
const char* ToString(Placement placement);
// Derives the placement from the time of a dependent read of a line that the other core has just written.
Placement PlacementOf(double line_ns);
Placement PlacementOf(double line_ns_before, double line_ns_after);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_PLACEMENT_H_
