// Removing a queue's names, and telling everybody who uses it.
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

// kInUse if a producer or consumer is alive, unless forced. Never touches a file that is not ours.
absl::Status Remove(const Paths& paths, bool force);

// Everything in the directory that is stale. PROTOCOL.md "Stale".
absl::StatusOr<std::vector<Stale>> FindStale(const std::string& directory, uint64_t idle_ns);
// Proves again what FindStale saw, under the life-cycle lock, the producer's lock and all seat locks, for
// this incarnation only.
absl::Status RemoveStale(const Paths& paths, const Stale& stale);

// Is something of a queue left there, and no ring? Nobody else's: by magic, or emptied.
bool HasRemains(const Paths& paths, LockFile lock);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_REMOVE_H_
