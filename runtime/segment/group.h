// SPDX-License-Identifier: Apache-2.0
// Finding, creating and retiring consumer groups, under locks. protocol/groups.md.
//
// A process that joins or retires group g holds the lock of g (byte 1040 + g of .seats). A process that
// creates a group holds the locks of all groups. So no process joins a group that is being retired, and no
// name is created twice.
//
// Every function that takes a mapped ring requires that its `.seats` is mapped, and that its seats_probe can
// take locks.
#ifndef MILLRACE_RUNTIME_SEGMENT_GROUP_H_
#define MILLRACE_RUNTIME_SEGMENT_GROUP_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/ring_group.h"
#include "millrace/internal/ring_join.h"
#include "millrace/options.h"
#include "runtime/os/fork.h"
#include "runtime/os/lock.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// A group that cannot be retired while this holds its lock.
struct GroupHold {
  internal::GroupPlace place;
  os::HeldLock lock;
  bool created = false;
  internal::Beginning begin;  // where a new group begins, or where an existing one stands
};

// Finds the group, or creates it at `start`. Waits a bounded time for other processes that are joining it or
// creating a group (kTimedOut). Fails with kOptionsDiffer if only one of the group and `delivery` is durable,
// and with kNoSeat if all groups are taken.
absl::StatusOr<GroupHold> HoldGroup(MappedRing& ring, const Delivery& delivery, const Start& start);

// Removes a group that `hold` created, after its creator could not join it.
void UndoCreation(const MappedRing& ring, const GroupHold& hold);

// What to do with leases of dead members: keep the group for them, or abandon their messages.
enum class Leases : bool { kKeep, kAbandon };
struct Retired {
  bool retired = false;
  uint64_t abandoned = 0;    // leases that were discarded with the group
  bool has_members = false;  // a member is alive or may be joining
};
// Retires a group that has no living member. Keeps a durable group unless `even_durable` is set. Keeps a
// group whose dead members hold leases unless `leases` is kAbandon. Keeps a group that a process is joining
// right now. Does nothing if `guard` is not held.
Retired RetireDeadGroup(const os::ForkGuard& guard, MappedRing& ring, internal::GroupPlace place,
                        Leases leases, bool even_durable = false);

// Lets `member` adopt the lease of seat `index`, if the seat's holder is dead or evicted. Returns kLeft if
// that is not possible now. Never waits.
internal::Adopted AdoptFrom(MappedRing& ring, internal::RingMember<internal::RealAtomics>& member,
                            uint32_t index);

// Removes a group by name, also a durable one (for shmctl). Fails with kInUse if the group has a living
// member or one is joining, and with kNotFound if there is no such group.
absl::Status RemoveGroup(const Paths& paths, const std::string& name);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_GROUP_H_
