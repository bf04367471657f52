// Names of queues and of the objects they are made of.
#ifndef MILLRACE_RUNTIME_SEGMENT_NAMES_H_
#define MILLRACE_RUNTIME_SEGMENT_NAMES_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace millrace::segment {

inline constexpr std::string_view kRingSuffix = ".ring";
inline constexpr std::string_view kSeatsSuffix = ".seats";
inline constexpr std::string_view kLockSuffix = ".lock";

// Where one queue lives. The three names share a directory, which is absolute, and a stem.
struct Paths {
  std::string directory, name;
  std::string ring, seats, lock;  // full paths
};

// Checks the name: [A-Za-z0-9_][A-Za-z0-9_.-]*, at most 200 characters (kBadName). A relative directory is
// taken from the current one, now.
absl::StatusOr<Paths> PathsOf(std::string_view directory, std::string_view name);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_NAMES_H_
