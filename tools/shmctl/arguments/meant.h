// SPDX-License-Identifier: Apache-2.0
// Finds the rings that the words of a command line mean: names, and patterns of names in quotes.
#ifndef MILLRACE_TOOLS_SHMCTL_ARGUMENTS_MEANT_H_
#define MILLRACE_TOOLS_SHMCTL_ARGUMENTS_MEANT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace millrace::tool {

inline constexpr char kNamesHelp[] = "Names of rings, and patterns in quotes: * ? [ ]";

// Returns the words of a command line as they were typed (see WithGuard).
std::vector<std::string> WithoutGuards(std::vector<std::string> words);

// Returns true if the ring is named or a pattern matches it. An empty list means every ring.
bool IsMeant(const std::vector<std::string>& words, const std::string& name);

// Calls f(name) once for each ring that is meant, and complains of each failure that f returns. A pattern
// skips files that are no rings. A pattern that matches no ring is an error. Returns the exit code.
int ForEachMeant(const std::vector<std::string>& words, const std::string& directory,
                 const std::function<absl::Status(const std::string& name)>& f);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_ARGUMENTS_MEANT_H_
