// The life-cycle lock: byte 1 of /NAME.lock, held by whoever creates, takes over or removes a queue.
//
// PROTOCOL.md "Life cycle". After getting the lock the name must still lead to the locked file, else start
// over: without that, a take-over can lock an unlinked .lock and write into a new ring, two producers at
// once.
#ifndef MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_
#define MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "runtime/os/lock.h"
#include "runtime/os/object.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

class LifeCycle {
 public:
  // Waits a bounded time for another creator, successor or remover to finish (or for the kernel to end one
  // that was killed). Creates .lock if it is missing.
  static absl::StatusOr<LifeCycle> Hold(const Paths& paths);

  // Takes the producer's lock of the same file: nullopt while another process holds it.
  absl::StatusOr<std::optional<os::HeldLock>> TryProducer() const;

  // Removes the names in the order that never leaves a ring half there: ring, seats, lock.
  absl::Status RemoveNames() const;

 private:
  LifeCycle(const Paths& paths, const os::Identity& identity, os::HeldLock lock)
      : paths_(paths), identity_(identity), lock_(std::move(lock)) {}
  Paths paths_;
  os::Identity identity_;  // of .lock
  os::HeldLock lock_;
};

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_LIFE_CYCLE_H_
