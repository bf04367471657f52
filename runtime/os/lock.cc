#include "runtime/os/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <utility>

#include "runtime/os/failure.h"
#include "runtime/os/fork.h"

namespace millrace::os {
namespace {

// Only pins the lock; never read, and of an empty file there is nothing to read.
constexpr uint64_t kPinBytes = 4096;

struct flock Range(short type, uint64_t first, uint64_t count) {
  assert(count > 0);      // to the kernel 0 means everything from there on
  struct flock range {};  // l_pid must be 0 for these commands
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(first);
  range.l_len = static_cast<off_t>(count);
  return range;
}

std::string LockText(const std::string& path) { return "lock \"" + path + "\""; }

std::optional<struct stat> StatOf(int fd) {
  struct stat facts {};
  if (fd < 0 || fstat(fd, &facts) != 0) return std::nullopt;
  return facts;
}

bool LeadsTo(int fd, const Identity& expected) {
  const std::optional<struct stat> facts = StatOf(fd);
  return facts.has_value() && Identity{facts->st_dev, facts->st_ino} == expected;
}

absl::Status AnotherFile(const std::string& path) {
  return Failure(Error::kNotFound,
                 LockText(path) +
                     ": found another file under that name, expected the one opened before (it was "
                     "removed and created anew); open the ring again");
}

}  // namespace

// A descriptor of its own and the page that will keep its lock. Lives under one fork guard: a child forked
// before the descriptor is closed would inherit the lock.
class LockAttempt {
 public:
  static absl::StatusOr<LockAttempt> Begin(const ForkGuard& guard, absl::StatusOr<Fd> fd,
                                           const Identity& expected, const std::string& path) {
    if (!fd.ok()) return fd.status();
    if (!LeadsTo(fd->get(), expected)) return AnotherFile(path);
    absl::StatusOr<Mapping> page = Mapping::MapGuarded(guard, fd->get(), 0, kPinBytes, false, path);
    if (!page.ok()) return page.status();
    return LockAttempt(*std::move(fd), *std::move(page), expected, path);
  }

  // True: taken. False: somebody else holds (part of) the range.
  absl::StatusOr<bool> Take(uint64_t first, uint64_t count, short type = F_WRLCK) {
    struct flock range = Range(type, first, count);
    if (fcntl(fd_.get(), F_OFD_SETLK, &range) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    return SystemFailure(errno, LockText(path_) + ": byte " + std::to_string(first));
  }

  // From here on the page alone keeps the lock.
  absl::StatusOr<std::optional<HeldLock>> Finish() {
    if (!LeadsTo(fd_.get(), expected_)) {
      fd_.Abandon();
      return Failure(Error::kOther,
                     LockText(path_) +
                         ": another thread closed descriptors it did not open (closefrom?), expected "
                         "them to be left alone; close only what the program opened");
    }
    std::optional<HeldLock> held(std::in_place);
    held->page_ = std::move(page_);
    fd_.Close();
    return held;
  }

 private:
  LockAttempt(Fd fd, Mapping page, const Identity& expected, const std::string& path)
      : fd_(std::move(fd)), page_(std::move(page)), expected_(expected), path_(path) {}

  Fd fd_;
  Mapping page_;
  Identity expected_;
  std::string path_;
};

namespace {

absl::StatusOr<std::optional<HeldLock>> TakeRange(const ForkGuard& guard, absl::StatusOr<Fd> fd,
                                                  const Identity& expected, const std::string& path,
                                                  uint64_t first, uint64_t count, short type = F_WRLCK) {
  absl::StatusOr<LockAttempt> attempt = LockAttempt::Begin(guard, std::move(fd), expected, path);
  if (!attempt.ok()) return attempt.status();
  const absl::StatusOr<bool> taken = attempt->Take(first, count, type);
  if (!taken.ok()) return taken.status();
  if (!*taken) return std::optional<HeldLock>();
  return attempt->Finish();
}

}  // namespace

absl::StatusOr<std::optional<HeldLock>> TryLock(const std::string& path, const Identity& expected,
                                                uint64_t first, uint64_t count) {
  const ForkGuard guard;
  return TakeRange(guard, OpenExisting(path, true), expected, path, first, count);
}

absl::StatusOr<std::optional<HeldLock>> TryLockShared(const std::string& path, const Identity& expected,
                                                      uint64_t byte) {
  const ForkGuard guard;
  return TakeRange(guard, OpenExisting(path, true), expected, path, byte, 1, F_RDLCK);
}

absl::StatusOr<std::optional<HeldLock>> TryLockNew(const NewFile& file, const std::string& path,
                                                   uint64_t first, uint64_t count) {
  const absl::StatusOr<FileFacts> facts = FactsOf(file.fd().get(), path);
  if (!facts.ok()) return facts.status();
  const ForkGuard guard;
  return TakeRange(guard, file.OpenAgain(), facts->identity, path, first, count);
}

absl::StatusOr<std::optional<HeldLock>> TryLockAny(const std::string& path, const Identity& expected,
                                                   uint64_t first, uint64_t count, uint64_t start,
                                                   bool (*skip)(uint64_t index, void* context), void* context,
                                                   uint64_t* index) {
  const ForkGuard guard;
  absl::StatusOr<LockAttempt> attempt = LockAttempt::Begin(guard, OpenExisting(path, true), expected, path);
  if (!attempt.ok()) return attempt.status();
  for (uint64_t tried = 0; tried < count; ++tried) {
    const uint64_t candidate = (start % count + tried) % count;
    if (skip != nullptr && skip(candidate, context)) continue;
    const absl::StatusOr<bool> taken = attempt->Take(first + candidate, 1);
    if (!taken.ok()) return taken.status();
    if (!*taken) continue;
    *index = candidate;
    return attempt->Finish();
  }
  return std::optional<HeldLock>();
}

LockProbe::~LockProbe() {
  if (!LeadsTo(fd_.get(), expected_)) fd_.Abandon();
}

// By exchange, so that the descriptor given up is closed by the destructor, which looks whose it is.
LockProbe& LockProbe::operator=(LockProbe&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(expected_, other.expected_);
  std::swap(fd_, other.fd_);
  return *this;
}

bool LockProbe::Refresh() {
  if (LeadsTo(fd_.get(), expected_)) return true;
  fd_.Abandon();
  absl::StatusOr<Fd> again = OpenExisting(path_, false);
  if (!again.ok() || !LeadsTo(again->get(), expected_)) return false;
  fd_ = *std::move(again);
  return true;
}

Holder LockProbe::Ask(uint64_t byte) { return AskRange(byte, 1); }

Holder LockProbe::AskRange(uint64_t first, uint64_t count) {
  if (!Refresh()) return Holder::kUnknown;
  struct flock range = Range(F_RDLCK, first, count);
  if (fcntl(fd_.get(), F_OFD_GETLK, &range) != 0) return Holder::kUnknown;
  return range.l_type == F_UNLCK ? Holder::kNone : Holder::kSomebody;
}

std::optional<FileFacts> LockProbe::Facts() {
  if (!Refresh()) return std::nullopt;
  absl::StatusOr<FileFacts> facts = FactsOf(fd_.get(), path_);
  return facts.ok() ? std::optional<FileFacts>(*facts) : std::nullopt;
}

}  // namespace millrace::os
