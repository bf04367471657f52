// SPDX-License-Identifier: Apache-2.0
// Limits that stop an allocation, and the free space of a file system.
#ifndef MILLRACE_RUNTIME_OS_LIMITS_H_
#define MILLRACE_RUNTIME_OS_LIMITS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace millrace::os {

struct MemoryLimit {
  uint64_t limit_bytes;      // limit of the cgroup with the least memory available
  uint64_t available_bytes;  // limit - usage + reclaimable file pages
  std::string cgroup;        // path of that cgroup
};

// Returns the tightest memory-cgroup limit (v2 or v1) that applies to this process. Returns nullopt if there
// is none or none is visible. Tests set `root`, where the cgroup file systems are mounted, and `self`, the
// list of our groups.
std::optional<MemoryLimit> MemoryCgroupLimit(const std::string& root = "/sys/fs/cgroup",
                                             const std::string& self = "/proc/self/cgroup");
// Returns RLIMIT_FSIZE, or nullopt if it is unlimited.
std::optional<uint64_t> FileSizeLimit();
// Returns the bytes of the directory's file system that this process may still use, or 0 if they are unknown.
uint64_t FreeBytes(const std::string& directory);

// Allocates the bytes now, so that no later store can find the file system full. Fails with kNoSpace, whose
// text says how much is free. Fails with kNoMemoryLimit if RLIMIT_FSIZE or the memory cgroup forbids the
// size; the cgroup would kill the process instead of refusing. Retries EINTR. `what` names the operation and
// the object for the text. Use it only for a file that does not have its final name yet.
absl::Status Reserve(int fd, uint64_t bytes, const std::string& directory, const std::string& what,
                     const std::optional<MemoryLimit>& memory = MemoryCgroupLimit());

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_LIMITS_H_
