// Sizes as an operator types them and as a table shows them.
#ifndef MILLRACE_TOOLS_SHMCTL_SIZE_H_
#define MILLRACE_TOOLS_SHMCTL_SIZE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::tool {

// K, M, G and KiB, MiB, GiB are powers of 1024; KB, MB, GB powers of 1000; no unit (or B) is bytes. Upper and
// lower case mean the same. nullopt: not a size, it does not fit 64 bits, or it begins with a zero.
std::optional<uint64_t> ParseSize(std::string_view text);

// Shortest exact spelling that ParseSize takes: "4M", "4097".
std::string TypedSize(uint64_t bytes);

// For people, rounded: "1 MiB", "12.3 KiB", "17 B".
std::string HumanSize(uint64_t bytes);

// What is wrong with this capacity, naming the nearest ones that are right. "" = nothing.
std::string CapacityProblem(uint64_t bytes);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_SIZE_H_
