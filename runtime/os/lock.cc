// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "runtime/os/failure.h"
#include "runtime/os/fork.h"
#include "runtime/os/new_file.h"
#include "runtime/os/random.h"

namespace millrace::os {
namespace {

struct flock LockRange(short type, uint64_t first, uint64_t count) {
  assert(count > 0);      // a length of 0 would lock everything from `first` on
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

// Returns a random byte offset for one proof, so that no other process's lock can be mistaken for the proof.
// It lies far above every byte with a meaning, and below kCreatorByte of new_file.cc.
uint64_t ProofByte() { return (uint64_t{1} << 61) | (RandomNumber() >> 4); }

std::string FileSystemOf(int fd) {
  constexpr long kOverlay = 0x794c7630;
  struct statfs facts {};
  if (fstatfs(fd, &facts) != 0) return "unknown";
  if (facts.f_type == kOverlay) return "overlayfs";
  char type[32];
  snprintf(type, sizeof type, "type 0x%lx", static_cast<unsigned long>(facts.f_type));
  return type;
}

absl::Status DoesNotHold(int fd, const std::string& path) {
  return Failure(Error::kOther,
                 LockText(path) +
                     ": the lock was released when its descriptor was closed; found a file system (" +
                     FileSystemOf(fd) +
                     ") whose mappings keep no locks, expected one whose mappings do; choose a directory on "
                     "tmpfs (/dev/shm; docker: --tmpfs) or on a volume (ext4, xfs, btrfs)");
}

absl::Status AnotherFile(const std::string& path) {
  return Failure(Error::kNotFound,
                 LockText(path) +
                     ": found another file under that name, expected the one opened before (it was "
                     "removed and created again); open the ring again");
}

}  // namespace

// One attempt to take a lock: a descriptor of its own, and the mapped page that will keep the lock. Must not
// outlive the fork guard, because a child forked before the descriptor is closed would inherit the lock.
class LockAttempt {
 public:
  // Proves that the file system keeps our locks, and opens the attempt. `open` must return a new, independent
  // descriptor of the file each time.
  template <class Open>
  static absl::StatusOr<LockAttempt> Begin(const ForkGuard& guard, Open open, const Identity& expected,
                                           const std::string& path) {
    const uint64_t byte = ProofByte();
    absl::StatusOr<std::optional<HeldLock>> proof = [&]() -> absl::StatusOr<std::optional<HeldLock>> {
      absl::StatusOr<LockAttempt> attempt = WithoutProof(guard, open(), expected, path);
      if (!attempt.ok()) return attempt.status();
      if (absl::StatusOr<bool> taken = attempt->Take(byte, 1); !taken.ok()) return taken.status();
      return attempt->Finish();
    }();
    if (!proof.ok()) return proof.status();
    absl::StatusOr<LockAttempt> attempt = WithoutProof(guard, open(), expected, path);
    if (!attempt.ok()) return attempt.status();
    struct flock asked = LockRange(F_RDLCK, byte, 1);
    if (fcntl(attempt->fd_.get(), F_OFD_GETLK, &asked) != 0) return SystemFailure(errno, LockText(path));
    if (asked.l_type == F_UNLCK) return DoesNotHold(attempt->fd_.get(), path);
    return attempt;
  }

