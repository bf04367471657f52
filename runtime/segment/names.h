// SPDX-License-Identifier: Apache-2.0
// Names of queues and of their three files.
#ifndef MILLRACE_RUNTIME_SEGMENT_NAMES_H_
#define MILLRACE_RUNTIME_SEGMENT_NAMES_H_

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace millrace::segment {

inline constexpr std::string_view kRingSuffix = ".ring";
inline constexpr std::string_view kSeatsSuffix = ".seats";
inline constexpr std::string_view kLockSuffix = ".lock";

// Where the files of one queue are. Their three names share a stem and a directory, which is absolute.
struct Paths {
  std::string directory, name;
  std::string ring, seats, lock;  // full paths
};

// Returns the paths of the queue `name`. Fails with kBadName unless `name` is [A-Za-z0-9_][A-Za-z0-9_.-]* of
// at most 200 characters. Resolves a relative directory against the current directory, once and now.
absl::StatusOr<Paths> PathsOf(std::string_view directory, std::string_view name);

// Returns the names without suffix, sorted, of all files in the directory that have one of the suffixes.
absl::StatusOr<std::set<std::string>> StemsIn(const std::string& directory,
                                              std::initializer_list<std::string_view> suffixes);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_NAMES_H_
