// Options that say what a new ring is like (`create`, `pub --create`), and whose an existing one must be.
#ifndef MILLRACE_TOOLS_SHMCTL_RING_OPTIONS_H_
#define MILLRACE_TOOLS_SHMCTL_RING_OPTIONS_H_

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "millrace/options.h"

namespace millrace::tool {

inline constexpr char kNameHelp[] = "The ring's name: letters, digits, _ . and -";

// These throw CLI::ValidationError, which becomes exit code 2.
size_t CapacityArgument(const std::string& text);
// private | watchable | group[:GID] | everyone; the group by number or by name.
Access AccessArgument(const std::string& text);

// A user or group by name or number.
uid_t UserArgument(const std::string& option, const std::string& text);
gid_t GroupArgument(const std::string& option, const std::string& text);
// --owned-by USER; unset where it is not given.
void AddOwnedBy(CLI::App& command, std::string& user);
std::optional<uid_t> OwnedByArgument(const std::string& user);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_RING_OPTIONS_H_
