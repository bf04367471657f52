// Finding and removing what nobody uses. PROTOCOL.md "Stale": proved by locks, never guessed from time alone.
#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/os/failure.h"
#include "runtime/os/lock.h"
#include "runtime/os/park.h"
#include "runtime/segment/facts.h"
#include "runtime/segment/life_cycle.h"
#include "runtime/segment/objects.h"
#include "runtime/segment/remove.h"

namespace millrace::segment {
namespace {

// Stems of everything that may belong to a queue.
absl::StatusOr<std::set<std::string>> Stems(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), &closedir);
  if (dir == nullptr) return os::SystemFailure(errno, absl::StrCat("list rings in \"", directory, "\""));
  std::set<std::string> stems;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string_view file = entry->d_name;
    for (const std::string_view suffix : {kRingSuffix, kSeatsSuffix, kLockSuffix}) {
      if (file.size() > suffix.size() && file.ends_with(suffix)) {
        stems.emplace(file.substr(0, file.size() - suffix.size()));
      }
    }
  }
  return stems;
}

// What a creator or remover that was killed between two names left behind. Its files are ours by their magic.
std::optional<Stale> Remains(const Paths& paths, uint64_t idle_ns) {
  if (os::FactsOfName(paths.ring)) return std::nullopt;
  const auto seats = os::FactsOfName(paths.seats);
  const auto lock = os::FactsOfName(paths.lock);
  if (seats && !HasMagic(paths.seats, internal::kSeatsMagic)) return std::nullopt;
  if (lock && !HasMagic(paths.lock, internal::kLockMagic)) return std::nullopt;
  if (!seats && !lock) return std::nullopt;
  const uint64_t newest = std::max(seats ? seats->modified_ns : 0, lock ? lock->modified_ns : 0);
  if (UsedSince(newest, idle_ns) || AnyLockHeld(paths)) return std::nullopt;
  return Stale{paths.name, "", "left by a process that was killed while creating or removing it",
               seats ? seats->bytes : 0, seats ? seats->uid : lock->uid};
}

absl::Status LeftAlone(const Paths& paths, const std::string& who) {
  return os::Failure(Error::kInUse, absl::StrCat("remove \"", paths.name, "\": ", who, "; it is left alone"));
}

absl::Status RemoveRemains(const Paths& paths, const LifeCycle& life) {
  if (os::FactsOfName(paths.ring)) return LeftAlone(paths, "a ring of that name was created meanwhile");
  if (os::FactsOfName(paths.seats) && !HasMagic(paths.seats, internal::kSeatsMagic))
    return LeftAlone(paths, "its .seats is not a millrace object");
  return life.RemoveNames();
}

// The whole range of seat locks in one call, kept until the names are gone: nobody joins meanwhile.
absl::StatusOr<os::HeldLock> HoldAllSeats(const Paths& paths) {
  const auto facts = os::FactsOfName(paths.seats);
  if (!facts) return os::HeldLock();
  auto lock = os::TryLock(paths.seats, facts->identity, internal::kLockSeat,
                          internal::kLockSeatsEnd - internal::kLockSeat);
  if (!lock.ok()) return lock.status();
  if (!lock->has_value()) return LeftAlone(paths, "a consumer is alive");
  return std::move(**lock);
}

// Our own lock on .lock says nothing about the producer. This byte does, unless a reader kept it from being
// taken.
bool RingLocked(const Paths& paths) {
  const auto facts = os::FactsOfName(paths.ring);
  return !facts || os::LockProbe(paths.ring, facts->identity, os::Fd()).Ask(internal::kLockProducer) !=
                       os::Holder::kNone;
}

}  // namespace

absl::StatusOr<std::vector<Stale>> FindStale(const std::string& directory, uint64_t idle_ns) {
  absl::StatusOr<std::set<std::string>> stems = Stems(directory);
  if (!stems.ok()) return stems.status();
  std::vector<Stale> found;
  for (const std::string& stem : *stems) {
    absl::StatusOr<Paths> paths = PathsOf(directory, stem);
    if (!paths.ok()) continue;
    if (std::optional<Stale> remains = Remains(*paths, idle_ns)) {
      found.push_back(*std::move(remains));
      continue;
    }
    absl::StatusOr<RingInfo> info = FactsOfRing(*paths, idle_ns);
    if (info.ok() && info->stale)
      found.push_back({info->name, info->incarnation, info->stale_why, info->bytes, info->uid});
  }
  return found;
}

absl::Status RemoveStale(const Paths& paths, const std::string& incarnation) {
  if (!os::FactsOfName(paths.ring) && !os::FactsOfName(paths.seats) && !os::FactsOfName(paths.lock)) {
    return os::Failure(Error::kNotFound, absl::StrCat("remove \"", paths.name, "\": it is gone already"));
  }
  // Before the life-cycle lock, whose file this would otherwise create beside files of somebody else.
  if (!HasMagic(paths.ring, internal::kRingMagic) && !HasMagic(paths.seats, internal::kSeatsMagic) &&
      !HasMagic(paths.lock, internal::kLockMagic)) {
    return LeftAlone(paths, "nothing of that name is a millrace object");
  }
  absl::StatusOr<LifeCycle> life = LifeCycle::Hold(paths);
  if (!life.ok()) return life.status();
  absl::StatusOr<std::optional<os::HeldLock>> producer = life->TryProducer();
  if (!producer.ok()) return producer.status();
  if (!producer->has_value()) return LeftAlone(paths, "its producer is alive");
  absl::StatusOr<os::HeldLock> seats = HoldAllSeats(paths);
  if (!seats.ok()) return seats.status();
  const bool ring_there = os::FactsOfName(paths.ring).has_value();
  if (!ring_there && incarnation.empty()) return RemoveRemains(paths, *life);
  absl::StatusOr<RingInfo> info = FactsOfRing(paths);
  if (!info.ok()) {
    if (ErrorOf(info.status()) == Error::kNotFound) (void)RemoveRemains(paths, *life);  // our own new .lock
    return info.status();
  }
  if (info->incarnation != incarnation) {
    return os::Failure(Error::kIncarnation,
                       absl::StrCat("remove \"", paths.name, "\": it was replaced by incarnation \"",
                                    info->incarnation, "\" meanwhile; it is left alone"));
  }
  if (info->keep) return LeftAlone(paths, "it is kept");
  if (RingLocked(paths)) return LeftAlone(paths, "its producer is alive");  // whose .lock was removed by hand
  return life->RemoveNames();
}

}  // namespace millrace::segment
