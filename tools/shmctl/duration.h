// Durations as an operator types them.
#ifndef MILLRACE_TOOLS_SHMCTL_DURATION_H_
#define MILLRACE_TOOLS_SHMCTL_DURATION_H_

#include <optional>
#include <string>

#include "millrace/options.h"

namespace millrace::tool {

// "90", "90s", "1m", "1h30m", "250ms", "7d": a bare number is seconds. nullopt: not a duration, or negative.
std::optional<Nanos> ParseDuration(const std::string& text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_DURATION_H_
