// SPDX-License-Identifier: Apache-2.0
// Removes the names of a queue and wakes its users, which then see that it was removed.
#ifndef MILLRACE_RUNTIME_SEGMENT_UNLINK_H_
#define MILLRACE_RUNTIME_SEGMENT_UNLINK_H_

#include "absl/status/status.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// Removes a queue. Fails with kInUse if a producer or consumer is alive, unless `force` is set. Never touches
// a file that does not belong to the queue.
absl::Status Unlink(const Paths& paths, bool force);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_UNLINK_H_
