// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/placement.h"

namespace millrace::bench {

const char* ToString(Placement placement) {
  switch (placement) {
    case Placement::kNear:
      return "near";
    case Placement::kL3:
      return "l3";
    case Placement::kFar:
      return "far";
    case Placement::kMoved:
      return "moved";
  }
  return "?";
}

Placement PlacementOf(double line_ns) {
  if (line_ns < 14) return Placement::kNear;
  return line_ns < 60 ? Placement::kL3 : Placement::kFar;
}

Placement PlacementOf(double line_ns_before, double line_ns_after) {
  const Placement before = PlacementOf(line_ns_before);
  return before == PlacementOf(line_ns_after) ? before : Placement::kMoved;
}

}  // namespace millrace::bench
