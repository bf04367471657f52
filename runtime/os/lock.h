// Who is alive: open-file-description locks on single bytes, held by a mapping.
//
// A lock is taken on a descriptor of its own, one page of the file is mapped (not inherited by fork), and the
// descriptor is closed: the mapping alone keeps the lock. So it survives closefrom(), is not shared with a
// forked child, and falls on exit, kill -9 and exec, decided by the kernel and by nothing else. Each attempt
// first proves that the file system works like that (overlayfs does not), else it is refused.
#ifndef MILLRACE_RUNTIME_OS_LOCK_H_
#define MILLRACE_RUNTIME_OS_LOCK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/os/fork.h"
#include "runtime/os/object.h"

namespace millrace::os {

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

// Takes an exclusive lock on bytes [first, first + count) of the file at `path`, if it is free now: an empty
// optional says that somebody else holds (part of) it. `expected`: the file that is meant; another one under
// that name is kNotFound. Needs write permission. Under the process-wide fork guard, never waiting.
absl::StatusOr<std::optional<HeldLock>> TryLock(const std::string& path, const Identity& expected,
                                                uint64_t first, uint64_t count = 1);

// The same for a file that has no name yet, so that whoever opens it first finds it locked. `path`: the name
// it will get, for the text.
absl::StatusOr<std::optional<HeldLock>> TryLockNew(const NewFile& file, const std::string& path,
                                                   uint64_t first, uint64_t count = 1);

// Proves of a new file that locks hold there, before anything gets a name. Fails as TryLock does.
absl::Status CheckLocksHold(const NewFile& file, const std::string& path);

// Tries bytes first, first + 1, ... first + count - 1 with one descriptor, skipping those for which
// `skip(index)` is true, beginning at first + start and wrapping round; the first free one is held. `index`
// (0 .. count - 1) is set to it.
absl::StatusOr<std::optional<HeldLock>> TryLockAny(const std::string& path, const Identity& expected,
                                                   uint64_t first, uint64_t count, uint64_t start,
                                                   bool (*skip)(uint64_t index, void* context), void* context,
                                                   uint64_t* index);

enum class Holder : uint8_t { kNone, kSomebody, kUnknown };

// A descriptor that is kept for asking who holds a byte and for holding one briefly. A forked child closes it
// before fork() returns there, so no child keeps a lock of it.
struct KeptFd final : ForkAware {
  KeptFd(const Identity& file, Fd opened) : expected(file), fd(std::move(opened)) {}
  ~KeptFd() override { Drop(); }
  void InForkedChild() noexcept override;
  bool Ours() const;  // It still leads to our file.
  void Drop();        // Closes it if it is ours still; with it go its locks.
  const Identity expected;
  Fd fd;
  Mapping pin;    // of the same open file, if it may take locks: closefrom() must not drop one that is in use
  int locks = 0;  // now held through it
};

// A lock that ends with this, inside of the fork guard under which it was taken.
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

// Asks who holds a byte, and takes one for a moment. Keeps one descriptor, so it needs neither a name nor a
// free descriptor nor privileges later. Before each use the descriptor must still lead to our file (a program
// may have closed and reused the number). Otherwise the file is opened again by name and compared; if that
// fails, the answer is kUnknown, which callers treat as alive, and no lock is taken. One thread at a time.
class LockProbe {
 public:
  LockProbe() = default;
  LockProbe(std::string path, Identity expected, Fd fd)
      : path_(std::move(path)), kept_(std::make_unique<KeptFd>(expected, std::move(fd))) {}
  // Opens one that can take locks as well. Needs write permission, now only.
  static absl::StatusOr<LockProbe> OpenToLock(std::string path, const Identity& expected);
  static absl::StatusOr<LockProbe> OpenToLock(std::string path, const NewFile& file);

  // Conflicts with exclusive holders only: a reader of the file cannot make a byte look held.
  Holder Ask(uint64_t byte);
  // Is anything held in [first, first + count)?
  Holder AskRange(uint64_t first, uint64_t count);
  // Takes a lock that the caller gives up before its guard ends. Empty: somebody else holds it, or it cannot
  // be taken now. Shared: others may share it, nobody can take it exclusively meanwhile. Never waits.
  enum class Sharing : bool { kAlone, kShared };
  std::optional<BriefLock> TryLock(const ForkGuard& guard, uint64_t byte, Sharing sharing = Sharing::kAlone);
  // Our file as it is now; nullopt if it cannot be looked at.
  std::optional<FileFacts> Facts();

 private:
  static absl::StatusOr<LockProbe> Keep(const ForkGuard& guard, std::string path, const Identity& expected,
                                        absl::StatusOr<Fd> fd);
  bool Refresh();
  bool RefreshToLock(const ForkGuard& guard);
  std::string path_;
  std::unique_ptr<KeptFd> kept_;  // in one place: forks find it there
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_LOCK_H_
