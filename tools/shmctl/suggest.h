// "Did you mean": the known word that a mistyped one is nearest to.
#ifndef MILLRACE_TOOLS_SHMCTL_SUGGEST_H_
#define MILLRACE_TOOLS_SHMCTL_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace millrace::tool {

// Returns the word of `known` that `typed` begins with, or begins, or differs from in at most a third of its
// characters. Returns "" if none is near.
std::string NearestWord(std::string_view typed, const std::vector<std::string>& known);

// Returns the sub-command that other programs call `typed`: "ls" is list. Returns "" for a word that none
// uses.
std::string CommandOfOthers(std::string_view typed);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_SUGGEST_H_