  // Returns true if it took the range, false if another holder has any byte of it.
  absl::StatusOr<bool> Take(uint64_t first, uint64_t count) {
    struct flock range = LockRange(F_WRLCK, first, count);
    if (fcntl(fd_.get(), F_OFD_SETLK, &range) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    return SystemFailure(errno, LockText(path_) + ": byte " + std::to_string(first));
  }

  // Closes the descriptor. The returned page alone keeps the lock from then on.
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
  static absl::StatusOr<LockAttempt> WithoutProof(const ForkGuard& guard, absl::StatusOr<Fd> fd,
                                                  const Identity& expected, const std::string& path) {
    if (!fd.ok()) return fd.status();
    if (!LeadsTo(fd->get(), expected)) return AnotherFile(path);
    absl::StatusOr<Mapping> page = Mapping::ToKeepOpen(guard, fd->get(), path);
    if (!page.ok()) return page.status();
    return LockAttempt(*std::move(fd), *std::move(page), expected, path);
  }

  LockAttempt(Fd fd, Mapping page, const Identity& expected, const std::string& path)
      : fd_(std::move(fd)), page_(std::move(page)), expected_(expected), path_(path) {}

  Fd fd_;
  Mapping page_;
  Identity expected_;
  std::string path_;
};

namespace {

template <class Open>
absl::StatusOr<std::optional<HeldLock>> TakeRange(const ForkGuard& guard, Open open, const Identity& expected,
                                                  const std::string& path, uint64_t first, uint64_t count) {
  absl::StatusOr<LockAttempt> attempt = LockAttempt::Begin(guard, open, expected, path);
  if (!attempt.ok()) return attempt.status();
  const absl::StatusOr<bool> taken = attempt->Take(first, count);
  if (!taken.ok()) return taken.status();
  if (!*taken) return std::optional<HeldLock>();
  return attempt->Finish();
}

auto ByName(const std::string& path) {
  return [&path] { return OpenExisting(path, /*write=*/true); };
}

}  // namespace

absl::StatusOr<std::optional<HeldLock>> TryLock(const std::string& path, const Identity& expected,
                                                uint64_t first, uint64_t count) {
  const ForkGuard guard;
  return TakeRange(guard, ByName(path), expected, path, first, count);
}

absl::StatusOr<std::optional<HeldLock>> TryLockNew(const NewFile& file, const std::string& path,
                                                   uint64_t first, uint64_t count) {
  const absl::StatusOr<FileFacts> facts = FactsOf(file.fd().get(), path);
  if (!facts.ok()) return facts.status();
  const ForkGuard guard;
  return TakeRange(
      guard, [&] { return file.OpenAgain(); }, facts->identity, path, first, count);
}

absl::Status CheckLocksHold(const NewFile& file, const std::string& path) {
  return TryLockNew(file, path, ProofByte(), 1).status();
}

absl::StatusOr<std::optional<HeldLock>> TryLockAny(const std::string& path, const Identity& expected,
                                                   uint64_t first, uint64_t count, uint64_t start,
                                                   bool (*skip)(uint64_t index, void* context), void* context,
                                                   uint64_t* index) {
  const ForkGuard guard;
  absl::StatusOr<LockAttempt> attempt = LockAttempt::Begin(guard, ByName(path), expected, path);
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

absl::StatusOr<bool> IsLocked(const Fd& fd, const std::string& path, uint64_t first, uint64_t count) {
  struct flock range = LockRange(F_RDLCK, first, count);
  if (fcntl(fd.get(), F_OFD_GETLK, &range) != 0) return SystemFailure(errno, LockText(path) + ": query");
  return range.l_type != F_UNLCK;
}

absl::StatusOr<bool> IsLocked(const std::string& path, uint64_t first, uint64_t count) {
  const absl::StatusOr<Fd> fd = OpenExisting(path, /*write=*/false);
  if (fd.ok()) return IsLocked(*fd, path, first, count);
  const Error error = ErrorOf(fd.status());
  if (error == Error::kNotFound || error == Error::kNotARing) return false;
  return fd.status();
}

bool KeptFd::Ours() const { return LeadsTo(fd.get(), expected); }

void KeptFd::Drop() {
  if (Ours())
    fd.Close();
  else
    fd.Abandon();
  pin.Unmap();
}

void KeptFd::InForkedChild() noexcept {
  pin.Abandon();
  Drop();
}

// If the program closed the descriptor while the lock was held, the mapping alone keeps the lock. Unmapping
// it then releases the lock.
BriefLock::~BriefLock() {
  if (kept_ == nullptr) return;
  struct flock range = LockRange(F_UNLCK, first_, count_);
  if (!kept_->Ours() || fcntl(kept_->fd.get(), F_OFD_SETLK, &range) != 0) kept_->pin.Unmap();
  --kept_->locks;
}

absl::StatusOr<LockProbe> LockProbe::Keep(const ForkGuard& guard, std::string path, const Identity& expected,
                                          absl::StatusOr<Fd> fd) {
  if (!fd.ok()) return fd.status();
  if (!LeadsTo(fd->get(), expected)) return AnotherFile(path);
  absl::StatusOr<Mapping> pin = Mapping::ToKeepOpen(guard, fd->get(), path);
  if (!pin.ok()) return pin.status();
  LockProbe probe(std::move(path), expected, *std::move(fd));
  probe.kept_->pin = *std::move(pin);
  return probe;
}

absl::StatusOr<LockProbe> LockProbe::OpenToLock(std::string path, const Identity& expected) {
  const ForkGuard guard;
  absl::StatusOr<Fd> fd = OpenExisting(path, /*write=*/true);
  return Keep(guard, std::move(path), expected, std::move(fd));
}

absl::StatusOr<LockProbe> LockProbe::OpenToLock(std::string path, const NewFile& file) {
  const absl::StatusOr<FileFacts> facts = FactsOf(file.fd().get(), path);
  if (!facts.ok()) return facts.status();
  const ForkGuard guard;
  return Keep(guard, std::move(path), facts->identity, file.OpenAgain());
}

bool LockProbe::Refresh() {
  if (kept_ == nullptr) return false;
  if (kept_->Ours()) return true;
  if (kept_->locks != 0) return false;  // Drop() would unmap `pin`, which keeps them
  kept_->Drop();
  absl::StatusOr<Fd> again = OpenExisting(path_, false);
  if (!again.ok() || !LeadsTo(again->get(), kept_->expected)) return false;
  kept_->fd = *std::move(again);
  return true;
}

bool LockProbe::RefreshToLock(const ForkGuard& guard) {
  if (kept_ == nullptr) return false;
  if (kept_->Ours() && kept_->pin.data() != nullptr) return true;
  if (kept_->locks != 0) return false;
  kept_->Drop();  // before Keep() can get the same descriptor number
  absl::StatusOr<LockProbe> again = Keep(guard, path_, kept_->expected, OpenExisting(path_, /*write=*/true));
  if (!again.ok()) return false;
  kept_ = std::move(again->kept_);
  return true;
}

std::optional<BriefLock> LockProbe::TryLock(const ForkGuard& guard, uint64_t byte, Sharing sharing) {
  if (!guard.held() || !RefreshToLock(guard)) return std::nullopt;
  struct flock range = LockRange(sharing == Sharing::kShared ? F_RDLCK : F_WRLCK, byte, 1);
  if (fcntl(kept_->fd.get(), F_OFD_SETLK, &range) != 0) return std::nullopt;
  BriefLock lock(kept_.get(), byte, 1);
  // Another thread may have closed the descriptor before fcntl() ran, so its number may be another open file.
  return kept_->Ours() ? std::optional<BriefLock>(std::move(lock)) : std::nullopt;
}

LockState LockProbe::Ask(uint64_t byte) { return AskRange(byte, 1); }

LockState LockProbe::AskRange(uint64_t first, uint64_t count) {
  if (!Refresh()) return LockState::kUnknown;
  struct flock range = LockRange(F_RDLCK, first, count);
  if (fcntl(kept_->fd.get(), F_OFD_GETLK, &range) != 0) return LockState::kUnknown;
  return range.l_type == F_UNLCK ? LockState::kFree : LockState::kHeld;
}

std::optional<FileFacts> LockProbe::Facts() {
  if (kept_ == nullptr) return std::nullopt;
  absl::StatusOr<FileFacts> facts = FactsOf(kept_->fd.get(), path_);
  if (!facts.ok() || facts->identity != kept_->expected) {
    if (!Refresh()) return std::nullopt;
    facts = FactsOf(kept_->fd.get(), path_);
  }
  return facts.ok() ? std::optional<FileFacts>(*facts) : std::nullopt;
}

}  // namespace millrace::os
