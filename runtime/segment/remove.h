// Removing a queue's names, and telling everybody who uses it.
#ifndef MILLRACE_RUNTIME_SEGMENT_REMOVE_H_
#define MILLRACE_RUNTIME_SEGMENT_REMOVE_H_

#include "absl/status/status.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// kInUse if a producer or consumer is alive, unless forced. Never touches a file that is not ours.
absl::Status Remove(const Paths& paths, bool force);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_REMOVE_H_
