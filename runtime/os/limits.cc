// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <string_view>

#include "runtime/os/failure.h"
#include "runtime/os/thread.h"

namespace millrace::os {
namespace {

// File names and keys that differ between the two versions of the memory controller.
struct Names {
  const char* limit;
  const char* usage;
  const char* inactive_file;
  const char* active_file;
};
constexpr Names kVersion2 = {"memory.max", "memory.current", "inactive_file", "active_file"};
constexpr Names kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                             "total_active_file"};

// Values from here on mean "no limit". Version 1 reports "no limit" as the largest number of whole pages, and
// no machine has this much memory.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;

// Returns the contents of a file, or "" if it cannot be read. Stops reading at kMost: the files meant here
// are small, so a larger file is not one of them.
std::string Contents(const std::string& path) {
  constexpr size_t kMost = 64 << 10;
  std::string text;
  const NoCancel no_cancel;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return text;
  char chunk[4096];
  while (text.size() < kMost) {
    const ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(chunk, static_cast<size_t>(got));
  }
  close(fd);
  return text;
}

// Removes the first line from `text` and returns it.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> NumberIn(const std::string& path) {
  const std::string contents = Contents(path);
  std::string_view text = contents;
  return ParseNumber(TakeLine(text));
}

// Returns the bytes of file pages that the kernel can drop. Pages of shared memory are not among them.
uint64_t Reclaimable(const std::string& group, const Names& names) {
  const std::string contents = Contents(group + "/memory.stat");
  uint64_t sum = 0;
  for (std::string_view rest = contents; !rest.empty();) {
    const std::string_view line = TakeLine(rest);
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, space);
    if (key != names.inactive_file && key != names.active_file) continue;
    sum += std::min(ParseNumber(line.substr(space + 1)).value_or(0), kNoLimit);
  }
  return sum;
}

std::optional<MemoryLimit> LimitOf(const std::string& group, const Names& names) {
  const std::optional<uint64_t> limit = NumberIn(group + "/" + names.limit);
  const std::optional<uint64_t> usage = NumberIn(group + "/" + names.usage);
  if (!limit.has_value() || !usage.has_value() || *limit >= kNoLimit) return std::nullopt;
  const uint64_t used = *usage - std::min(*usage, Reclaimable(group, names));
  return MemoryLimit{*limit, *limit - std::min(*limit, used), group};
}

void KeepTightest(std::optional<MemoryLimit> candidate, std::optional<MemoryLimit>& tightest) {
  if (!candidate.has_value()) return;
  if (!tightest.has_value() || candidate->available_bytes < tightest->available_bytes) {
    tightest = std::move(candidate);
  }
}

// Visits the group `path` below `mount` and all its parents, including the mount itself. In a container,
// `path` may be the host's path and therefore not visible, while the mount is the container's own group.
void WalkUp(const std::string& mount, std::string path, const Names& names,
            std::optional<MemoryLimit>& tightest) {
  if (path.find("/..") != std::string::npos) path.clear();  // a group outside of our cgroup namespace
  for (;;) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    KeepTightest(LimitOf(mount + path, names), tightest);
    if (path.empty()) return;
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

bool HasMemory(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(comma == std::string_view::npos ? controllers.size() : comma + 1);
  }
  return false;
}

absl::Status DoNotFit(const std::string& what, uint64_t bytes, const std::string& directory) {
  return Failure(Error::kNoSpace, what + ": " + HumanBytes(bytes) + " do not fit in " + directory + " (" +
                                      HumanBytes(FreeBytes(directory)) +
                                      " free); enlarge it (docker: --shm-size) or choose a smaller capacity");
}

absl::Status AboveFileSizeLimit(const std::string& what, uint64_t bytes, uint64_t limit) {
  return Failure(Error::kNoMemoryLimit, what + ": " + HumanBytes(bytes) +
                                            " are more than this process's file "
                                            "size limit (RLIMIT_FSIZE: " +
                                            HumanBytes(limit) +
                                            "); raise it (ulimit -f) or choose a smaller capacity");
}

