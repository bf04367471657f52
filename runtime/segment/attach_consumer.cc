// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/attach_consumer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/os/watch.h"
#include "runtime/segment/group.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using internal::JoinFailure;
using internal::StartAt;
using A = internal::RealAtomics;
using W = internal::Words<A>;

absl::Status Replaced(const Paths& paths) {
  return os::Failure(
      Error::kIncarnation,
      absl::StrCat("open \"", paths.name, "\": it was removed while this process opened it; try again"));
}

// Whether another attempt to attach may succeed.
enum class Again : uint8_t {
  kIfReplaced,  // the error decides (WorthAnotherTry)
  kLocked,      // another process holds the locks of the free seats, as a remover does for a moment
  kNever,
};

constexpr int64_t kSeatPatienceNs = 10'000'000'000;  // equal to the patience for the life-cycle lock

absl::Status SeatsLocked(const Paths& paths) {
  return os::Failure(
      Error::kTimedOut,
      absl::StrCat("open \"", paths.name,
                   "\": another process has held the locks of its free seats for 10 s; see who "
                   "holds bytes ",
                   internal::kLockSeat, " to ", internal::kLockSeatsEnd - 1, " of ", paths.seats,
                   " (lslocks)"));
}

absl::Status Cancelled(const Paths& paths) {
  return os::Failure(Error::kInterrupted, absl::StrCat("open \"", paths.name,
                                                       "\": the program ended the wait for the ring "
                                                       "(ConsumerOptions::cancel_open)"));
}

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

// Goes live at the place that `delivery` and `start` choose, or, for a member, at the group's place. Returns
// the reason if every attempt failed.
absl::Status GoLive(ConsumerAttachment& attached, const Delivery& delivery, const ConsumerOptions& options,
                    const GroupHold* group, const internal::SeatTable& table, uint32_t generation) {
  const internal::RingMemory memory = MemoryOf(attached.ring, attached.header);
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
  if (!lock.ok() && ErrorOf(lock.status()) == Error::kNotFound) return Replaced(attached.paths);
  if (!lock.ok() || lock->has_value() || !joiner.only_free) return lock;
  joiner.only_free = false;
  return LockSeat(attached, joiner, start, index);
}

