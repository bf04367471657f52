// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/unlink.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/lock.h"
#include "runtime/os/park.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/inspect.h"
#include "runtime/segment/life_cycle.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using W = internal::Words<internal::RealAtomics>;

std::string WithPid(const std::string& label, const std::optional<pid_t>& pid) {
  return pid ? absl::StrCat("\"", label, "\" (pid ", *pid, ")") : absl::StrCat("\"", label, "\"");
}

// Returns the live producer and consumers, for people, or "" if there are none.
std::string Users(const RingInfo& info) {
  std::vector<std::string> users;
  if (info.producer.alive)
    users.push_back(absl::StrCat("producer ", WithPid(info.producer.label, info.producer.pid)));
  for (const SeatInfo& seat : info.consumers) {
    if (seat.alive)
      users.push_back(absl::StrCat("consumer ", WithPid(seat.label, seat.pid), " in seat ", seat.seat));
  }
  return absl::StrJoin(users, ", ");
}

// Wakes the users of a queue and marks it as removed. Unlink calls NotifyAll() twice. The call before the names
// are unlinked ensures that no user sleeps through the removal. The call afterwards is needed because users
// trust only the link count. Does nothing for a ring that is too damaged to be mapped.
class Notifier {
 public:
  // Fails only if no descriptor is free, because then nothing is known about the ring.
  absl::Status Open(const Paths& paths) {
    const absl::Status opened = Map(paths);
    return os::NoDescriptorFree(opened) ? opened : absl::OkStatus();
  }
  void NotifyAll() {
    if (ring_.ring.data() != nullptr) {
      internal::RingControl& control = *ring_.memory().control;
      W::StoreRemoved(control.room);
      WakeEverybody(control);
    }
    if (ring_.seats.data() != nullptr) WakeProducer(*ring_.table().control);
  }

 private:
  absl::Status Map(const Paths& paths) {
    absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/true);
    if (!ring.ok()) return ring.status();
    absl::StatusOr<MappedRing> mapped =
        MappedRing::Map(paths, *std::move(ring), Extent::kControl, os::Pages::kNow);
    if (!mapped.ok()) return mapped.status();
    ring_ = *std::move(mapped);
    absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring_.header);
    return seats.ok() ? ring_.MapSeats(*std::move(seats), os::Pages::kNow) : seats.status();
  }
  MappedRing ring_;
};

// Returns the facts of a ring. A closing producer stores "closed" an instant before it releases its locks.
// Waits for that release, so that a caller that has read to the end does not get kInUse.
absl::StatusOr<RingInfo> FactsOnceClosed(const Paths& paths) {
  constexpr int64_t kInstantNs = 100'000'000;
  const int64_t start = os::MonotonicNs();
  for (;;) {
    absl::StatusOr<RingInfo> info = Inspect(paths);
    if (!info.ok() || !info->producer.closed || !info->producer.alive) return info;
    if (os::MonotonicNs() - start > kInstantNs) return info;
    os::SleepNs(500'000);
  }
}

// Returns true if `seen` says that there is no ring, and something of a queue is left.
absl::StatusOr<bool> OnlyRemains(const absl::Status& seen, const Paths& paths, LockFile lock) {
  if (ErrorOf(seen) != Error::kNotFound) return false;
  return HasRemains(paths, lock);
}

absl::Status InUse(const Paths& paths, const std::string& users) {
  return os::Failure(Error::kInUse,
                     absl::StrCat("unlink \"", paths.name, "\": in use by ", users,
                                  "; stop them first, or force it (shmctl unlink --force): their "
                                  "next calls report the removal"));
}

}  // namespace

absl::Status Unlink(const Paths& paths, bool force) {
  // Look before taking the life-cycle lock, because that would create .lock beside files of another program.
  const absl::Status seen = Inspect(paths).status();
  if (!seen.ok()) {
    const absl::StatusOr<bool> remains = OnlyRemains(seen, paths, LockFile::kFound);
    if (!remains.ok()) return remains.status();
    if (!*remains) return seen;
  }
  absl::StatusOr<LifeCycle> life = LifeCycle::Hold(paths, std::nullopt);
  if (!life.ok()) return life.status();
  absl::StatusOr<RingInfo> info = FactsOnceClosed(paths);
  // kNotFound: another process removed the ring before we had the lock, or a killed creator left only
  // remains.
  if (!info.ok()) {
    const absl::StatusOr<bool> remains = OnlyRemains(info.status(), paths, life->lock_file());
    if (!remains.ok()) return remains.status();
    if (!*remains) return info.status();
  }
  std::optional<UserLocks> users;  // held until the names are gone
  if (!force) {
    const std::string named = info.ok() ? Users(*info) : "";
    if (!named.empty()) return InUse(paths, named);
    std::string who;
    auto locks = life->TryUsers(&who);
    if (!locks.ok()) return locks.status();
    if (!locks->has_value())
      return InUse(paths, absl::StrCat("a process that holds one of its locks (lslocks): ", who));
    users = *std::move(locks);
  }
  Notifier users_to_wake;
  if (absl::Status s = users_to_wake.Open(paths); !s.ok()) return s;
  users_to_wake.NotifyAll();
  absl::Status removed = life->RemoveNames();
  users_to_wake.NotifyAll();
  return removed;
}

}  // namespace millrace::segment
