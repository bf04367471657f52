// What operators change of a living ring: a consumer's seat, the keep mark, owner and modes.
#ifndef MILLRACE_RUNTIME_SEGMENT_CHANGE_H_
#define MILLRACE_RUNTIME_SEGMENT_CHANGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "millrace/segment_manager.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

absl::Status EvictSeat(const Paths& paths, uint32_t seat, uint32_t generation);
absl::Status Change(const Paths& paths, const RingChanges& changes);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_CHANGE_H_