absl::Status TakeSeat(ConsumerAttachment& attached, const Delivery& delivery, const ConsumerOptions& options,
                      const GroupHold* group, Again* again) {
  const Paths& paths = attached.paths;
  const internal::SeatTable table = TableOf(attached.seats, attached.seats_header);
  Joiner joiner{table, group};
  uint64_t start = 0;
  for (uint32_t tried = 0; tried < table.count; ++tried) {
    uint64_t index = 0;
    absl::StatusOr<std::optional<os::HeldLock>> lock = LockSeat(attached, joiner, start, &index);
    if (!lock.ok()) return lock.status();
    if (!lock->has_value()) {
      if (!AnySeatFree(table)) return NoSeat(paths, table.count);
      if (!StillNamed(paths.ring, attached.ring_identity)) return Replaced(paths);
      *again = Again::kLocked;
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
    if (!StillNamed(paths.ring, attached.ring_identity)) return Replaced(paths);
    attached.seat = static_cast<uint32_t>(index);
    const uint32_t generation = internal::GenerationOf(W::LoadSeatState(seat.identity));
    IntroduceHolder(seat, options, group, /*keep_lease=*/internal::HoldsLease<A>(table, attached.seat));
    return GoLive(attached, delivery, options, group, table, generation);
  }
  return Replaced(paths);  // Members are adopting from all these seats: the caller tries again.
}

absl::Status JoinAsMember(ConsumerAttachment& attached, const Delivery& delivery,
                          const ConsumerOptions& options, Again* again) {
  const SeatsAccess seats{attached.paths, attached.seats_identity, attached.seats_probe,
                          TableOf(attached.seats, attached.seats_header)};
  absl::StatusOr<GroupHold> group =
      HoldGroup(seats, MemoryOf(attached.ring, attached.header), delivery, options.start);
  if (!group.ok())
    return ErrorOf(group.status()) == Error::kNotFound ? Replaced(attached.paths) : group.status();
  absl::Status taken = TakeSeat(attached, delivery, options, &*group, again);
  if (!taken.ok()) UndoCreation(seats, *group);
  return taken;
}

absl::Status BeginObserving(ConsumerAttachment& attached, const ConsumerOptions& options) {
  const internal::RingMemory memory = MemoryOf(attached.ring, attached.header);
  const Where where = Locate(options.start);
  const auto chosen = internal::ChooseStart(internal::RingView<A>(memory), where.at, where.value, 0);
  if (!chosen) return JoinFailed(attached.paths, chosen.failure, options.start, memory);
  attached.begin = chosen.begin;
  return absl::OkStatus();
}

absl::Status CheckSchema(const Paths& paths, const RingObject& ring, const ConsumerOptions& options) {
  if (!options.schema || *options.schema == ring.schema()) return absl::OkStatus();
  return os::Failure(Error::kSchema,
                     absl::StrCat("open \"", paths.name, "\": its messages are \"", ring.schema(),
                                  "\", this program expects \"", *options.schema,
                                  "\"; build both programs from one schema"));
}

absl::Status NameTheObserver(const Paths& paths, const absl::Status& status) {
  if (ErrorOf(status) != Error::kNoPermission) return status;
  return os::Failure(Error::kNoPermission,
                     absl::StrCat(std::string(status.message()),
                                  "; a consumer with a seat must be able to write ", paths.seats,
                                  ": create the ring with wider access, or use "
                                  "Delivery::Observer(), which needs no seat"));
}

// Makes one attempt to attach. Sets `*again` to kNever if .seats is missing or of another queue although .ring
// keeps its name. Another attempt would then fail in the same way: a remover unlinks .ring first and a creator
// links it last, so neither leaves .ring without its seats.
absl::StatusOr<ConsumerAttachment> Try(const Paths& paths, const Delivery& delivery,
                                       const ConsumerOptions& options, Again* again) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/false, CreateIt(paths));
  if (!ring.ok()) return ring.status();
  if (options.owner) {
    absl::Status s = CheckOwner("open", paths, paths.ring, ring->fd, ring->facts, *options.owner);
    if (!s.ok()) return s;
  }
  if (absl::Status s = CheckSchema(paths, *ring, options); !s.ok()) return s;
  ConsumerAttachment attached;
  attached.paths = paths;
  attached.header = ring->header;
  auto ring_map =
      os::Mapping::ForReading(ring->fd.get(), ring->header.file_bytes, os::Pages::kNow, paths.ring);
  if (!ring_map.ok()) return ring_map.status();
  attached.ring = *std::move(ring_map);
  attached.ring_identity = ring->facts.identity;
  attached.ring_watch = ObjectWatch(paths, paths.ring, ring->facts, ring->header.file_bytes);
  attached.private_ring = (ring->facts.mode & 0077) == 0;
  attached.ring_probe = os::LockProbe(paths.ring, ring->facts.identity, std::move(ring->fd));
  if (delivery.kind() == Delivery::Kind::kObserver) {
    if (absl::Status s = BeginObserving(attached, options); !s.ok()) return s;
    return attached;
  }
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring->header);
  if (!seats.ok()) {
    if (StillNamed(paths.ring, attached.ring_identity)) *again = Again::kNever;
    return NameTheObserver(paths, seats.status());
  }
  if (options.owner) {
    absl::Status s = CheckOwner("open", paths, paths.seats, seats->fd, seats->facts, *options.owner);
    if (!s.ok()) return s;
  }
  attached.seats_header = seats->header;
  auto seats_map =
      os::Mapping::ForWriting(seats->fd.get(), seats->header.file_bytes, os::Pages::kNow, paths.seats);
  if (!seats_map.ok()) return seats_map.status();
  attached.seats = *std::move(seats_map);
  attached.seats_identity = seats->facts.identity;
  absl::StatusOr<os::LockProbe> probe = os::LockProbe::OpenToLock(paths.seats, attached.seats_identity);
  if (ErrorOf(probe.status()) == Error::kNotFound) return Replaced(paths);
  if (!probe.ok()) return probe.status();
  attached.seats_probe = *std::move(probe);
  absl::Status joined = delivery.kind() == Delivery::Kind::kGroup
                            ? JoinAsMember(attached, delivery, options, again)
                            : TakeSeat(attached, delivery, options, nullptr, again);
  if (!joined.ok()) return joined;
  return attached;
}

}  // namespace

Where Locate(const Start& start) {
  switch (start.kind()) {
    case Start::Kind::kOldest:
      return {StartAt::kOldest, 0};
    case Start::Kind::kLast:
      return {StartAt::kLast, start.value()};
    case Start::Kind::kSequence:
      return {StartAt::kSequence, start.value()};
    case Start::Kind::kAgo: {
      const uint64_t age = start.value(), now = os::WallNs();
      if (age == 0) break;  // kEnd: the end is read after this, and no message below the end is younger.
      return {StartAt::kTime, age < now ? now - age : 0};
    }
    case Start::Kind::kEnd:
      break;
  }
  return {StartAt::kEnd, 0};
}

