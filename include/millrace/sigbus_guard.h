// Opt-in protection against a peer that truncates the objects of a ring.
#ifndef MILLRACE_SIGBUS_GUARD_H_
#define MILLRACE_SIGBUS_GUARD_H_

#include "millrace/internal/compiler.h"  // first

#include "absl/status/status.h"
#include "millrace/export.h"

namespace millrace {

// Installs a SIGBUS handler that turns the truncation of a ring into an answer: consumers say Got::kDamaged,
// producers Sent::kRemoved and Check() kTruncated, where otherwise the process would be killed. Faults
// elsewhere go to the handler that was there before. Opt-in, because a library may not take a signal unasked;
// shmctl does. Call it once, before other threads start. What was published into a lost page is lost.
//
// SIGBUS must stay unblocked in every thread that uses a ring: the kernel ends a process whose thread blocks the
// signal of its own fault. The library's own threads keep it unblocked.
MILLRACE_EXPORT absl::Status InstallSigbusGuard();

}  // namespace millrace

#endif  // MILLRACE_SIGBUS_GUARD_H_
