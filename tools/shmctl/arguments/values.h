// SPDX-License-Identifier: Apache-2.0
// Sizes, times and counts on the command line. A malformed one becomes exit code 2 with a text that shows how
// to write it.
#ifndef MILLRACE_TOOLS_SHMCTL_ARGUMENTS_VALUES_H_
#define MILLRACE_TOOLS_SHMCTL_ARGUMENTS_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "millrace/options.h"

namespace millrace::tool {

// Returns bytes. Throws CLI::ValidationError.
size_t SizeArgument(const std::string& option, const std::string& text);

// Returns a time. Throws CLI::ValidationError.
Nanos TimeArgument(const std::string& option, const std::string& text);

// Accepts whole decimal numbers from `least` to `most`. CLI11 alone reads 010 as 8 and 0x10 as 16.
CLI::Validator Count(uint64_t least, uint64_t most = UINT64_MAX);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_ARGUMENTS_VALUES_H_