absl::Status JoinFailed(const Paths& paths, JoinFailure failure, const Start& start,
                        const internal::RingMemory& memory) {
  const std::string what = absl::StrCat("open \"", paths.name, "\": ");
  switch (failure) {
    case JoinFailure::kOutOfRange: {
      const auto end = internal::RingView<A>(memory).End();
      return os::Failure(Error::kBadArgument,
                         absl::StrCat(what, "sequence ", start.value(), " is not published yet (next is ",
                                      end ? end->sequence : 0, "); use at most that, or Start::End()"));
    }
    case JoinFailure::kEvicted:
    case JoinFailure::kOvertaken:
      return os::Failure(Error::kEvicted,
                         absl::StrCat(what,
                                      "the producer overtook every attempt to join; try again, "
                                      "or start at Start::End()"));
    case JoinFailure::kDamaged:
    case JoinFailure::kNone:
      break;
  }
  const std::string damage = DamageOf(memory);
  return os::Failure(Error::kDamaged,
                     absl::StrCat(what, damage.empty() ? "its contents contradict the protocol" : damage,
                                  "; remove the ring (shmctl unlink ", paths.name, ") and create it again"));
}

absl::Status CheckConsumerOptions(const Delivery& delivery, const ConsumerOptions& options) {
  constexpr uint32_t kMostMessages = 64;
  if (options.messages_per_lease == 0 || options.messages_per_lease > kMostMessages) {
    return os::Failure(Error::kBadArgument, absl::StrCat("messages_per_lease is ", options.messages_per_lease,
                                                         "; use 1 to ", kMostMessages));
  }
  if (delivery.kind() == Delivery::Kind::kGroup) {
    if (absl::Status s = CheckGroupName(delivery.group()); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<ConsumerAttachment> AttachConsumer(const Paths& paths, const Delivery& delivery,
                                                  const ConsumerOptions& options) {
  constexpr int kReplacements = 100;  // attempts while the queue is removed and created again and again
  const int64_t start = os::MonotonicNs();
  int64_t locked_since = start;
  std::optional<os::DirectoryWatch> watch;
  for (int replaced = 0;;) {
    Again again = Again::kIfReplaced;
    absl::StatusOr<ConsumerAttachment> attached = Try(paths, delivery, options, &again);
    if (attached.ok()) return attached;
    const int64_t now = os::MonotonicNs(), waited = now - start;
    if (again != Again::kLocked) locked_since = now;
    const bool locked = again == Again::kLocked && now - locked_since < kSeatPatienceNs;
    const bool may_wait =
        ErrorOf(attached.status()) == Error::kNotFound && options.open_timeout > Nanos::zero();
    if ((may_wait || locked || WorthAnotherTry(attached.status())) && options.cancel_open &&
        options.cancel_open())
      return Cancelled(paths);
    if (ErrorOf(attached.status()) == Error::kNotFound && waited < options.open_timeout.count()) {
      if (!watch) {
        // Look again before waiting: the ring may have appeared before the watch began.
        watch.emplace(paths.directory, std::string(paths.name).append(kRingSuffix));
      } else {
        watch->Wait(options.open_timeout.count() - waited);
      }
    } else if (!locked && (again == Again::kNever || !WorthAnotherTry(attached.status()) ||
                           ++replaced > kReplacements)) {
      return attached;
    } else {
      os::SleepNs(1'000'000);  // Another process is removing or replacing the queue.
    }
  }
}

void LeaveSeat(ConsumerAttachment& attached) {
  const internal::SeatTable table = TableOf(attached.seats, attached.seats_header);
  internal::Seat& seat = table.seats[attached.seat];
  W::Note(seat.words.left_ns, os::WallNs());
  const bool member = internal::DeliveryOf(attached.live_state) == internal::kDeliveryGroup;
  if (member && W::LoadLease(seat.words) != internal::kNoLease) return;
  W::StoreFree(seat.identity, internal::MakeSeatState(internal::GenerationOf(attached.live_state),
                                                      internal::SeatPhase::kFree, 0));
  if (!member) return;
  attached.seat_lock.Release();  // Until then we count as a living member.
  const os::ForkGuard guard;
  RetireDeadGroup(guard, {attached.paths, attached.seats_identity, attached.seats_probe, table},
                  attached.group, Leases::kKeep);
}

bool EmptyDeadSeat(os::LockProbe& seats_probe, const internal::SeatTable& table, uint32_t seat) {
  const os::ForkGuard guard(std::try_to_lock);
  const auto lock = seats_probe.TryLock(guard, internal::kLockSeat + seat);
  if (!lock) return false;
  internal::Seat& words = table.seats[seat];
  if (internal::HoldsLease<A>(table, seat)) return false;
  const uint32_t generation = internal::GenerationOf(W::LoadSeatState(words.identity)) + 1;
  W::StoreFree(words.identity, internal::MakeSeatState(generation, internal::SeatPhase::kFree, 0));
  return true;
}

}  // namespace millrace::segment
