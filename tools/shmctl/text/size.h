// SPDX-License-Identifier: Apache-2.0
// Sizes as an operator types them and as a table shows them.
#ifndef MILLRACE_TOOLS_SHMCTL_TEXT_SIZE_H_
#define MILLRACE_TOOLS_SHMCTL_TEXT_SIZE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::tool {

// Returns the bytes of a size. K, M, G and KiB, MiB, GiB are powers of 1024; KB, MB, GB are powers of 1000;
// no unit (or B) means bytes. Case does not matter. Returns nullopt if the text is no size, does not fit 64
// bits, or begins with a zero.
std::optional<uint64_t> ParseSize(std::string_view text);

// Returns the shortest exact spelling that ParseSize accepts: "4M", "4097".
std::string TypedSize(uint64_t bytes);

// Returns a rounded size for people: "1 MiB", "12.3 KiB", "17 B". The sizes in the library's error texts are exact
// instead (os::HumanBytes), because a rounded limit would be a wrong limit.
std::string HumanSize(uint64_t bytes);

// Returns what is wrong with this capacity and the nearest valid ones. Returns "" if nothing is wrong.
std::string CapacityProblem(uint64_t bytes);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TEXT_SIZE_H_