absl::Status AboveMemoryLimit(const std::string& what, uint64_t bytes, const MemoryLimit& memory) {
  return Failure(Error::kNoMemoryLimit,
                 what + ": " + HumanBytes(bytes) + " do not fit in the memory limit of cgroup " +
                     memory.cgroup + " (" + HumanBytes(memory.available_bytes) + " of " +
                     HumanBytes(memory.limit_bytes) +
                     " available); raise it (docker: --memory) or choose a smaller capacity");
}

// Refuses sizes that are certain to fail, and sizes for which the cgroup would kill this process.
absl::Status CheckLimits(uint64_t bytes, const std::string& directory, const std::string& what,
                         const std::optional<MemoryLimit>& memory) {
  if (bytes > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) {
    return Failure(Error::kBadArgument,
                   what + ": " + std::to_string(bytes) +
                       " bytes are more than a file can have; choose a smaller capacity");
  }
  if (const auto limit = FileSizeLimit(); limit.has_value() && bytes > *limit) {
    return AboveFileSizeLimit(what, bytes, *limit);
  }
  if (memory.has_value() && bytes > memory->available_bytes) return AboveMemoryLimit(what, bytes, *memory);
  // Check before trying, so that a hopeless request does not fill the file system for a moment. A tmpfs
  // without a limit reports 0 free bytes.
  const uint64_t free = FreeBytes(directory);
  if (free != 0 && bytes > free) return DoNotFit(what, bytes, directory);
  return absl::OkStatus();
}

// Allocates the bytes. Returns 0 or an errno. When a signal interrupts a call, tmpfs gives back all that this
// call had allocated. So under a fast timer only small steps make progress.
int Allocate(int fd, off_t bytes) {
  constexpr off_t kStep = 1 << 20;
  const int error = posix_fallocate(fd, 0, bytes);
  if (error != EINTR) return error;
  for (off_t done = 0; done < bytes;) {
    const off_t step = std::min(kStep, bytes - done);
    const int step_error = posix_fallocate(fd, done, step);
    if (step_error == 0) done += step;
    if (step_error != 0 && step_error != EINTR) return step_error;
  }
  return 0;
}

}  // namespace

std::optional<MemoryLimit> MemoryCgroupLimit(const std::string& root, const std::string& self) {
  std::optional<MemoryLimit> tightest;
  const std::string contents = Contents(self);
  for (std::string_view rest = contents; !rest.empty();) {
    // A line is hierarchy:controllers:/path. The line of version 2 names no controllers.
    const std::string_view line = TakeLine(rest);
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers.empty()) {
      WalkUp(root, path, kVersion2, tightest);
      WalkUp(root + "/unified", path, kVersion2, tightest);
    } else if (HasMemory(controllers)) {
      WalkUp(root + "/memory", path, kVersion1, tightest);
    }
  }
  return tightest;
}

std::optional<uint64_t> FileSizeLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

uint64_t FreeBytes(const std::string& directory) {
  struct statvfs facts {};
  if (statvfs(directory.c_str(), &facts) != 0) return 0;
  return static_cast<uint64_t>(facts.f_bavail) * facts.f_frsize;
}

absl::Status Reserve(int fd, uint64_t bytes, const std::string& directory, const std::string& what,
                     const std::optional<MemoryLimit>& memory) {
  if (bytes == 0) return absl::OkStatus();
  if (absl::Status fits = CheckLimits(bytes, directory, what, memory); !fits.ok()) return fits;
  const int error = Allocate(fd, static_cast<off_t>(bytes));
  if (error == 0) return absl::OkStatus();
  if (error == ENOSPC) return DoNotFit(what, bytes, directory);
  return SystemFailure(error, what + ": allocate " + HumanBytes(bytes) + " in " + directory);
}

}  // namespace millrace::os
