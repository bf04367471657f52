// What Tab offers. completion.bash asks by `shmctl __complete WORD...`, which is not in the help.
#ifndef MILLRACE_TOOLS_SHMCTL_COMPLETE_H_
#define MILLRACE_TOOLS_SHMCTL_COMPLETE_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace millrace::tool {

inline constexpr char kCompleteCommand[] = "__complete";

// Prints a candidate a line for the last of `words`, those of a command line as bash splits it. Candidates
// are words of the tool, well-formed names of rings and groups, and names of this machine's accounts that are
// well-formed too, so that no shell and no terminal takes one for something else. Gives the exit code.
int Complete(const CLI::App& app, const std::vector<std::string>& words, std::string directory);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_COMPLETE_H_
