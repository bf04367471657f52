// SPDX-License-Identifier: Apache-2.0
// "Did you mean": finds the known word nearest to a mistyped one.
#ifndef MILLRACE_TOOLS_SHMCTL_TEXT_SUGGEST_H_
#define MILLRACE_TOOLS_SHMCTL_TEXT_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace millrace::tool {

// Returns the word of `known` nearest to `typed`. One word begins with the other, or they differ in at most a
// third of the characters of `typed`. Returns "" if no word is near.
std::string NearestWord(std::string_view typed, const std::vector<std::string>& known);

// Returns the sub-command that other programs call `typed`: for "ls" this is list. Returns "" if no other
// program uses that word.
std::string CommandOfOthers(std::string_view typed);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TEXT_SUGGEST_H_
