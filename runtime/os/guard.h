// SPDX-License-Identifier: Apache-2.0
// Survives the truncation of a mapped object with an opt-in SIGBUS handler.
//
// Any process that can write an object can truncate it; named objects have no mechanism that prevents this.
// The next access to a lost page raises SIGBUS. The guard maps a private page of zeros there and marks the
// mapping. So the straight paths need no check, and the slow paths report that the ring is damaged.
#ifndef MILLRACE_RUNTIME_OS_GUARD_H_
#define MILLRACE_RUNTIME_OS_GUARD_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace millrace::os {

// Installs the handler, once. For faults outside our mappings it calls the handler that was installed before.
// Keeps the shared object that contains the handler loaded.
absl::Status InstallGuard();

// A mapping that the guard may repair. Their number is not limited.
struct GuardedRange;
// Enters a mapping in the guard's table. Returns null if there is no memory for the entry. Any thread may
// call.
GuardedRange* GuardRange(const std::byte* base, uint64_t bytes, bool write);
// Removes a mapping from the table; does nothing for null. Async-signal-safe, for forked children.
void UnguardRange(GuardedRange* range);
// Returns true if a page of this mapping was lost. Returns false for null. Costs one load.
bool Faulted(const GuardedRange* range);

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_GUARD_H_
