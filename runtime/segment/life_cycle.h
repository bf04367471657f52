// The life-cycle lock: byte 1 of /NAME.lock, held by whoever creates, takes over or removes a queue.
//
// PROTOCOL.md "Life cycle". After getting the lock the name must still lead to the locked file, else start
// over: without that, a take-over can lock an unlinked .lock and write into a new ring, two producers at
// once.
#ifndef MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_
#define MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/os/lock.h"
#include "runtime/os/object.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// The locks of everybody who can use a queue: while they are held nobody can come.
struct UserLocks {
  os::HeldLock producer, seats;
};

class LifeCycle {
 public:
  // Waits a bounded time for another creator, successor or remover to finish (or for the kernel to end one
  // that was killed). Creates .lock if it is missing; the destructor removes one that it created if there is
  // no ring. `owner`: the user to whom .lock must belong, else kNoPermission; nullopt: anybody.
  static absl::StatusOr<LifeCycle> Hold(const Paths& paths, std::optional<uid_t> owner);
  LifeCycle(LifeCycle&&) = default;
  ~LifeCycle();

  // What .lock says about other objects.
  LockFile lock_file() const { return created_ ? LockFile::kJustMade : LockFile::kFound; }

  // Takes the producer's lock of the same file: nullopt while another process holds it.
  absl::StatusOr<std::optional<os::HeldLock>> TryProducer() const;

  // Takes the locks of the producer and of all seats. nullopt: somebody is alive, and `who` says who.
  absl::StatusOr<std::optional<UserLocks>> TryUsers(std::string* who) const;

  // Removes the names in the order that never leaves a ring half there: ring, seats, lock.
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
  bool created_;
};

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_
