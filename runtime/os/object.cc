#include "runtime/os/object.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string_view>

#include "runtime/os/failure.h"
#include "runtime/os/fork.h"
#include "runtime/os/guard.h"
#include "runtime/os/thread.h"

#ifndef MADV_POPULATE_READ  // Linux 5.14
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

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

std::string Quoted(const std::string& path) { return "\"" + path + "\""; }

std::string SelfFdPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

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

int OpenRetrying(const char* path, int flags, mode_t mode = 0) {
  const NoCancel no_cancel;
  int fd;
  do {
    fd = open(path, flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

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
         ToFacts(by_fd).identity == ToFacts(by_proc).identity;
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
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof bits)) {
    timespec now{};  // Early in the boot. A repeated name is harmless: O_EXCL refuses it and we try again.
    clock_gettime(CLOCK_REALTIME, &now);
    bits = static_cast<uint64_t>(now.tv_nsec) << 32 | static_cast<uint32_t>(getpid());
  }
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

bool OlderThanAMinute(const struct stat& facts) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return facts.st_mtim.tv_sec + 60 < now.tv_sec;
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
  struct stat facts {
  }, opened{};
  if (lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || !OlderThanAMinute(facts)) return;
  if (facts.st_uid != geteuid() || facts.st_nlink != 1) return;
  const Fd fd(OpenRetrying(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid() || fstat(fd.get(), &opened) != 0) return;
  if (ToFacts(opened).identity != ToFacts(facts).identity || !BeginsLikeOurs(fd.get())) return;
  if (AnythingLocked(fd.get())) return;
  unlink(path.c_str());
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

// Reserves the bytes. Returns 0 or an errno. When a signal interrupts a call, tmpfs gives back all that this
// call had reserved. So under a fast timer only small steps make progress.
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
    if (pwrite(file.fd_.get(), kTemporaryMagic.data(), kTemporaryMagic.size(), 0) !=
        static_cast<ssize_t>(kTemporaryMagic.size()))
      return SystemFailure(errno, "write " + Quoted(file.temporary_));
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
  DIR* const entries = opendir(directory.c_str());
  if (entries == nullptr) return;
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (IsTemporaryName(name)) RemoveIfAbandoned(directory + "/" + std::string(name));
  }
  closedir(entries);
}

absl::Status Reserve(int fd, uint64_t bytes, const std::string& directory, const std::string& what,
                     const std::optional<MemoryLimit>& memory) {
  if (bytes == 0) return absl::OkStatus();
  if (absl::Status fits = CheckLimits(bytes, directory, what, memory); !fits.ok()) return fits;
  const int error = Allocate(fd, static_cast<off_t>(bytes));
  if (error == 0) return absl::OkStatus();
  if (error == ENOSPC) return DoNotFit(what, bytes, directory);
  return SystemFailure(error, what + ": reserve " + HumanBytes(bytes) + " in " + directory);
}

absl::StatusOr<Mapping> Mapping::MapGuarded(const ForkGuard&, int fd, uint64_t offset, uint64_t bytes,
                                            bool write, const std::string& path) {
  const std::string what = "map " + HumanBytes(bytes) + " of " + Quoted(path);
  void* const base =
      mmap(nullptr, bytes, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, static_cast<off_t>(offset));
  if (base == MAP_FAILED)
    return SystemFailure(errno, what, errno == EAGAIN ? "raise the limit of locked memory (ulimit -l)" : "");
  Mapping mapping;
  mapping.base_ = static_cast<std::byte*>(base);
  mapping.bytes_ = bytes;
  if (madvise(base, bytes, MADV_DONTFORK) != 0) return SystemFailure(errno, what + ": keep it from children");
  if (madvise(base, bytes, MADV_DONTDUMP) != 0)
    return SystemFailure(errno, what + ": keep it out of core dumps");
  return mapping;
}

absl::StatusOr<Mapping> Mapping::Map(int fd, uint64_t offset, uint64_t bytes, bool write, bool populate,
                                     const std::string& path) {
  absl::StatusOr<Mapping> mapping = [&] {
    const ForkGuard guard;
    return MapGuarded(guard, fd, offset, bytes, write, path);
  }();
  if (!mapping.ok()) return mapping;
  mapping->guarded_ = GuardRange(mapping->base_, bytes, write);
  if (mapping->guarded_ == nullptr)
    return SystemFailure(ENOMEM, "map " + HumanBytes(bytes) + " of " + Quoted(path) + ": guard it");
  if (!populate) return mapping;
  if (absl::Status populated = mapping->Populate(fd, offset, write, path); !populated.ok()) return populated;
  return mapping;
}

absl::Status Mapping::Populate(int fd, uint64_t offset, bool write, const std::string& path) {
  int result;
  do {
    result = madvise(base_, bytes_, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
  } while (result != 0 && (errno == EINTR || errno == EAGAIN));
  // EINVAL is from a kernel without this advice. Accessing the pages instead could raise SIGBUS, so skip it.
  if (result == 0 || errno == EINVAL) return absl::OkStatus();
  const int error = errno;
  const std::string what = "map " + HumanBytes(bytes_) + " of " + Quoted(path);
  if (error != EFAULT) return SystemFailure(error, what + ": load its pages");
  // EFAULT is from a page whose access would raise SIGBUS: beyond the end, or in a hole without space to fill
  // it.
  const absl::StatusOr<FileFacts> facts = FactsOf(fd, path);
  if (facts.ok() && facts->bytes >= offset + bytes_) {
    return Failure(Error::kNoSpace,
                   what +
                       ": found a hole and no space to fill it, expected reserved pages; enlarge "
                       "the file system, then create the ring anew");
  }
  return Failure(Error::kTruncated, what + " at " + HumanBytes(offset) + ": found only " +
                                        (facts.ok() ? HumanBytes(facts->bytes) : std::string("a part")) +
                                        " in the file; somebody cut it short: create the ring anew");
}

void Mapping::Abandon() {
  UnguardRange(std::exchange(guarded_, nullptr));
  base_ = nullptr;
  bytes_ = 0;
}

bool Mapping::Faulted() const { return os::Faulted(guarded_); }

void Mapping::Unmap() {
  if (base_ == nullptr) return;
  const int saved = errno;
  UnguardRange(std::exchange(guarded_, nullptr));
  munmap(std::exchange(base_, nullptr), std::exchange(bytes_, 0));
  errno = saved;
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

absl::Status Unlink(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return SystemFailure(errno, "remove " + Quoted(path));
}

}  // namespace millrace::os
