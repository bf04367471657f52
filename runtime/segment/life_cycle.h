// SPDX-License-Identifier: Apache-2.0
// The life-cycle lock: byte 1 of /NAME.lock, held by a process that creates, takes over or removes a queue.
// protocol/life_cycle.md "Creating".
//
// After taking the lock, the process checks that the name still leads to the locked file. Otherwise it starts
// over. Without this check, a take-over could lock an unlinked .lock and write into a new ring, which would
// then have two producers.
#ifndef MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_
#define MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/os/file.h"
#include "runtime/os/lock.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// The locks of all users of a queue: while these are held, no producer and no consumer can join it.
struct UserLocks {
  os::HeldLock producer, seats;
};

// Holds the life-cycle lock of a queue.
class LifeCycle {
 public:
  // Takes the lock. Waits a bounded time (kTimedOut) for another creator, successor or remover to finish, or
  // for the kernel to free one that was killed. Creates .lock if it is missing. Fails with kNoPermission unless
  // .lock belongs to `owner`. nullopt accepts any owner, and gives a new .lock to the owner of the ring.
  static absl::StatusOr<LifeCycle> Hold(const Paths& paths, std::optional<uid_t> owner);
  LifeCycle(LifeCycle&&) = default;
  // Removes a .lock that this created, unless KeepLockFile() was called. So a refused operation leaves nothing.
  ~LifeCycle();
  void KeepLockFile() { keep_ = true; }

  // Returns what .lock proves about other objects of the queue.
  LockFile lock_file() const { return created_ ? LockFile::kJustMade : LockFile::kFound; }

  // Takes the producer's lock on .lock. Returns nullopt while another process holds it.
  absl::StatusOr<std::optional<os::HeldLock>> TryProducer() const;

  // Takes the locks of the producer and of all seats. Returns nullopt if a user is alive; `who` then
  // describes it.
  absl::StatusOr<std::optional<UserLocks>> TryUsers(std::string* who) const;

  // Removes the names in the order that never leaves an incomplete ring: ring, seats, lock.
  absl::Status RemoveNames() const;

 private:
  LifeCycle(const Paths& paths, const os::Identity& identity, os::HeldLock lock, bool created)
      : paths_(paths), identity_(identity), lock_(std::move(lock)), created_(created) {}
  static absl::StatusOr<std::optional<LifeCycle>> TryFound(const Paths& paths, const os::FileFacts& facts,
                                                           std::optional<uid_t> owner);
  static absl::StatusOr<LifeCycle> TryNew(const Paths& paths, std::optional<uid_t> owner);
  Paths paths_;
  os::Identity identity_;  // of .lock
  os::HeldLock lock_;
  bool created_, keep_ = false;
};

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_
