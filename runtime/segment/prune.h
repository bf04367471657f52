// SPDX-License-Identifier: Apache-2.0
// Finds and removes queues that no process uses. Locks prove that, never time alone.
// protocol/life_cycle.md "Stale".
#ifndef MILLRACE_RUNTIME_SEGMENT_PRUNE_H_
#define MILLRACE_RUNTIME_SEGMENT_PRUNE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/ring_info.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// Returns all queues in the directory that are stale, and remains of queues.
absl::StatusOr<std::vector<Stale>> FindStale(const std::string& directory, uint64_t idle_ns);
// Removes what FindStale found, after proving again that it is stale. Holds the life-cycle lock, the
// producer's lock and all seat locks. Removes this incarnation only.
absl::Status Prune(const Paths& paths, const Stale& stale);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_PRUNE_H_
