// SPDX-License-Identifier: Apache-2.0
// Descriptors and named files of the shared-memory directory.
//
// Opening a file here sets O_CLOEXEC, never follows a symbolic link and never blocks on a fifo. No function
// uses O_TRUNC, or O_CREAT on a name that may exist: fs.protected_regular may refuse it, and a second creator
// would destroy a live ring. No function resizes an object that has a name.
#ifndef MILLRACE_RUNTIME_OS_FILE_H_
#define MILLRACE_RUNTIME_OS_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace millrace::os {

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

// Calls open(2) again while a signal interrupts it, and is no cancellation point. Returns a descriptor, or -1
// with the errno. The functions of runtime/os use it; other code opens files with OpenExisting.
int OpenRetrying(const char* path, int flags, mode_t mode = 0);

// Reads exactly `bytes` at `offset`. Returns false if the file is shorter. Does not map, so it cannot raise
// SIGBUS.
absl::StatusOr<bool> ReadAt(int fd, void* to, size_t bytes, uint64_t offset, const std::string& path);

// Writes exactly `bytes` at `offset`. `what` begins the error text.
absl::Status WriteAt(int fd, const void* from, size_t bytes, uint64_t offset, const std::string& what);

// Sets owner and group. An unset one stays as it is. `what` is the error text, to which the cause is added.
absl::Status SetOwner(int fd, std::optional<uid_t> owner, std::optional<gid_t> group,
                      const std::string& what);
// Sets the permission bits. Also sets the change time to now.
absl::Status SetMode(int fd, mode_t mode, const std::string& what);

// Returns the absolute path of the current directory. `what` begins the error text.
absl::StatusOr<std::string> CurrentDirectory(const std::string& what);
// Returns the names in a directory, in no order, without "." and "..". `what` begins the error text.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& directory, const std::string& what);

absl::Status Unlink(const std::string& path);  // Returns OK if there is no such file.

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_FILE_H_
