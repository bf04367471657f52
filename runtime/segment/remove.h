// Removes the names of a queue and wakes its users, which then see that it was removed.
#ifndef MILLRACE_RUNTIME_SEGMENT_REMOVE_H_
#define MILLRACE_RUNTIME_SEGMENT_REMOVE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/segment_manager.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// Removes a queue. Fails with kInUse if a producer or consumer is alive, unless `force` is set. Never touches
// a file that does not belong to the queue.
absl::Status Remove(const Paths& paths, bool force);

// Returns all queues in the directory that are stale, and remains of queues. protocol/life_cycle.md "Stale".
absl::StatusOr<std::vector<Stale>> FindStale(const std::string& directory, uint64_t idle_ns);
// Removes what FindStale found, after proving again that it is stale. Holds the life-cycle lock, the
// producer's lock and all seat locks. Removes this incarnation only.
absl::Status RemoveStale(const Paths& paths, const Stale& stale);

// Returns true if .seats or .lock of a queue is left without a .ring, and all that is left is ours (IsOurs).
bool HasRemains(const Paths& paths, LockFile lock);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_REMOVE_H_
