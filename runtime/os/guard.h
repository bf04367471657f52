// Surviving the truncation of a mapped object: an opt-in SIGBUS handler.
//
// Whoever may write an object may truncate it, and no mechanism for named objects prevents that; the next
// touch of a lost page is SIGBUS. The guard puts a private page of zeros there, so that the straight paths
// need no check, and marks the mapping: the slow paths then answer that the ring is damaged.
#ifndef MILLRACE_RUNTIME_OS_GUARD_H_
#define MILLRACE_RUNTIME_OS_GUARD_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace millrace::os {

// Installs the handler, once; chains to the one that was there for faults outside our mappings. The shared object
// with the handler stays loaded.
absl::Status InstallGuard();

// A mapping that the guard may repair. Any number of them at a time.
struct GuardedRange;
// Enters a mapping. Returns null if there is no memory for the entry. Any thread.
GuardedRange* GuardRange(const std::byte* base, uint64_t bytes, bool write);
// Takes it out again; null does nothing. Async-signal-safe, for forked children.
void UnguardRange(GuardedRange* range);
// Returns true if a page of this mapping was lost. Cheap, also for null.
bool Faulted(const GuardedRange* range);

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_GUARD_H_
