// The options of new rings on the command line: `create`, and `pub --create`.
#ifndef MILLRACE_TOOLS_SHMCTL_RING_OPTIONS_H_
#define MILLRACE_TOOLS_SHMCTL_RING_OPTIONS_H_

#include <cstddef>
#include <string>

#include "millrace/options.h"

namespace millrace::tool {

inline constexpr char kNameHelp[] = "The ring's name: letters, digits, _ . and -";

// These throw CLI::ValidationError, which becomes exit code 2.
size_t SizeArgument(const std::string& option, const std::string& text);
size_t CapacityArgument(const std::string& text);
// private | watchable | group[:GID] | everyone; the group by number or by name.
Access AccessArgument(const std::string& text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_RING_OPTIONS_H_
