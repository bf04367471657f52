// SPDX-License-Identifier: Apache-2.0
// Files that are complete and locked before they get a name.
#ifndef MILLRACE_RUNTIME_OS_NEW_FILE_H_
#define MILLRACE_RUNTIME_OS_NEW_FILE_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/os/file.h"

namespace millrace::os {

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

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_NEW_FILE_H_
