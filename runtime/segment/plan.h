// SPDX-License-Identifier: Apache-2.0
// Defaults and bounds of the options of a new ring.
#ifndef MILLRACE_RUNTIME_SEGMENT_PLAN_H_
#define MILLRACE_RUNTIME_SEGMENT_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "millrace/internal/ring_view.h"
#include "millrace/options.h"

namespace millrace::segment {

// Options of a new ring, with every default filled in and every bound checked.
struct RingPlan {
  uint64_t capacity, max_message;
  uint32_t seats;
  std::string schema;
  Access access;
  bool keep;
  internal::Point start;  // position and sequence of the first message; tests of wrap-around set it
};
absl::StatusOr<RingPlan> PlanOf(std::string_view name, const RingOptions& options);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_PLAN_H_
