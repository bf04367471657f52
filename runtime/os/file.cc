// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "runtime/os/failure.h"
#include "runtime/os/thread.h"

namespace millrace::os {
namespace {

FileFacts ToFacts(const struct stat& s) {
  FileFacts facts;
  facts.identity = {s.st_dev, s.st_ino};
  facts.bytes = static_cast<uint64_t>(s.st_size);
  facts.links = static_cast<uint64_t>(s.st_nlink);
  facts.allocated = static_cast<uint64_t>(s.st_blocks) * 512;
  facts.modified_ns =
      static_cast<uint64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(s.st_mtim.tv_nsec);
  facts.changed_ns =
      static_cast<uint64_t>(s.st_ctim.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(s.st_ctim.tv_nsec);
  facts.mode = s.st_mode;
  facts.uid = s.st_uid;
  facts.gid = s.st_gid;
  facts.regular = S_ISREG(s.st_mode);
  return facts;
}

bool OnTmpfs(int fd) {
  constexpr long kTmpfs = 0x01021994;
  struct statfs facts {};
  return fstatfs(fd, &facts) == 0 && facts.f_type == kTmpfs;
}

const char* KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK:
      return "a symbolic link";
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a fifo";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
    case S_IFBLK:
      return "a device";
    default:
      return "something unknown";
  }
}

absl::Status WrongKind(const std::string& path, mode_t mode) {
  return Failure(Error::kNotARing, "open " + Quoted(path) + ": found " + KindOf(mode) +
                                       ", expected a regular file; choose another name or remove it");
}

}  // namespace

void Fd::Close() {
  if (fd_ < 0) return;
  const NoCancel no_cancel;
  const int saved = errno;  // A caller may still need the errno of its own failure.
  close(std::exchange(fd_, -1));
  errno = saved;
}

absl::StatusOr<FileFacts> FactsOf(int fd, const std::string& path) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return SystemFailure(errno, "look at " + Quoted(path));
  FileFacts known = ToFacts(facts);
  known.holes = known.allocated < known.bytes && OnTmpfs(fd);
  return known;
}

std::optional<FileFacts> FactsOfName(const std::string& path) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) return std::nullopt;
  return ToFacts(facts);
}

std::optional<bool> NameLeadsTo(const std::string& path, const Identity& file) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) == 0) return ToFacts(facts).identity == file;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return std::nullopt;
}

bool BelongsTo(int fd, const FileFacts& facts, uid_t user) {
  if (facts.uid != user) return false;
  if (user != geteuid()) return true;
  // The kernel grants this flag only to the file's owner, and to a process with power over an owner that has
  // a number in its user namespace.
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  if (fcntl(fd, F_SETFL, flags | O_NOATIME) != 0) return errno != EPERM;
  (void)fcntl(fd, F_SETFL, flags);
  return true;
}

absl::StatusOr<Fd> OpenExisting(const std::string& path, bool write) {
  const int flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  Fd fd(OpenRetrying(path.c_str(), flags));
  if (!fd.valid()) {
    // The errno does not explain why a link, a socket or a directory was refused, so look at the name's kind.
    const int error = errno;
    const std::optional<FileFacts> found = FactsOfName(path);
    if (found.has_value() && !found->regular) return WrongKind(path, found->mode);
    return SystemFailure(error, "open " + Quoted(path) + (write ? " for writing" : " for reading"));
  }
  const absl::StatusOr<FileFacts> facts = FactsOf(fd.get(), path);
  if (!facts.ok()) return facts.status();
  if (!facts->regular) return WrongKind(path, facts->mode);
  return fd;
}

int OpenRetrying(const char* path, int flags, mode_t mode) {
  const NoCancel no_cancel;
  int fd;
  do {
    fd = open(path, flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

absl::StatusOr<bool> ReadAt(int fd, void* to, size_t bytes, uint64_t offset, const std::string& path) {
  auto* next = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const ssize_t got = pread(fd, next, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemFailure(errno, "read " + Quoted(path));
    if (got == 0) return false;
    next += got;
    bytes -= static_cast<size_t>(got);
    offset += static_cast<uint64_t>(got);
  }
  return true;
}

absl::Status WriteAt(int fd, const void* from, size_t bytes, uint64_t offset, const std::string& what) {
  const auto* next = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    const ssize_t put = pwrite(fd, next, bytes, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemFailure(errno, what);
    if (put == 0) return SystemFailure(ENOSPC, what);
    next += put;
    bytes -= static_cast<size_t>(put);
    offset += static_cast<uint64_t>(put);
  }
  return absl::OkStatus();
}

absl::Status SetOwner(int fd, std::optional<uid_t> owner, std::optional<gid_t> group,
                      const std::string& what) {
  constexpr uid_t kSameOwner = static_cast<uid_t>(-1);
  constexpr gid_t kSameGroup = static_cast<gid_t>(-1);
  if (fchown(fd, owner.value_or(kSameOwner), group.value_or(kSameGroup)) == 0) return absl::OkStatus();
  return SystemFailure(errno, what);
}

absl::Status SetMode(int fd, mode_t mode, const std::string& what) {
  return fchmod(fd, mode) == 0 ? absl::OkStatus() : SystemFailure(errno, what);
}

absl::StatusOr<std::string> CurrentDirectory(const std::string& what) {
  const std::unique_ptr<char, void (*)(void*)> current(get_current_dir_name(), &free);
  if (current == nullptr) return SystemFailure(errno, what);
  return std::string(current.get());
}

absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& directory, const std::string& what) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), &closedir);
  if (entries == nullptr) return SystemFailure(errno, what);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

absl::Status Unlink(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return SystemFailure(errno, "remove " + Quoted(path));
}

}  // namespace millrace::os
