// SPDX-License-Identifier: Apache-2.0
// Liveness: open-file-description locks on single bytes, held by a mapping.
//
// Each lock has a descriptor of its own. After taking the lock we map one page of the file, which fork does
// not inherit, and close the descriptor. From then on the mapping alone keeps the lock. So the lock survives
// closefrom() and is not shared with a forked child. The kernel alone decides when it falls: on exit, kill -9
// and exec. Each attempt first proves that the file system keeps such locks (overlayfs does not). Otherwise
// it fails.
#ifndef MILLRACE_RUNTIME_OS_LOCK_H_
#define MILLRACE_RUNTIME_OS_LOCK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/os/file.h"
#include "runtime/os/fork.h"
#include "runtime/os/mapping.h"

namespace millrace::os {

class NewFile;

// A lock that its mapping keeps until it is released, destroyed or the process ends.
class HeldLock {
 public:
  HeldLock() = default;
  bool held() const { return page_.data() != nullptr; }
  void Release() { page_.Unmap(); }
  void Abandon() { page_.Abandon(); }  // in a forked child

 private:
  friend class LockAttempt;
  Mapping page_;
};

// Takes an exclusive lock on bytes [first, first + count) of the file at `path` if no byte is locked. Returns
// an empty optional if another holder has any of them. Fails with kNotFound if the file under that name is
// not `expected`. Requires write permission. Takes the fork guard; never waits for the lock.
absl::StatusOr<std::optional<HeldLock>> TryLock(const std::string& path, const Identity& expected,
                                                uint64_t first, uint64_t count = 1);

// Locks a file that has no name yet, so that any process that opens it by name finds it locked. `path` is the
// name that the file will get, for the error text.
absl::StatusOr<std::optional<HeldLock>> TryLockNew(const NewFile& file, const std::string& path,
                                                   uint64_t first, uint64_t count = 1);

// Proves, before a new file gets a name, that its file system keeps our locks. Fails as TryLock does.
absl::Status CheckLocksHold(const NewFile& file, const std::string& path);

// Locks the first free one of bytes first ... first + count - 1 and sets `index` (0 ... count - 1) to it.
// Begins at first + start, wraps around, and skips each byte for which `skip` returns true. Uses one
// descriptor for all attempts. Returns an empty optional if no byte was free.
absl::StatusOr<std::optional<HeldLock>> TryLockAny(const std::string& path, const Identity& expected,
                                                   uint64_t first, uint64_t count, uint64_t start,
                                                   bool (*skip)(uint64_t index, void* context), void* context,
                                                   uint64_t* index);

// Returns whether another open file has locked any of these bytes exclusively. Fails if the kernel refuses to
// answer.
absl::StatusOr<bool> IsLocked(const Fd& fd, const std::string& path, uint64_t first, uint64_t count = 1);
// Opens the file to find that out. Returns false if there is no regular file of that name. Fails if the file
// cannot be opened, because then its locks are unknown.
absl::StatusOr<bool> IsLocked(const std::string& path, uint64_t first, uint64_t count = 1);

enum class LockState : uint8_t { kFree, kHeld, kUnknown };

// The open descriptor of a LockProbe: for queries about bytes and for locks held briefly. A forked child
// closes it before fork() returns there, so no child keeps a lock through it.
struct KeptFd final : ForkAware {
  KeptFd(const Identity& file, Fd opened) : expected(file), fd(std::move(opened)) {}
  ~KeptFd() override { Drop(); }
  void InForkedChild() noexcept override;
  bool Ours() const;  // Returns true if `fd` still leads to our file.
  void Drop();        // Closes `fd` if it still is ours. Its locks fall.
  const Identity expected;
  Fd fd;
  Mapping pin;    // of the same open file, if `fd` may take locks: keeps a lock in use across closefrom()
  int locks = 0;  // number of locks now held through `fd`
  const ForkRegistration registration{this};
};

// A lock that falls when this is destroyed. Must not outlive the fork guard under which it was taken.
class BriefLock {
 public:
  BriefLock(BriefLock&& other) noexcept
      : kept_(std::exchange(other.kept_, nullptr)), first_(other.first_), count_(other.count_) {}
  ~BriefLock();

 private:
  friend class LockProbe;
  BriefLock(KeptFd* kept, uint64_t first, uint64_t count) : kept_(kept), first_(first), count_(count) {
    ++kept->locks;
  }
  KeptFd* kept_;
  uint64_t first_, count_;
};

// Queries whether a byte is locked, and locks a byte for a moment. Keeps one descriptor open, so that later
// calls need neither the name nor a free descriptor nor privileges. Not thread-safe.
//
// The program may close this descriptor and reuse its number, so each call first checks that it still leads
// to our file. If not, the call opens the file again by name and compares its identity. If that fails too,
// queries return kUnknown, which callers treat as alive, and no lock is taken.
class LockProbe {
 public:
  LockProbe() = default;
  LockProbe(std::string path, Identity expected, Fd fd)
      : path_(std::move(path)), kept_(std::make_unique<KeptFd>(expected, std::move(fd))) {}
  // Opens a probe that can also take locks. Requires write permission, but only during this call.
  static absl::StatusOr<LockProbe> OpenToLock(std::string path, const Identity& expected);
  static absl::StatusOr<LockProbe> OpenToLock(std::string path, const NewFile& file);

  // Returns whether a byte is locked. Sees exclusive locks only, so a process that can only read the file
  // cannot make a byte look held.
  LockState Ask(uint64_t byte);
  // Returns whether any byte in [first, first + count) is locked exclusively.
  LockState AskRange(uint64_t first, uint64_t count);
  // Takes a lock that the caller must release before `guard` ends. With kShared, others can share the byte,
  // but none can lock it exclusively while the lock is held. Returns nullopt if another process holds the
  // byte or the lock cannot be taken now. Never waits.
  enum class Sharing : bool { kAlone, kShared };
  std::optional<BriefLock> TryLock(const ForkGuard& guard, uint64_t byte, Sharing sharing = Sharing::kAlone);
  // Returns the current facts of our file, or nullopt if they cannot be read.
  std::optional<FileFacts> Facts();

 private:
  static absl::StatusOr<LockProbe> Keep(const ForkGuard& guard, std::string path, const Identity& expected,
                                        absl::StatusOr<Fd> fd);
  bool Refresh();
  bool RefreshToLock(const ForkGuard& guard);
  std::string path_;
  std::unique_ptr<KeptFd> kept_;  // at a fixed address, which the fork handler has registered
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_LOCK_H_
