// SPDX-License-Identifier: Apache-2.0
// The place at which a consumer or a group starts.
#ifndef MILLRACE_RUNTIME_SEGMENT_START_H_
#define MILLRACE_RUNTIME_SEGMENT_START_H_

#include <cstdint>

#include "absl/status/status.h"
#include "millrace/internal/ring_join.h"
#include "millrace/internal/ring_view.h"
#include "millrace/options.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// A start in the form that joining needs.
struct Where {
  internal::StartAt at;
  uint64_t value;
};
// Returns a start in that form. Converts an age to a time, counted back from now.
Where Locate(const Start& start);
// Returns the status of a join that failed.
absl::Status JoinFailed(const Paths& paths, internal::JoinFailure failure, const Start& start,
                        const internal::RingMemory& memory);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_START_H_
