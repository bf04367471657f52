// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/seat.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/fork.h"
#include "runtime/os/park.h"
#include "runtime/segment/start.h"
#include "runtime/segment/text.h"

namespace millrace::segment {
namespace {

using internal::JoinFailure;
using A = internal::RealAtomics;
using W = internal::Words<A>;

// Stores the words with which a new holder starts. Requires the seat's lock, and a state that is not joining
// yet.
void IntroduceHolder(internal::Seat& seat, const ConsumerOptions& options, const GroupHold* group,
                     bool keep_lease) {
  internal::SeatIdentity& who = seat.identity;
  W::Note(who.pid, os::Pid());
  W::Note(who.uid, os::Uid());
  W::Note(who.pid_namespace, os::PidNamespace());
  W::Note(who.since_ns, os::WallNs());
  SetLabel(who.label, options.label.empty() ? os::ProgramName() : options.label);
  if (!keep_lease) {
    W::StoreLease(seat.words, internal::kNoLease);
    W::StoreDeliveries(seat.words, 0);  // may be the count of another group's message at this position
  }
  W::Note(who.group, group != nullptr ? group->place.index + 1 : 0);
  W::Note(who.group_generation, group != nullptr ? group->place.generation : 0);
  W::Note(seat.words.received, uint64_t{0});
  W::Note(seat.words.lost, uint64_t{0});
  W::Note(seat.words.skipped, uint64_t{0});
  W::Note(seat.words.overruns, uint64_t{0});
  W::Note(seat.words.late_wakeups, uint64_t{0});
}

// Decides which seats a joiner may take: those without a lease, or with a lease that a dead member of its
// own group left.
struct Joiner {
  const internal::SeatTable& table;
  const GroupHold* group;
  bool only_free = true;  // only seats whose state is free; otherwise also seats whose holders may be dead
};
// Returns true if the seat has a lease that the joiner's group cannot adopt. Only members of the lease's own
// group may take such a seat.
bool HasForeignLease(uint64_t index, void* context) {
  const Joiner& joiner = *static_cast<const Joiner*>(context);
  const auto seat = static_cast<uint32_t>(index);
  if (!internal::HoldsLease<A>(joiner.table, seat)) return false;
  return joiner.group == nullptr ||
         internal::GroupOfSeat<A>(joiner.table.seats[seat].identity) != joiner.group->place;
}

// Returns true if the seat's words already exclude it. Checked first, because trying a lock is a system call.
bool NotWorthALock(uint64_t index, void* context) {
  const Joiner& joiner = *static_cast<const Joiner*>(context);
  const uint64_t state = W::LoadSeatState(joiner.table.seats[index].identity);
  if (joiner.only_free && internal::PhaseOf(state) != internal::SeatPhase::kFree) return true;
  return HasForeignLease(index, context);
}

bool AnySeatFree(const internal::SeatTable& table) {
  for (uint32_t i = 0; i < table.count; ++i) {
    if (internal::PhaseOf(W::LoadSeatState(table.seats[i].identity)) == internal::SeatPhase::kFree)
      return true;
  }
  return false;
}

absl::Status NoSeat(const Paths& paths, uint32_t seats) {
  return os::Failure(
      Error::kNoSeat,
      absl::StrCat("open \"", paths.name, "\": all ", seats,
                   " seats are taken by living consumers or hold messages of a group whose members "
                   "died (shmctl stat ",
                   paths.name,
                   "); stop one, observe instead (Delivery::Observer), or create the ring with more "
                   "seats"));
}

absl::Status SeatsLocked(const Paths& paths) {
  return os::Failure(
      Error::kTimedOut,
      absl::StrCat("open \"", paths.name,
                   "\": another process has held the locks of its free seats for 10 s; see who "
                   "holds bytes ",
                   internal::kLockSeat, " to ", internal::kLockSeatsEnd - 1, " of ", paths.seats,
                   " (lslocks)"));
}

// Goes live at the place that `delivery` and `start` choose, or, for a member, at the group's place. Returns
// the reason if every attempt failed.
absl::Status GoLive(ConsumerAttachment& attached, const Delivery& delivery, const ConsumerOptions& options,
                    const GroupHold* group, const internal::SeatTable& table, uint32_t generation) {
  const internal::RingMemory memory = attached.memory();
  const Where where = Locate(options.start);
  bool wake_producer = false;
  JoinFailure failure = JoinFailure::kEvicted;
  constexpr int kTries = 16;
  for (int i = 0; i < kTries && failure == JoinFailure::kEvicted; ++i) {
    ++generation;
    if (group == nullptr) {
      const internal::JoinResult joined =
          internal::Join<A>(internal::RingView<A>(memory), table, attached.seat, generation,
                            static_cast<uint8_t>(delivery.kind()), where.at, where.value);
      wake_producer |= joined.wake_producer;
      failure = joined.failure;
      if (!joined) continue;
      attached.begin = joined.begin;
      attached.live_state = joined.live;
    } else {
      const std::optional<uint64_t> live =
          internal::JoinGroup<A>(table, attached.seat, generation, table.control->groups[group->place.index]);
      if (!live) continue;
      attached.begin = group->begin;
      attached.group = group->place;
      attached.live_state = *live;
    }
    os::FutexWakeAll(&table.control->join.joins);  // A producer may be waiting for consumers.
    if (wake_producer) os::FutexWakeAll(&table.control->room_epoch.epoch);
    return absl::OkStatus();
  }
  // A lease of the last holder stays with the seat. A free seat would no longer protect the leased message.
  if (!internal::HoldsLease<A>(table, attached.seat)) {
    W::StoreFree(table.seats[attached.seat].identity,
                 internal::MakeSeatState(generation, internal::SeatPhase::kFree, 0));
  }
  wake_producer |= internal::OfferRoom<A>(table.control->room_waiting, table.control->room_epoch);
  if (wake_producer) os::FutexWakeAll(&table.control->room_epoch.epoch);
  return JoinFailed(attached.paths, failure, options.start, memory);
}

// Locks the first seat from `start` on that has no holder: a free seat, or if there is none, one whose holder
// died. Returns nullopt if all seats have holders.
absl::StatusOr<std::optional<os::HeldLock>> LockSeat(const ConsumerAttachment& attached, Joiner& joiner,
                                                     uint64_t start, uint64_t* index) {
  auto lock = os::TryLockAny(attached.paths.seats, attached.seats_identity, internal::kLockSeat,
                             joiner.table.count, start, &NotWorthALock, &joiner, index);
  if (!lock.ok() && ErrorOf(lock.status()) == Error::kNotFound) return WasReplaced(attached.paths);
  if (!lock.ok() || lock->has_value() || !joiner.only_free) return lock;
  joiner.only_free = false;
  return LockSeat(attached, joiner, start, index);
}

}  // namespace

absl::Status TakeSeat(ConsumerAttachment& attached, const Delivery& delivery, const ConsumerOptions& options,
                      const GroupHold* group, bool* locked) {
  const Paths& paths = attached.paths;
  const internal::SeatTable table = attached.table();
  Joiner joiner{table, group};
  uint64_t start = 0;
  for (uint32_t tried = 0; tried < table.count; ++tried) {
    uint64_t index = 0;
    absl::StatusOr<std::optional<os::HeldLock>> lock = LockSeat(attached, joiner, start, &index);
    if (!lock.ok()) return lock.status();
    if (!lock->has_value()) {
      if (!AnySeatFree(table)) return NoSeat(paths, table.count);
      if (!attached.StillNamed()) return WasReplaced(paths);
      *locked = true;
      return SeatsLocked(paths);
    }
    start = index + 1;
    internal::Seat& seat = table.seats[index];
    // Another member may be adopting the lease of the member that sat here, and could mistake our lease for
    // it. The adopter lock excludes that.
    std::optional<os::HeldLock> adopter_lock;
    if (internal::GroupOfSeat<A>(seat.identity)) {
      auto taken = os::TryLock(paths.seats, attached.seats_identity, internal::kLockAdopter + index);
      if (!taken.ok()) return taken.status();
      if (!taken->has_value()) continue;
      adopter_lock = *std::move(taken);
    }
    if (HasForeignLease(index, &joiner)) continue;  // The lease appeared before we had the lock.
    attached.seat_lock = std::move(**lock);
    // Our lock keeps the queue from being pruned from now on, so check now that the ring still has its name.
    // Check before going live, so that a producer that waits for consumers counts only consumers that stay.
    if (!attached.StillNamed()) return WasReplaced(paths);
    attached.seat = static_cast<uint32_t>(index);
    const uint32_t generation = internal::GenerationOf(W::LoadSeatState(seat.identity));
    IntroduceHolder(seat, options, group, /*keep_lease=*/internal::HoldsLease<A>(table, attached.seat));
    return GoLive(attached, delivery, options, group, table, generation);
  }
  return WasReplaced(paths);  // Members are adopting from all these seats: the caller tries again.
}

void LeaveSeat(ConsumerAttachment& attached) {
  const internal::SeatTable table = attached.table();
  internal::Seat& seat = table.seats[attached.seat];
  W::Note(seat.words.left_ns, os::WallNs());
  const bool member = internal::DeliveryOf(attached.live_state) == internal::kDeliveryGroup;
  if (member && W::LoadLease(seat.words) != internal::kNoLease) return;
  W::StoreFree(seat.identity, internal::MakeSeatState(internal::GenerationOf(attached.live_state),
                                                      internal::SeatPhase::kFree, 0));
  if (!member) return;
  attached.seat_lock.Release();  // Until then we count as a living member.
  const os::ForkGuard guard;
  RetireDeadGroup(guard, attached, attached.group, Leases::kKeep);
}

bool EmptyDeadSeat(MappedRing& ring, uint32_t seat) {
  const os::ForkGuard guard(std::try_to_lock);
  if (ring.seats.data() == nullptr) return false;  // a forked child, which has no mapping
  const auto lock = ring.seats_probe.TryLock(guard, internal::kLockSeat + seat);
  if (!lock) return false;
  const internal::SeatTable table = ring.table();
  internal::Seat& words = table.seats[seat];
  if (internal::HoldsLease<A>(table, seat)) return false;
  const uint32_t generation = internal::GenerationOf(W::LoadSeatState(words.identity)) + 1;
  W::StoreFree(words.identity, internal::MakeSeatState(generation, internal::SeatPhase::kFree, 0));
  return true;
}

}  // namespace millrace::segment
