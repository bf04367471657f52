// SPDX-License-Identifier: Apache-2.0
// Options that describe a new ring (`create`, `pub --create`), or the owner that an existing ring must have.
#ifndef MILLRACE_TOOLS_SHMCTL_ARGUMENTS_RING_OPTIONS_H_
#define MILLRACE_TOOLS_SHMCTL_ARGUMENTS_RING_OPTIONS_H_

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "millrace/options.h"

namespace millrace::tool {

inline constexpr char kNameHelp[] = "The ring's name: letters, digits, _ . and -";

// These functions throw CLI::ValidationError, which becomes exit code 2.
size_t CapacityArgument(const std::string& text);
// Accepts private | watchable | group[:GID] | everyone, the group by number or by name.
Access AccessArgument(const std::string& text);

// Return a user or a group, given by name or number.
uid_t UserArgument(const std::string& option, const std::string& text);
gid_t GroupArgument(const std::string& option, const std::string& text);
// --owned-by USER. OwnedByArgument returns nullopt if the option is not given.
void AddOwnedBy(CLI::App& command, std::string& user);
std::optional<uid_t> OwnedByArgument(const std::string& user);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_ARGUMENTS_RING_OPTIONS_H_
