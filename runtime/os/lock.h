// Who is alive: open-file-description locks on single bytes, held by a mapping.
//
// A lock is taken on a descriptor of its own, one page of the file is mapped (not inherited by fork), and the
// descriptor is closed: the mapping alone keeps the lock. So it survives closefrom(), is not shared with a
// forked child, and falls on exit, kill -9 and exec, decided by the kernel and by nothing else.
#ifndef MILLRACE_RUNTIME_OS_LOCK_H_
#define MILLRACE_RUNTIME_OS_LOCK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
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

// The same for one byte, shared: others may share it, nobody can take it exclusively meanwhile.
absl::StatusOr<std::optional<HeldLock>> TryLockShared(const std::string& path, const Identity& expected,
                                                      uint64_t byte);

// The same for a file that has no name yet, so that whoever opens it first finds it locked. `path`: the name
// it will get, for the text.
absl::StatusOr<std::optional<HeldLock>> TryLockNew(const NewFile& file, const std::string& path,
                                                   uint64_t first, uint64_t count = 1);

// Tries bytes first, first + 1, ... first + count - 1 with one descriptor, skipping those for which
// `skip(index)` is true, beginning at first + start and wrapping round; the first free one is held. `index`
// (0 .. count - 1) is set to it.
absl::StatusOr<std::optional<HeldLock>> TryLockAny(const std::string& path, const Identity& expected,
                                                   uint64_t first, uint64_t count, uint64_t start,
                                                   bool (*skip)(uint64_t index, void* context), void* context,
                                                   uint64_t* index);

enum class Holder : uint8_t { kNone, kSomebody, kUnknown };

// Asks who holds a byte, without taking it. Keeps one descriptor; before each use the descriptor must still
// lead to our file (a program may have closed and reused the number), else the file is opened again by name
// and compared; if that fails the answer is kUnknown, which callers treat as alive. One thread at a time.
class LockProbe {
 public:
  LockProbe() = default;
  LockProbe(std::string path, Identity expected, Fd fd)
      : path_(std::move(path)), expected_(expected), fd_(std::move(fd)) {}
  LockProbe(LockProbe&&) noexcept = default;
  LockProbe& operator=(LockProbe&& other) noexcept;
  ~LockProbe();  // closes the descriptor only if it is still ours

  // Conflicts with exclusive holders only: a reader of the file cannot make a byte look held.
  Holder Ask(uint64_t byte);
  // Is anything held in [first, first + count)?
  Holder AskRange(uint64_t first, uint64_t count);
  // Our file as it is now; nullopt if it cannot be looked at.
  std::optional<FileFacts> Facts();
  void Abandon() { fd_.Abandon(); }

 private:
  bool Refresh();
  std::string path_;
  Identity expected_;
  Fd fd_;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_LOCK_H_
