#include "runtime/segment/remove.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/lock.h"
#include "runtime/os/park.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/facts.h"
#include "runtime/segment/life_cycle.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using W = internal::Words<internal::RealAtomics>;

std::string WithPid(const std::string& label, const std::optional<pid_t>& pid) {
  return pid ? absl::StrCat("\"", label, "\" (pid ", *pid, ")") : absl::StrCat("\"", label, "\"");
}

// Who is alive, for people; empty: nobody.
std::string Users(const RingInfo& info) {
  std::vector<std::string> users;
  if (info.producer.alive) users.push_back(absl::StrCat("producer ", WithPid(info.producer.label, info.producer.pid)));
  for (const SeatInfo& seat : info.consumers) {
    if (seat.alive) users.push_back(absl::StrCat("consumer ", WithPid(seat.label, seat.pid), " in seat ", seat.seat));
  }
  return absl::StrJoin(users, ", ");
}

// Sets the word that users look at, and wakes them. A ring too damaged to be mapped has nobody to tell.
void TellUsers(const Paths& paths) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/true);
  if (!ring.ok()) return;
  auto ring_map = os::Mapping::Map(ring->fd.get(), 0, internal::kRingDataOffset, true, false, paths.ring);
  if (!ring_map.ok()) return;
  internal::RingControl& control = *MemoryOf(*ring_map, ring->header).control;
  W::StoreRemoved(control.room);
  WakeEverybody(control);
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring->header);
  if (!seats.ok()) return;
  auto seats_map = os::Mapping::Map(seats->fd.get(), 0, seats->header.file_bytes, true, false, paths.seats);
  if (!seats_map.ok()) return;
  internal::SeatsControl& seats_control = *TableOf(*seats_map, seats->header).control;
  W::BumpRoomEpoch(seats_control.room_epoch);
  os::FutexWakeAll(&seats_control.room_epoch.epoch);
}

absl::Status InUse(const Paths& paths, const std::string& users) {
  return os::Failure(Error::kInUse, absl::StrCat("unlink \"", paths.name, "\": in use by ", users,
                                                 "; stop them first, or force it (shmctl unlink --force): they are "
                                                 "told that the ring was removed"));
}

}  // namespace

absl::Status Remove(const Paths& paths, bool force) {
  if (absl::StatusOr<RingInfo> info = FactsOfRing(paths); !info.ok()) return info.status();
  absl::StatusOr<LifeCycle> life = LifeCycle::Hold(paths);
  if (!life.ok()) return life.status();
  absl::StatusOr<RingInfo> info = FactsOfRing(paths);
  if (!info.ok()) return info.status();
  if (!force) {
    if (const std::string users = Users(*info); !users.empty()) return InUse(paths, users);
    if (AnyLockHeld(paths)) return InUse(paths, "a process that holds one of its locks (lslocks)");
  }
  TellUsers(paths);
  return life->RemoveNames();
}

}  // namespace millrace::segment
