// SPDX-License-Identifier: Apache-2.0
// Rings as objects of the system: creating, listing, inspecting and removing them.
#ifndef MILLRACE_SEGMENT_MANAGER_H_
#define MILLRACE_SEGMENT_MANAGER_H_

#include "millrace/internal/compiler.h"  // first

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/export.h"
#include "millrace/options.h"
#include "millrace/ring_info.h"

namespace millrace {

// Manages the rings of one directory. Has no state except the directory. Every call is thread-safe.
class MILLRACE_EXPORT SegmentManager {
 public:
  explicit SegmentManager(std::string directory = "/dev/shm");

  // Returns all rings, sorted by name. Takes no seat and no lock. A ring that cannot be read or mapped is
  // listed with the state "unreadable" and the reason in `damage`.
  absl::StatusOr<std::vector<RingInfo>> List() const;
  // Returns the facts of one ring. Takes no seat and no lock. A damaged ring is described, not an error.
  // Errors: kNotFound, kNotARing, kNoPermission, kBadName.
  absl::StatusOr<RingInfo> Inspect(std::string_view name) const;
  // Creates a ring that has no producer yet. Errors as of Producer::Create.
  absl::Status Create(std::string_view name, const RingOptions&) const;

  enum class Force : bool { kNo, kYes };
  // Removes a ring. Its producer and consumers are woken and return kRemoved. Unless forced, returns kInUse
  // while a producer or consumer is alive; the text says which. Holds the locks of all users from that check
  // to the removal. Also removes what a killed creator left of a ring. Never touches a file that is not a
  // ring.
  absl::Status Unlink(std::string_view name, Force = Force::kNo) const;

  // Returns the stale rings: those without a living producer or consumer whose newest trace of use is older
  // than `idle_for`, and the remains of killed creators. Never returns kept rings, rings that had no producer
  // yet, rings with a durable group, or files that are not millrace's. A time in the future (the clock was
  // set back) says nothing about use. The change time of the file decides then. If that is in the future too,
  // it is set to the present if the caller owns the file. Returns kBadArgument if `idle_for` is negative.
  absl::StatusOr<std::vector<Stale>> FindStale(Nanos idle_for = std::chrono::minutes(1)) const;
  // Removes a stale ring, after proving under all of its locks that it is still stale. Returns kInUse if the
  // ring is in use, kept, or was used since FindStale. Returns kIncarnation if the name leads to another
  // ring now.
  absl::Status Prune(const Stale&) const;
  // Takes the seat of a consumer away. The next call of that consumer returns kEvicted. Returns kNotFound if
  // the seat is free or has another generation now, so that a later holder of the seat is never evicted by
  // mistake.
  absl::Status Evict(std::string_view name, uint32_t seat, uint32_t generation) const;
  // Removes a group without living members, durable or not, so that the producer no longer waits for it.
  // Returns kInUse if a member is alive or joining, and kNotFound if there is no such group.
  absl::Status RemoveGroup(std::string_view name, std::string_view group) const;
  // Changes properties of an existing ring. Errors: kNoPermission, kNotFound, kBadArgument.
  absl::Status Set(std::string_view name, const RingChanges& changes) const;

 private:
  std::string directory_;
};

}  // namespace millrace

#endif  // MILLRACE_SEGMENT_MANAGER_H_
