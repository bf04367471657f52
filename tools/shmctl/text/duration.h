// SPDX-License-Identifier: Apache-2.0
// Durations as an operator types them.
#ifndef MILLRACE_TOOLS_SHMCTL_TEXT_DURATION_H_
#define MILLRACE_TOOLS_SHMCTL_TEXT_DURATION_H_

#include <optional>
#include <string_view>

#include "millrace/options.h"

namespace millrace::tool {

// Returns the time of "90s", "5m", "5min", "1h30m", "1.5h", "250ms" or "7d". Returns nullopt for anything
// else, such as a number without a unit (except 0), a sign, or a time of more than 285 years.
std::optional<Nanos> ParseDuration(std::string_view text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TEXT_DURATION_H_
