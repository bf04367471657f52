// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/group.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/start.h"
#include "runtime/segment/text.h"

namespace millrace::segment {
namespace {

using internal::GroupPlace;
using internal::GroupWords;
using A = internal::RealAtomics;
using W = internal::Words<A>;

constexpr int64_t kGroupPatienceNs = 10'000'000'000;  // equal to the patience for the life-cycle lock

void PauseForLock() {
  // Poll, because no wake reaches us when a lock falls because its holder died.
  os::SleepNs(100'000);
}

GroupWords& WordsOf(const MappedRing& ring, uint32_t index) { return ring.table().control->groups[index]; }

std::optional<uint32_t> FindGroup(const MappedRing& ring, const std::string& name) {
  for (uint32_t g = 0; g < internal::kGroups; ++g) {
    const GroupWords& group = WordsOf(ring, g);
    if ((W::LoadGroupFlags(group) & internal::kGroupUsed) != 0 && LabelOf(group.name) == name) return g;
  }
  return std::nullopt;
}

// Calls f(seat, state) for each seat whose last holder belonged to the group in slot `index`, until f returns
// true. If `generation` is unset, the group may be of any generation. Returns true if f did.
template <class F>
bool AnySeatOf(const MappedRing& ring, uint32_t index, std::optional<uint32_t> generation, F f) {
  const internal::SeatTable table = ring.table();
  const uint32_t used = std::min(W::LoadSeatsUsed(table.control->join), table.count);
  for (uint32_t i = 0; i < used; ++i) {
    const internal::SeatIdentity& seat = table.seats[i].identity;
    const uint64_t state = W::LoadStateForReason(seat);
    if (internal::PhaseOf(state) == internal::SeatPhase::kFree) continue;
    const std::optional<GroupPlace> place = internal::GroupOfSeat<A>(seat);
    if (!place || place->index != index || (generation && place->generation != *generation)) continue;
    if (f(i, state)) return true;
  }
  return false;
}

bool HeldBySomebody(MappedRing& ring, uint32_t seat) {
  return ring.seats_probe.Ask(internal::kLockSeat + seat) != os::LockState::kFree;
}

// Returns true if the group has a living member. An evicted member counts as dead, even if its process lives.
bool HasLivingMember(MappedRing& ring, GroupPlace place) {
  return AnySeatOf(ring, place.index, place.generation, [&](uint32_t seat, uint64_t state) {
    return internal::PhaseOf(state) != internal::SeatPhase::kEvicted && HeldBySomebody(ring, seat);
  });
}

// Counts the leases in the group's seats. Returns nullopt if evicted members that live keep moving leases
// from seat to seat.
std::optional<uint64_t> CountLeases(const MappedRing& ring, GroupPlace place) {
  const GroupWords& group = WordsOf(ring, place.index);
  constexpr int kTries = 8;
  for (int k = 0; k < kTries; ++k) {
    const uint32_t moves = W::LoadMoves(group);
    uint64_t leases = 0;
    AnySeatOf(ring, place.index, place.generation, [&](uint32_t seat, uint64_t) {
      leases += W::LoadLease(ring.table().seats[seat].words) != internal::kNoLease;
      return false;
    });
    if (W::LoadMoves(group) == moves) return leases;
  }
  return std::nullopt;
}

// Retires the group if RetireDeadGroup may. Requires the lock of this group or of all groups.
Retired RetireLocked(MappedRing& ring, GroupPlace place, Leases leases, bool even_durable) {
  GroupWords& group = WordsOf(ring, place.index);
  const uint32_t flags = W::LoadGroupFlags(group);
  if ((flags & internal::kGroupUsed) == 0 || W::Peek(group.generation) != place.generation) return {};
  if ((flags & internal::kGroupDurable) != 0 && !even_durable) return {};
  if (HasLivingMember(ring, place)) return {.has_members = true};
  const std::optional<uint64_t> held = CountLeases(ring, place);
  if (held != uint64_t{0} && leases == Leases::kKeep) return {};
  if (!W::RetireGroup(group, flags)) return {};
  return {.retired = true, .abandoned = held.value_or(1)};
}

// Returns a slot for a new group. Requires the locks of all groups. Skips a slot whose last group still has
// an evicted member that lives, because that member could move the cursor of the next group.
std::optional<uint32_t> FreeSlot(MappedRing& ring) {
  for (uint32_t g = 0; g < internal::kGroups; ++g) {
    const GroupWords& group = WordsOf(ring, g);
    if ((W::LoadGroupFlags(group) & internal::kGroupUsed) != 0)
      RetireLocked(ring, {g, W::Peek(group.generation)}, Leases::kKeep, false);
    if ((W::LoadGroupFlags(group) & internal::kGroupUsed) != 0) continue;
    if (AnySeatOf(ring, g, std::nullopt, [&](uint32_t i, uint64_t) { return HeldBySomebody(ring, i); }))
      continue;
    return g;
  }
  return std::nullopt;
}

absl::Status AllTaken(const MappedRing& ring, const std::string& name) {
  std::vector<std::string> names;
  for (uint32_t g = 0; g < internal::kGroups; ++g) names.push_back(LabelOf(WordsOf(ring, g).name));
  return os::Failure(
      Error::kNoSeat,
      absl::StrCat("open \"", ring.paths.name, "\" in group \"", name, "\": all ", internal::kGroups,
                   " groups of the ring are in use (", absl::StrJoin(names, ", "),
                   "); end one, or remove one that is no longer needed (shmctl evict ", ring.paths.name,
                   " --group NAME)"));
}

absl::Status DurableDiffers(const MappedRing& ring, const std::string& name, bool durable) {
  return os::Failure(Error::kOptionsDiffer,
                     absl::StrCat("open \"", ring.paths.name, "\" in group \"", name, "\": the group is ",
                                  durable ? "not durable, this member asks for a durable one"
                                          : "durable, this member asks for one that is not",
                                  "; use the same setting in all members"));
}

// Returns a hold on the group in slot `index`. Returns nullopt, so that the caller tries again, if another
// process has the lock, or if the group changed before we had it.
absl::StatusOr<std::optional<GroupHold>> JoinExisting(MappedRing& ring, uint32_t index,
                                                      const std::string& name, bool durable) {
  auto lock = os::TryLock(ring.paths.seats, ring.seats_identity, internal::kLockGroup + index);
  if (!lock.ok()) return lock.status();
  if (!lock->has_value() || FindGroup(ring, name) != index) return std::optional<GroupHold>();
  GroupWords& group = WordsOf(ring, index);
  const uint32_t flags = W::LoadGroupFlags(group);
  if ((flags & internal::kGroupCreating) != 0) {  // Its creator died.
    W::StoreGroupFlags(group, 0);
    return std::optional<GroupHold>();
  }
  if (((flags & internal::kGroupDurable) != 0) != durable) return DurableDiffers(ring, name, durable);
  GroupHold hold;
  hold.place = {index, W::Peek(group.generation)};
  hold.lock = *std::move(*lock);
  const internal::RingView<A> view(ring.memory());
  hold.begin.at = view.PlaceAt(W::LoadCursor(group) & ~uint64_t{7});
  hold.begin.wanted = hold.begin.at.sequence;
  return std::optional<GroupHold>(std::move(hold));
}

absl::StatusOr<std::optional<GroupHold>> Create(MappedRing& ring, const std::string& name, bool durable,
                                                const Start& start) {
  auto lock = os::TryLock(ring.paths.seats, ring.seats_identity, internal::kLockGroup, internal::kGroups);
  if (!lock.ok()) return lock.status();
  if (!lock->has_value() || FindGroup(ring, name)) return std::optional<GroupHold>();
  const std::optional<uint32_t> slot = FreeSlot(ring);
  if (!slot) return AllTaken(ring, name);
  GroupWords& group = WordsOf(ring, *slot);
  SetLabel(group.name, name);
  const Where where = Locate(start);
  const internal::JoinResult created = internal::CreateGroup<A>(
      internal::RingView<A>(ring.memory()), ring.table(), *slot, durable, where.at, where.value);
  if (created.wake_producer) os::FutexWakeAll(&ring.table().control->room_epoch.epoch);
  if (!created) return JoinFailed(ring.paths, created.failure, start, ring.memory());
  GroupHold hold;
  hold.place = {*slot, W::Peek(group.generation)};
  hold.lock = *std::move(*lock);
  hold.created = true;
  hold.begin = created.begin;
  return std::optional<GroupHold>(std::move(hold));
}

}  // namespace

absl::StatusOr<GroupHold> HoldGroup(MappedRing& ring, const Delivery& delivery, const Start& start) {
  const int64_t deadline = os::MonotonicNs() + kGroupPatienceNs;
  for (;;) {
    const std::optional<uint32_t> index = FindGroup(ring, delivery.group());
    auto hold = index ? JoinExisting(ring, *index, delivery.group(), delivery.durable())
                      : Create(ring, delivery.group(), delivery.durable(), start);
    if (!hold.ok()) return hold.status();
    if (hold->has_value()) return *std::move(*hold);
    if (os::MonotonicNs() > deadline) {
      return os::Failure(
          Error::kTimedOut,
          absl::StrCat("open \"", ring.paths.name, "\" in group \"", delivery.group(),
                       "\": another process has been joining it for 10 s; find the process that holds a lock "
                       "on bytes ",
                       internal::kLockGroup, " to ", internal::kLockGroup + internal::kGroups - 1, " of ",
                       ring.paths.seats, " (lslocks)"));
    }
    PauseForLock();
  }
}

void UndoCreation(const MappedRing& ring, const GroupHold& hold) {
  if (hold.created) W::StoreGroupFlags(WordsOf(ring, hold.place.index), 0);
}

Retired RetireDeadGroup(const os::ForkGuard& guard, MappedRing& ring, GroupPlace place, Leases leases,
                        bool even_durable) {
  if (ring.seats.data() == nullptr) return {};  // a forked child, which has no mapping
  const auto lock = ring.seats_probe.TryLock(guard, internal::kLockGroup + place.index);
  if (!lock) return {.has_members = guard.held()};  // Another process may be joining right now.
  return RetireLocked(ring, place, leases, even_durable);
}

internal::Adopted AdoptFrom(MappedRing& ring, internal::RingMember<A>& member, uint32_t index) {
  using internal::Adopted;
  internal::Seat& seat = ring.table().seats[index];
  const uint64_t seen = W::LoadStateForReason(seat.identity);
  if (internal::PhaseOf(seen) != internal::SeatPhase::kEvicted) {
    if (HeldBySomebody(ring, index)) return Adopted::kLeft;
    // The holder of that generation is dead. Once we take its lock, other members can no longer see that. So
    // mark the seat as evicted first, and they can adopt even if we are stopped while we hold the lock.
    W::Evict(seat.identity, seen,
             internal::MakeSeatState(internal::GenerationOf(seen), internal::SeatPhase::kEvicted,
                                     internal::DeliveryOf(seen)));
  }
  const os::ForkGuard guard(std::try_to_lock);
  const auto adopter_lock =
      ring.seats_probe.TryLock(guard, internal::kLockAdopter + index, os::LockProbe::Sharing::kShared);
  if (!adopter_lock) return Adopted::kLeft;
  const auto dead = ring.seats_probe.TryLock(guard, internal::kLockSeat + index);
  // From here on no process takes this seat. A process that took it before us is not evicted, and may be a
  // member of another group.
  const uint64_t state = W::LoadStateForReason(seat.identity);
  if (internal::GroupOfSeat<A>(seat.identity) != member.place()) return Adopted::kNothing;
  if (!dead.has_value() && internal::PhaseOf(state) != internal::SeatPhase::kEvicted) return Adopted::kLeft;
  const Adopted adopted = member.Adopt(index, dead.has_value());
  if (dead.has_value() && W::LoadLease(seat.words) == internal::kNoLease) {
    W::StoreFree(seat.identity,
                 internal::MakeSeatState(internal::GenerationOf(state) + 1, internal::SeatPhase::kFree, 0));
  }
  return adopted;
}

absl::Status RemoveGroup(const Paths& paths, const std::string& name) {
  absl::StatusOr<MappedRing> ring = MappedRing::Open(paths, MappedRing::Ring::kReadOnly, Extent::kControl);
  if (!ring.ok()) return ring.status();
  if (absl::Status s = ring->OpenSeatsToLock(); !s.ok()) return s;
  const std::string what = absl::StrCat("remove group \"", name, "\" of \"", paths.name, "\": ");
  const std::optional<uint32_t> index = FindGroup(*ring, name);
  if (!index) {
    return os::Failure(Error::kNotFound,
                       absl::StrCat(what, "there is no such group; see shmctl stat ", paths.name));
  }
  const os::ForkGuard guard;
  const Retired retired = RetireDeadGroup(guard, *ring, {*index, W::Peek(WordsOf(*ring, *index).generation)},
                                          Leases::kAbandon, true);
  if (!retired.retired) {
    return os::Failure(
        Error::kInUse,
        absl::StrCat(what, "it has a living member, or a consumer is joining it; stop or evict ",
                     "its members first (shmctl stat ", paths.name, ")"));
  }
  WakeProducer(*ring->table().control);
  return absl::OkStatus();
}

}  // namespace millrace::segment
