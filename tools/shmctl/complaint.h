// What goes to standard error, and the exit code that a refused call means.
#ifndef MILLRACE_TOOLS_SHMCTL_COMPLAINT_H_
#define MILLRACE_TOOLS_SHMCTL_COMPLAINT_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "millrace/segment_manager.h"

namespace millrace::tool {

// "shmctl: <text>" and a newline, in one write. Control characters are escaped: labels inside `text` come
// from other users' processes.
void Complain(std::string_view text);

// kUsage for what can never work (a bad name or argument), else kEnvironment; kDone for OK.
int ExitCodeOf(const absl::Status& status);

// Complains with the status' text and gives its exit code.
int Refuse(const absl::Status& status);

// Says which of this user's rings cannot be looked at (of all, for root), and why. kFinding if there are any.
int ComplainOfUnreadable(const std::vector<RingInfo>& rings);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_COMPLAINT_H_
