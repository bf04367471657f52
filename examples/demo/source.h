// SPDX-License-Identifier: Apache-2.0
// Selects, checks and describes the file that is streamed.
#ifndef MILLRACE_EXAMPLES_DEMO_SOURCE_H_
#define MILLRACE_EXAMPLES_DEMO_SOURCE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace demo {

// Returns the largest program or library of this system of at most 128 MiB, or "" if there is none.
std::string LargestSystemFile();
// Reads the whole file and returns its CRC-32 in the form of FinishCrc. Returns nullopt if it cannot be read.
std::optional<uint32_t> CrcOfFile(const std::string& file);
// Returns a size for people, in decimal megabytes: "35.5 MB".
std::string Megabytes(double bytes);

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_SOURCE_H_
