// What would stop an allocation before the file system does.
#ifndef MILLRACE_RUNTIME_OS_LIMITS_H_
#define MILLRACE_RUNTIME_OS_LIMITS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::os {

struct MemoryLimit {
  uint64_t limit_bytes;      // of the tightest cgroup above us
  uint64_t available_bytes;  // limit - usage + reclaimable file pages
  std::string cgroup;        // its path
};

// The tightest memory-cgroup limit (v2 or v1) over this process; nullopt: none, or not visible.
// `root` and `self` are for tests: where the cgroup file systems are mounted and the list of our groups.
std::optional<MemoryLimit> MemoryCgroupLimit(const std::string& root = "/sys/fs/cgroup",
                                             const std::string& self = "/proc/self/cgroup");
std::optional<uint64_t> FileSizeLimit();           // RLIMIT_FSIZE; nullopt: unlimited
uint64_t FreeBytes(const std::string& directory);  // of its file system, for us; 0 if it cannot be told

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_LIMITS_H_
