// Descriptors, mappings and named files of the shared-memory directory.
//
// Every descriptor opened here is O_CLOEXEC, never follows a symbolic link and never blocks on a fifo.
// Nothing here uses O_TRUNC or O_CREAT on a name that may exist (fs.protected_regular; a second creator would
// destroy a live ring), and nothing resizes an object that has a name.
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
  // Forgets the descriptor without closing it: for when somebody else may own that number by now.
  void Abandon() { fd_ = -1; }

 private:
  int fd_ = -1;
};

// Which file a descriptor or name leads to.
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
  bool holes = false;        // bytes without storage. Known of tmpfs alone: others compress, or do not count
  uint64_t modified_ns = 0;  // CLOCK_REALTIME: when its contents were last changed
  uint64_t changed_ns = 0;   // CLOCK_REALTIME: when its mode, owner or links were; nobody can set it at will
  mode_t mode = 0;           // with the file type
  uid_t uid = 0;
  gid_t gid = 0;
  bool regular = false;
};
absl::StatusOr<FileFacts> FactsOf(int fd, const std::string& path);  // path: for the error text only
std::optional<FileFacts> FactsOfName(const std::string& path);       // nullopt: nothing there (or not seen)
// Does the name lead to this file? nullopt: the kernel does not tell (no permission to search the directory).
std::optional<bool> NameLeadsTo(const std::string& path, const Identity& file);
// Returns true if this file belongs to the user. In a user namespace all users without a number there look
// like one (the overflow uid). For the effective user that makes no difference: the kernel compares.
bool BelongsTo(int fd, const FileFacts& facts, uid_t user);

// Opens an existing file. kNotFound if there is none; kNotARing for a symbolic link, directory, fifo, socket.
absl::StatusOr<Fd> OpenExisting(const std::string& path, bool write);

// A new file without a name in the directory, with exactly this mode and group (unset: the caller's effective
// group, whatever the directory says). A crash leaves nothing. Where the file system or the missing /proc
// does not allow that, a file with a temporary name, ".millrace-" and 16 hexadecimal digits. A crash leaves
// that one, and RemoveAbandoned deletes it. Its first 8 bytes are not zero: the caller overwrites them.
class NewFile {
 public:
  static absl::StatusOr<NewFile> Create(const std::string& directory, mode_t mode,
                                        std::optional<gid_t> group);
  // The fallback alone, for its tests.
  static absl::StatusOr<NewFile> CreateNamed(const std::string& directory, mode_t mode,
                                             std::optional<gid_t> group);
  NewFile(NewFile&&) noexcept = default;
  NewFile& operator=(NewFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    temporary_.swap(other.temporary_);  // its name goes with `other`
    return *this;
  }
  ~NewFile();  // removes the temporary name, if it still has one
  const Fd& fd() const { return fd_; }
  // A second, independent descriptor of the file, for reading and writing. A lock needs one of its own.
  absl::StatusOr<Fd> OpenAgain() const;
  // Gives it its name, atomically and never over an existing one: kExists. Once.
  absl::Status LinkAs(const std::string& path);

 private:
  NewFile(Fd fd, std::string temporary) : fd_(std::move(fd)), temporary_(std::move(temporary)) {}
  Fd fd_;
  std::string temporary_;  // empty: O_TMPFILE
};
// Removes what the fallback above has left: files with such a name and one of our magics that belong to the
// caller's effective user, are older than a minute, have no other name, and that nobody has locked.
void RemoveAbandoned(const std::string& directory);

// Reserves the bytes now, so that no later store can meet a full file system: kNoSpace with what is free,
// kNoMemoryLimit if the memory cgroup (which would kill, not refuse) or RLIMIT_FSIZE is in the way.
// Retries EINTR. `what` names operation and object for the text. Only for a file without a name.
absl::Status Reserve(int fd, uint64_t bytes, const std::string& directory, const std::string& what,
                     const std::optional<MemoryLimit>& memory = MemoryCgroupLimit());

// A shared mapping that a forked child does not inherit and a core dump leaves out. (The kernel takes a
// mapping whose file was unlinked for anonymous memory, so a dump would hold all messages of the ring.)
class Mapping {
 public:
  Mapping() = default;
  // populate: fault all pages in now, writable ones for writing, so that no later access takes a page fault.
  static absl::StatusOr<Mapping> Map(int fd, uint64_t offset, uint64_t bytes, bool write, bool populate,
                                     const std::string& path);
  // Maps for a caller that holds the fork guard already. Not populated, for that can take long, and not
  // entered with the SIGBUS guard: for bytes that are not touched.
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
  void Abandon();  // in a forked child: there is nothing mapped
  // A page of it was lost to a truncation and replaced by the guard (guard.h).
  bool Faulted() const;
  // For os::Faulted in another thread. Stays valid when the mapping is moved, until it is unmapped.
  const GuardedRange* guarded() const { return guarded_; }

 private:
  absl::Status Populate(int fd, uint64_t offset, bool write, const std::string& path);
  std::byte* base_ = nullptr;
  uint64_t bytes_ = 0;
  GuardedRange* guarded_ = nullptr;
};

// Reads exactly `bytes` at `offset` without mapping (no SIGBUS): false if the file is shorter.
absl::StatusOr<bool> ReadAt(int fd, void* to, size_t bytes, uint64_t offset, const std::string& path);

absl::Status Unlink(const std::string& path);  // OK if there is nothing

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_OBJECT_H_
