// SPDX-License-Identifier: Apache-2.0
// Opt-in protection against a peer that truncates the objects of a ring.
#ifndef MILLRACE_SIGBUS_GUARD_H_
#define MILLRACE_SIGBUS_GUARD_H_

#include "millrace/internal/compiler.h"  // first

#include "absl/status/status.h"
#include "millrace/export.h"

namespace millrace {

// Installs a SIGBUS handler. If a ring is truncated, its consumers then return Got::kDamaged, its producer
// returns Sent::kRemoved, and Check() returns kTruncated. Without the guard, the kernel kills the process at
// its next access. Faults outside of rings go to the handler that was installed before. The guard is opt-in,
// because a library must not take over a signal unasked; shmctl installs it. Call this function once, before
// other threads start. Messages published into a lost page are lost.
//
// SIGBUS must stay unblocked in every thread that uses a ring. The kernel kills a process if the faulting
// thread blocks SIGBUS. The library's own threads keep it unblocked.
MILLRACE_EXPORT absl::Status InstallSigbusGuard();

}  // namespace millrace

#endif  // MILLRACE_SIGBUS_GUARD_H_
