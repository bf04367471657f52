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

// Installs the handler, once; chains to the one that was there for faults outside our mappings.
absl::Status InstallGuard();

// Mappings that the guard may repair. At most 1024 at a time; more go unguarded.
void GuardRange(const std::byte* base, uint64_t bytes, bool write);
void UnguardRange(const std::byte* base);
// Has a page of this mapping been lost? Cheap while nothing ever was.
bool Faulted(const std::byte* base);

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_GUARD_H_
