// Changes that operators make to a live ring: evicting a seat, setting keep, owner, group and modes.
#ifndef MILLRACE_RUNTIME_SEGMENT_CHANGE_H_
#define MILLRACE_RUNTIME_SEGMENT_CHANGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "millrace/segment_manager.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// Evicts the holder of a seat. Fails with kNotFound unless the seat has a holder of that generation.
absl::Status EvictSeat(const Paths& paths, uint32_t seat, uint32_t generation);
// Applies the changes to the objects of a ring. Requires that they belong to changes.owned_by (default: the
// effective user).
absl::Status Change(const Paths& paths, const RingChanges& changes);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_CHANGE_H_
