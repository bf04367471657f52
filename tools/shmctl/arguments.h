// Sizes, times and counts on the command line. A wrong one becomes exit code 2 and says how it is written.
#ifndef MILLRACE_TOOLS_SHMCTL_ARGUMENTS_H_
#define MILLRACE_TOOLS_SHMCTL_ARGUMENTS_H_

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

// Accepts whole decimal numbers from `least` to `most`. CLI11 alone takes 010 for 8 and 0x10 for 16.
CLI::Validator Count(uint64_t least, uint64_t most = UINT64_MAX);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_ARGUMENTS_H_
