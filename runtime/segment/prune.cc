// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/prune.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/os/failure.h"
#include "runtime/os/lock.h"
#include "runtime/os/park.h"
#include "runtime/segment/inspect.h"
#include "runtime/segment/life_cycle.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

// Sets the change time of a file to now, so that its age can grow. For a file of unknown age (NewestTime
// returns 0). Only the file's owner can do this, and only that user could remove it.
void RestartAge(const std::string& path) {
  absl::StatusOr<os::Fd> fd = os::OpenExisting(path, /*write=*/false);
  if (!fd.ok()) return;
  const absl::StatusOr<os::FileFacts> facts = os::FactsOf(fd->get(), path);
  if (facts.ok()) os::SetMode(fd->get(), facts->mode & 07777, "").IgnoreError();
}

// Returns what a creator or remover left that was killed between two names, if that is stale.
absl::StatusOr<std::optional<Stale>> Remains(const Paths& paths, uint64_t idle_ns) {
  const absl::StatusOr<bool> remains = HasRemains(paths, LockFile::kFound);
  if (!remains.ok()) return remains.status();
  if (!*remains) return std::nullopt;
  const auto seats = os::FactsOfName(paths.seats);
  const auto lock = os::FactsOfName(paths.lock);
  if (!seats && !lock) return std::nullopt;  // another process has removed them since
  NewestTime used;
  if (seats) used.Add(seats->modified_ns);
  if (lock) used.Add(lock->modified_ns);
  const uint64_t newest = used.Of(lock ? lock : seats);
  if (newest == 0) RestartAge(lock ? paths.lock : paths.seats);
  if (UsedSince(newest, idle_ns)) return std::nullopt;
  const absl::StatusOr<bool> in_use = AnyLockHeld(paths);
  if (!in_use.ok()) return in_use.status();
  if (*in_use) return std::nullopt;
  Stale stale{paths.name, "", "left by a process that was killed while creating or removing it",
              seats ? seats->bytes : 0, seats ? seats->uid : lock->uid};
  stale.idle_for = Nanos(static_cast<int64_t>(idle_ns));
  return stale;
}

// Returns true if any object of the queue is ours (IsOurs).
absl::StatusOr<bool> AnyOurs(const Paths& paths) {
  for (const std::string& path : {paths.ring, paths.seats, paths.lock}) {
    const absl::StatusOr<bool> ours = IsOurs(paths, path);
    if (!ours.ok() || *ours) return ours;
  }
  return false;
}

absl::Status LeftAlone(const Paths& paths, const std::string& who) {
  return os::Failure(Error::kInUse, absl::StrCat("prune \"", paths.name, "\": ", who, "; it is left alone"));
}

}  // namespace

absl::StatusOr<std::vector<Stale>> FindStale(const std::string& directory, uint64_t idle_ns) {
  const absl::StatusOr<std::set<std::string>> stems =
      StemsIn(directory, {kRingSuffix, kSeatsSuffix, kLockSuffix});
  if (!stems.ok()) return stems.status();
  std::vector<Stale> found;
  for (const std::string& stem : *stems) {
    absl::StatusOr<Paths> paths = PathsOf(directory, stem);
    if (!paths.ok()) continue;
    absl::StatusOr<std::optional<Stale>> remains = Remains(*paths, idle_ns);
    if (os::NoDescriptorFree(remains.status())) return remains.status();
    if (remains.ok() && remains->has_value()) {
      found.push_back(**std::move(remains));
      continue;
    }
    absl::StatusOr<RingInfo> info = Inspect(*paths, idle_ns);
    if (os::NoDescriptorFree(info.status())) return info.status();
    if (!info.ok()) continue;
    if (info->used_ns == 0) RestartAge(paths->ring);
    if (info->stale) {
      found.push_back({info->name, info->incarnation, info->stale_why, info->bytes, info->uid,
                       Nanos(static_cast<int64_t>(idle_ns)), info->used_ns, info->next_sequence});
    }
  }
  return found;
}

absl::Status Prune(const Paths& paths, const Stale& stale) {
  if (!os::FactsOfName(paths.ring) && !os::FactsOfName(paths.seats) && !os::FactsOfName(paths.lock)) {
    return os::Failure(Error::kNotFound, absl::StrCat("prune \"", paths.name, "\": it is gone already"));
  }
  // Look before taking the life-cycle lock, because that would create .lock beside files of another program.
  const absl::StatusOr<bool> ours = AnyOurs(paths);
  if (!ours.ok()) return ours.status();
  if (!*ours) return LeftAlone(paths, "nothing of that name is a millrace object");
  absl::StatusOr<LifeCycle> life = LifeCycle::Hold(paths, std::nullopt);
  if (!life.ok()) return life.status();
  std::string who;
  absl::StatusOr<std::optional<UserLocks>> users = life->TryUsers(&who);  // held until the names are gone
  if (!users.ok()) return users.status();
  if (!users->has_value()) return LeftAlone(paths, who);
  if (!os::FactsOfName(paths.ring) && stale.incarnation.empty()) {
    const absl::StatusOr<bool> remains = HasRemains(paths, life->lock_file());
    if (!remains.ok()) return remains.status();
    if (*remains) return life->RemoveNames();
    if (!os::FactsOfName(paths.seats)) {  // Only the .lock that we have just made is left.
      return os::Failure(Error::kNotFound, absl::StrCat("prune \"", paths.name, "\": it is gone already"));
    }
    return LeftAlone(paths, "its .seats is not a millrace object");
  }
  const auto idle_ns = static_cast<uint64_t>(std::max<int64_t>(0, stale.idle_for.count()));
  absl::StatusOr<RingInfo> info = Inspect(paths, idle_ns, LocksOfUsers::kOurs);
  if (!info.ok()) return info.status();
  if (info->incarnation != stale.incarnation) {
    return os::Failure(Error::kIncarnation,
                       absl::StrCat("prune \"", paths.name, "\": it was replaced by incarnation \"",
                                    info->incarnation, "\" after it was found stale; it is left alone"));
  }
  if (!info->stale) return LeftAlone(paths, info->stale_why);
  const bool seen = stale.used_ns != 0 || stale.next_sequence != 0;
  if (seen && (info->used_ns != stale.used_ns || info->next_sequence != stale.next_sequence))
    return LeftAlone(paths, "it was used after it was found stale");
  return life->RemoveNames();
}

}  // namespace millrace::segment
