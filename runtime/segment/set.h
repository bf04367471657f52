// SPDX-License-Identifier: Apache-2.0
// Changes properties of a live ring: keep, owner, group and modes.
#ifndef MILLRACE_RUNTIME_SEGMENT_SET_H_
#define MILLRACE_RUNTIME_SEGMENT_SET_H_

#include "absl/status/status.h"
#include "millrace/ring_info.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// Applies the changes to the objects of a ring. Requires that they belong to changes.owned_by (default: the
// effective user).
absl::Status Set(const Paths& paths, const RingChanges& changes);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_SET_H_
