// Consumer groups as the runtime sees them: found, created and retired under locks. PROTOCOL.md "Groups".
//
// The lock of group g (byte 1040 + g of .seats) is held by whoever joins or retires it, those of all groups
// by whoever creates one: so nobody joins a group that is being retired, and no name is created twice.
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
#include "runtime/segment/attach_consumer.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// What is needed to look at the seats of a queue and to take their locks.
struct SeatsAccess {
  const Paths& paths;
  os::Identity identity;  // of .seats
  os::LockProbe& probe;
  internal::SeatTable table;
};

// A group that cannot go away while this is held.
struct GroupHold {
  internal::GroupPlace place;
  os::HeldLock lock;
  bool created = false;
  internal::Beginning begin;  // created: where it begins. Else where it stands
};

absl::Status CheckGroupName(const std::string& name);  // kBadName

// Finds the group, or creates it at `start`. Waits a bounded time for others who join or create.
// kOptionsDiffer: it is durable and we are not, or the other way round. kNoSeat: all groups are taken.
absl::StatusOr<GroupHold> HoldGroup(SeatsAccess seats, const internal::RingMemory& memory,
                                    const Delivery& delivery, const Start& start);

// Nobody joined what was just created: it goes again.
void UndoCreation(const SeatsAccess& seats, const GroupHold& hold);

enum class Claims : bool { kKeep, kAbandon };
struct Retired {
  bool retired = false;
  uint64_t abandoned = 0;    // claims that went with it
  bool has_members = false;  // living ones, or one is joining
};
// Removes a group that has no living member. Not: a durable one, unless asked for; one whose dead members
// hold messages, unless they may be abandoned; one that somebody joins right now. Does nothing without the
// guard.
Retired RetireDeadGroup(const os::ForkGuard& guard, SeatsAccess seats, internal::GroupPlace place,
                        Claims claims, bool even_durable = false);

// A member of `place` takes over what seat `index` holds, if its holder is dead or evicted. kLeft: not now.
// Never waits.
internal::Adopted AdoptFrom(SeatsAccess seats, internal::RingMember<internal::RealAtomics>& member,
                            uint32_t index);

// shmctl: removes a group by name, also a durable one. kInUse: it has a living member. kNotFound.
absl::Status RemoveGroup(const Paths& paths, const std::string& name);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_GROUP_H_
