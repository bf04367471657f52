// SPDX-License-Identifier: Apache-2.0
// Messages to standard error, and the exit codes of refused calls.
#ifndef MILLRACE_TOOLS_SHMCTL_IO_COMPLAINT_H_
#define MILLRACE_TOOLS_SHMCTL_IO_COMPLAINT_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "millrace/segment_manager.h"

namespace millrace::tool {

// Writes "shmctl: <text>" and a newline in one write. Escapes control characters, because labels inside
// `text` are chosen by other users' processes.
void Complain(std::string_view text);

// Returns kUsage for what can never work (a bad name or argument), kDone for OK, and kEnvironment otherwise.
int ExitCodeOf(const absl::Status& status);

// Complains with the text of the status and returns its exit code.
int Refuse(const absl::Status& status);

// Reports which of this user's rings (of all rings, for root) cannot be read, and why. Returns kFinding if
// there are any.
int ComplainOfUnreadable(const std::vector<RingInfo>& rings);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_IO_COMPLAINT_H_
