// SPDX-License-Identifier: Apache-2.0
// The candidates that Tab offers. completion.bash runs `shmctl __complete WORD...`, which is not in the help.
#ifndef MILLRACE_TOOLS_SHMCTL_COMPLETION_COMPLETE_H_
#define MILLRACE_TOOLS_SHMCTL_COMPLETION_COMPLETE_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace millrace::tool {

inline constexpr char kCompleteCommand[] = "__complete";

// Prints one candidate a line for the last of `words`, which are a command line as bash splits it. Candidates
// are words of the tool, and names of rings, groups and this machine's accounts. Only well-formed names are
// printed, so no shell or terminal can take one for something else. Returns the exit code.
int Complete(const CLI::App& app, const std::vector<std::string>& words, std::string directory);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_COMPLETION_COMPLETE_H_
