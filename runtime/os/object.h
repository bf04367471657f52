// Descriptors, mappings and named files of the shared-memory directory.
//
// Opening a file here sets O_CLOEXEC, never follows a symbolic link and never blocks on a fifo. No function
// uses O_TRUNC, or O_CREAT on a name that may exist: fs.protected_regular may refuse it, and a second creator
// would destroy a live ring. No function resizes an object that has a name.
#ifndef MILLRACE_RUNTIME_OS_OBJECT_H_
#define MILLRACE_RUNTIME_OS_OBJECT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/os/limits.h"

namespace millrace::os {

class ForkGuard;
struct GuardedRange;

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Close(), fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Fd() { Close(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close();
  // Forgets the descriptor without closing it. For a number that the program may have reused.
  void Abandon() { fd_ = -1; }

 private:
  int fd_ = -1;
};

// Identifies the file that a descriptor or name leads to.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity&) const = default;
};

struct FileFacts {
  Identity identity;
  uint64_t bytes = 0;
  uint64_t links = 0;
  uint64_t allocated = 0;    // bytes of storage, as the file system counts them
  bool holes = false;        // some bytes lack storage. Known on tmpfs only: others compress or do not count
  uint64_t modified_ns = 0;  // CLOCK_REALTIME of the last change of its contents
  uint64_t changed_ns = 0;   // CLOCK_REALTIME of the last change of mode, owner or links; no user can set it
  mode_t mode = 0;           // with the file type
  uid_t uid = 0;
  gid_t gid = 0;
  bool regular = false;
};
// Returns the facts of an open file. `path` is for the error text only.
absl::StatusOr<FileFacts> FactsOf(int fd, const std::string& path);
// Returns the facts of the file under a name, without `holes`. Returns nullopt if there is none, or if the
// kernel refuses to look.
std::optional<FileFacts> FactsOfName(const std::string& path);
// Returns whether the name leads to this file. Returns nullopt if the kernel refuses to look (no permission
// to search the directory).
std::optional<bool> NameLeadsTo(const std::string& path, const Identity& file);
// Returns true if this file belongs to the user. In a user namespace, all users without a number there look
// like one user (the overflow uid). For the effective user the answer is still right, because the kernel
// itself compares.
bool BelongsTo(int fd, const FileFacts& facts, uid_t user);

// Opens an existing file. Fails with kNotFound if there is none, and with kNotARing for a symbolic link,
// directory, fifo, socket or device.
absl::StatusOr<Fd> OpenExisting(const std::string& path, bool write);

// A new file in a directory. It has no name, so a crash leaves nothing. Files without a name need /proc and a
// suitable file system. Otherwise the file gets a temporary name: ".millrace-" and 16 hexadecimal digits. A
// crash leaves a file with a temporary name, which RemoveAbandoned deletes later. The first 8 bytes of such a
// file are not zero; the caller overwrites them.
class NewFile {
 public:
  // Creates a file with exactly this mode and group. If `group` is unset, the file gets the caller's
  // effective group, even if the directory or a mount option would choose another.
  static absl::StatusOr<NewFile> Create(const std::string& directory, mode_t mode,
                                        std::optional<gid_t> group);
  // Creates a file with a temporary name. Public for tests of this fallback.
  static absl::StatusOr<NewFile> CreateNamed(const std::string& directory, mode_t mode,
                                             std::optional<gid_t> group);
  NewFile(NewFile&&) noexcept = default;
  NewFile& operator=(NewFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    temporary_.swap(other.temporary_);  // ~NewFile() of `other` removes our former temporary name
    return *this;
  }
  ~NewFile();  // Removes the temporary name, if the file still has one.
  const Fd& fd() const { return fd_; }
  // Opens a second, independent descriptor of the file, for reading and writing. Each lock needs its own.
  absl::StatusOr<Fd> OpenAgain() const;
  // Gives the file its name, atomically. Fails with kExists if the name exists, and leaves that file alone.
  // Call it once.
  absl::Status LinkAs(const std::string& path);

 private:
  NewFile(Fd fd, std::string temporary) : fd_(std::move(fd)), temporary_(std::move(temporary)) {}
  Fd fd_;
  std::string temporary_;  // the temporary name; empty for a file made with O_TMPFILE
};
// Removes files with a temporary name that crashed creators left in the directory. A file is removed only if
// it begins with one of our magics, belongs to the caller's effective user, is older than a minute, has no
// other name, and no process has locked it.
void RemoveAbandoned(const std::string& directory);

// Reserves the bytes now, so that no later store can find the file system full. Fails with kNoSpace, whose
// text says how much is free. Fails with kNoMemoryLimit if RLIMIT_FSIZE or the memory cgroup forbids the
// size; the cgroup would kill the process instead of refusing. Retries EINTR. `what` names the operation and
// the object for the text. Use it only for a file that does not have its final name yet.
absl::Status Reserve(int fd, uint64_t bytes, const std::string& directory, const std::string& what,
                     const std::optional<MemoryLimit>& memory = MemoryCgroupLimit());

// A shared mapping that a forked child does not inherit and that core dumps omit. (If its file has no name,
// the kernel dumps a mapping like anonymous memory, so a dump would contain all messages of the ring.)
class Mapping {
 public:
  Mapping() = default;
  // Maps a file. With `populate`, faults all pages in now, for writing if `write` is set, so that no later
  // access takes a page fault. The SIGBUS guard protects the mapping (guard.h).
  static absl::StatusOr<Mapping> Map(int fd, uint64_t offset, uint64_t bytes, bool write, bool populate,
                                     const std::string& path);
  // Maps a file for a caller that already holds the fork guard. Does not populate, because that can take
  // long, and does not enter the mapping with the SIGBUS guard. Only for bytes that are never accessed.
  static absl::StatusOr<Mapping> MapGuarded(const ForkGuard& guard, int fd, uint64_t offset, uint64_t bytes,
                                            bool write, const std::string& path);
  Mapping(Mapping&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        guarded_(std::exchange(other.guarded_, nullptr)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      Unmap();
      base_ = std::exchange(other.base_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      guarded_ = std::exchange(other.guarded_, nullptr);
    }
    return *this;
  }
  ~Mapping() { Unmap(); }
  std::byte* data() const { return base_; }
  uint64_t bytes() const { return bytes_; }
  void Unmap();
  void Abandon();  // Forgets the mapping, in a forked child, where nothing is mapped.
  // Returns true if a truncation took a page of the mapping, which the guard has replaced (guard.h).
  bool Faulted() const;
  // Returns the entry for os::Faulted in another thread. It stays valid when the mapping is moved, until the
  // mapping is unmapped.
  const GuardedRange* guarded() const { return guarded_; }

 private:
  absl::Status Populate(int fd, uint64_t offset, bool write, const std::string& path);
  std::byte* base_ = nullptr;
  uint64_t bytes_ = 0;
  GuardedRange* guarded_ = nullptr;
};

// Reads exactly `bytes` at `offset`. Returns false if the file is shorter. Does not map, so it cannot raise
// SIGBUS.
absl::StatusOr<bool> ReadAt(int fd, void* to, size_t bytes, uint64_t offset, const std::string& path);

absl::Status Unlink(const std::string& path);  // Returns OK if there is no such file.

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_OBJECT_H_
