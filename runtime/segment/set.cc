// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/set.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/life_cycle.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using W = internal::Words<internal::RealAtomics>;

absl::Status ChangeFile(const std::string& path, const os::Fd& fd, std::optional<mode_t> mode,
                        const RingChanges& changes) {
  if (changes.owner || changes.group) {
    const std::string what = absl::StrCat("set owner of \"", path, "\" (only root gives files away)");
    if (absl::Status s = os::SetOwner(fd.get(), changes.owner, changes.group, what); !s.ok()) return s;
  }
  if (mode) {
    const std::string what = absl::StrCat("set mode of \"", path, "\"");
    if (absl::Status s = os::SetMode(fd.get(), *mode, what); !s.ok()) return s;
  }
  absl::StatusOr<os::FileFacts> now = os::FactsOf(fd.get(), path);
  if (!now.ok()) return now.status();
  if (now->uid == changes.owner.value_or(now->uid) && now->gid == changes.group.value_or(now->gid) &&
      (now->mode & 07777) == mode.value_or(now->mode & 07777))
    return absl::OkStatus();
  return os::Failure(
      Error::kOther,
      absl::StrCat("set owner, group or mode of \"", path, "\": found uid ", now->uid, ", gid ", now->gid,
                   ", mode 0", absl::StrFormat("%o", now->mode & 07777),
                   " afterwards, expected the new values; its file system does not keep them"));
}

// Refuses the numbers that the kernel understands as "leave it unchanged".
absl::Status CheckChanges(const Paths& paths, const RingChanges& changes) {
  const bool bad_owner = changes.owner == static_cast<uid_t>(-1);
  if (!bad_owner && changes.group != static_cast<gid_t>(-1)) return absl::OkStatus();
  return os::Failure(Error::kBadArgument,
                     absl::StrCat("set \"", paths.name, "\": ", ~uint32_t{0}, " is not a ",
                                  bad_owner ? "user" : "group", "; leave it unset to change nothing"));
}

}  // namespace

absl::Status Set(const Paths& paths, const RingChanges& changes) {
  if (absl::Status s = CheckChanges(paths, changes); !s.ok()) return s;
  const uid_t owner = changes.owned_by.value_or(os::Uid());
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/true);
  if (!ring.ok()) return ring.status();
  if (absl::Status s = CheckOwner("set", paths, paths.ring, ring->fd, ring->facts, owner); !s.ok()) return s;
  absl::StatusOr<LifeCycle> life = LifeCycle::Hold(paths, owner);
  if (!life.ok()) return life.status();
  ring = OpenRing(paths, /*write=*/true);
  if (!ring.ok()) return ring.status();
  if (absl::Status s = CheckOwner("set", paths, paths.ring, ring->fd, ring->facts, owner); !s.ok()) return s;
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring->header);
  if (!seats.ok()) return seats.status();
  if (absl::Status s = CheckOwner("set", paths, paths.seats, seats->fd, seats->facts, owner); !s.ok())
    return s;
  absl::StatusOr<os::Fd> lock = os::OpenExisting(paths.lock, /*write=*/true);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<os::FileFacts> lock_facts = os::FactsOf(lock->get(), paths.lock);
  if (!lock_facts.ok()) return lock_facts.status();
  if (absl::Status s = CheckOwner("set", paths, paths.lock, *lock, *lock_facts, owner); !s.ok()) return s;
  if (absl::Status s = ChangeFile(paths.ring, ring->fd, changes.ring_mode, changes); !s.ok()) return s;
  if (absl::Status s = ChangeFile(paths.seats, seats->fd, changes.seats_mode, changes); !s.ok()) return s;
  if (absl::Status s = ChangeFile(paths.lock, *lock, std::nullopt, changes); !s.ok()) return s;
  if (!changes.keep) return absl::OkStatus();
  // Last, so that a change that is refused above does not change the keep mark.
  const absl::StatusOr<MappedRing> mapped =
      MappedRing::Map(paths, *std::move(ring), Extent::kControl, os::Pages::kOnAccess);
  if (!mapped.ok()) return mapped.status();
  uint32_t& attributes = mapped->memory().control->room.attributes;
  const uint32_t others = W::Peek(attributes) & ~internal::kAttributeKeep;
  W::Note(attributes, others | (*changes.keep ? internal::kAttributeKeep : 0));
  return absl::OkStatus();
}

}  // namespace millrace::segment
