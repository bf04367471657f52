// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/new_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <vector>

#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/os/random.h"

namespace millrace::os {
namespace {

constexpr std::string_view kTemporaryPrefix = ".millrace-";
constexpr size_t kTemporaryDigits = 16;
constexpr std::string_view kHexDigits = "0123456789abcdef";
// First bytes of a file with a temporary name, until its creator overwrites them.
constexpr std::string_view kTemporaryMagic = "milltemp";
// All magics that a file of ours may begin with (internal/layout.h).
constexpr std::string_view kOurMagics[] = {kTemporaryMagic, "millring", "millseat", "milllock"};
// The byte that the creator of a file with a temporary name keeps locked. Far above every byte with a
// meaning.
constexpr off_t kCreatorByte = off_t{1} << 62;

std::string SelfFdPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::string OctalMode(mode_t mode) {
  std::string text = "0000";
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('0' + (mode >> (9 - 3 * i) & 7));
  return text;
}

// Sets the group and then the mode. In the other order, a wide mode would give the old group access for a
// moment. The kernel may take a new file's group from its directory (set-group-ID bit) or from a mount
// option. Here only the caller decides it.
absl::Status SetGroupAndMode(int fd, const std::string& directory, mode_t mode, std::optional<gid_t> group) {
  const std::string what = "create a file in " + Quoted(directory);
  const gid_t wanted = group.value_or(getegid());
  absl::StatusOr<FileFacts> facts = FactsOf(fd, directory);
  if (!facts.ok()) return facts.status();
  if ((facts->gid != wanted || group.has_value()) && fchown(fd, static_cast<uid_t>(-1), wanted) != 0) {
    if (errno != EPERM) return SystemFailure(errno, what + ": set group " + std::to_string(wanted));
    return Failure(
        Error::kNoPermission,
        what + ": this process may not give it to group " + std::to_string(wanted) +
            ", expected a group the process is in; choose one of its groups (id -G) or run it with "
            "that group");
  }
  if (fchmod(fd, mode) != 0) return SystemFailure(errno, what + ": set its mode");
  facts = FactsOf(fd, directory);
  if (!facts.ok()) return facts.status();
  if (facts->gid == wanted && (facts->mode & 07777) == mode) return absl::OkStatus();
  return Failure(Error::kOther, what + ": found group " + std::to_string(facts->gid) + " and mode " +
                                    OctalMode(facts->mode & 07777) + ", expected group " +
                                    std::to_string(wanted) + " and mode " + OctalMode(mode) +
                                    ": its file system does not keep them; use a directory of another one "
                                    "(/dev/shm)");
}

// Returns true if a file without a name can be given a name through /proc.
bool ProcLeadsTo(int fd) {
  struct stat by_fd {
  }, by_proc{};
  return fstat(fd, &by_fd) == 0 && stat(SelfFdPath(fd).c_str(), &by_proc) == 0 &&
         by_fd.st_dev == by_proc.st_dev && by_fd.st_ino == by_proc.st_ino;
}

// Opens a file without a name. Returns an invalid descriptor if that is not possible here; the caller then
// uses a temporary name.
absl::StatusOr<Fd> OpenNameless(const std::string& directory) {
  Fd fd(OpenRetrying(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.valid()) return ProcLeadsTo(fd.get()) ? std::move(fd) : Fd();
  // File systems and kernels that do not know O_TMPFILE see a directory opened for writing: EISDIR or EINVAL.
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return Fd();
  return SystemFailure(errno, "create a file in " + Quoted(directory));
}

std::string RandomTemporary(const std::string& directory) {
  const uint64_t bits = RandomNumber();  // A repeated name is harmless: O_EXCL refuses it.
  std::string name = directory + "/" + std::string(kTemporaryPrefix);
  for (size_t i = kTemporaryDigits; i-- > 0;) name.push_back(kHexDigits[bits >> 4 * i & 15]);
  return name;
}

struct flock CreatorLock() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kCreatorByte;
  lock.l_len = 1;
  return lock;
}

bool AnythingLocked(int fd) {
  struct flock probe {};
  probe.l_type = F_WRLCK;
  probe.l_whence = SEEK_SET;  // start 0, length 0: the whole file and beyond
  return fcntl(fd, F_OFD_GETLK, &probe) != 0 || probe.l_type != F_UNLCK;
}

bool OlderThanAMinute(const FileFacts& facts) {
  constexpr int64_t kSecond = 1'000'000'000;
  const auto modified_ns = static_cast<int64_t>(facts.modified_ns);  // negative for a time before 1970
  return modified_ns / kSecond + 60 < static_cast<int64_t>(WallNs()) / kSecond;
}

bool IsTemporaryName(std::string_view name) {
  return name.size() == kTemporaryPrefix.size() + kTemporaryDigits && name.starts_with(kTemporaryPrefix) &&
         name.find_first_not_of(kHexDigits, kTemporaryPrefix.size()) == std::string_view::npos;
}

bool BeginsLikeOurs(int fd) {
  char found[kTemporaryMagic.size()];
  const absl::StatusOr<bool> whole = ReadAt(fd, found, sizeof found, 0, "");
  if (!whole.ok() || !*whole) return false;
  return std::find(std::begin(kOurMagics), std::end(kOurMagics), std::string_view(found, sizeof found)) !=
         std::end(kOurMagics);
}

// Removes the file if it passes the checks of RemoveAbandoned. Its name proves nothing, because any program
// can use such a name.
void RemoveIfAbandoned(const std::string& path) {
  const std::optional<FileFacts> facts = FactsOfName(path);
  if (!facts || !facts->regular || !OlderThanAMinute(*facts)) return;
  if (facts->uid != geteuid() || facts->links != 1) return;
  const Fd fd(OpenRetrying(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return;
  const absl::StatusOr<FileFacts> opened = FactsOf(fd.get(), path);
  if (!opened.ok() || opened->identity != facts->identity || !BeginsLikeOurs(fd.get())) return;
  if (AnythingLocked(fd.get())) return;
  unlink(path.c_str());
}

}  // namespace

absl::StatusOr<NewFile> NewFile::Create(const std::string& directory, mode_t mode,
                                        std::optional<gid_t> group) {
  absl::StatusOr<Fd> fd = OpenNameless(directory);
  if (!fd.ok()) return fd.status();
  if (!fd->valid()) return CreateNamed(directory, mode, group);
  if (absl::Status set = SetGroupAndMode(fd->get(), directory, mode, group); !set.ok()) return set;
  return NewFile(*std::move(fd), "");
}

absl::StatusOr<NewFile> NewFile::CreateNamed(const std::string& directory, mode_t mode,
                                             std::optional<gid_t> group) {
  for (int attempt = 0;; ++attempt) {
    std::string name = RandomTemporary(directory);
    Fd fd(OpenRetrying(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid() && errno == EEXIST && attempt < 100) continue;
    if (!fd.valid()) return SystemFailure(errno, "create a file in " + Quoted(directory));
    NewFile file(std::move(fd), std::move(name));
    struct flock lock = CreatorLock();
    if (fcntl(file.fd_.get(), F_OFD_SETLK, &lock) != 0)
      return SystemFailure(errno, "lock " + Quoted(file.temporary_));
    if (absl::Status written = WriteAt(file.fd_.get(), kTemporaryMagic.data(), kTemporaryMagic.size(), 0,
                                       "write " + Quoted(file.temporary_));
        !written.ok())
      return written;
    if (absl::Status set = SetGroupAndMode(file.fd_.get(), directory, mode, group); !set.ok()) return set;
    return file;
  }
}

NewFile::~NewFile() {
  if (fd_.valid() && !temporary_.empty()) unlink(temporary_.c_str());
}

absl::StatusOr<Fd> NewFile::OpenAgain() const {
  const bool named = !temporary_.empty();
  const std::string path = named ? temporary_ : SelfFdPath(fd_.get());
  // An entry of /proc/self/fd is a link that must be followed.
  Fd fd(OpenRetrying(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | (named ? O_NOFOLLOW : 0)));
  if (!fd.valid()) return SystemFailure(errno, "open " + Quoted(path) + " again");
  return fd;
}

absl::Status NewFile::LinkAs(const std::string& path) {
  const int result =
      temporary_.empty()
          ? linkat(AT_FDCWD, SelfFdPath(fd_.get()).c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW)
          : renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE);
  if (result == 0) {
    temporary_.clear();
    return absl::OkStatus();
  }
  if (errno == EEXIST) {
    return Failure(Error::kExists,
                   "create " + Quoted(path) +
                       ": found a file of that name, expected none; open it instead, remove it, or "
                       "choose another name");
  }
  return SystemFailure(errno, "create " + Quoted(path));
}

void RemoveAbandoned(const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = NamesIn(directory, "");
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (IsTemporaryName(name)) RemoveIfAbandoned(directory + "/" + name);
  }
}

}  // namespace millrace::os
