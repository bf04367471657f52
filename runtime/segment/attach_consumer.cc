#include "runtime/segment/attach_consumer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/os/watch.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using internal::JoinFailure;
using internal::StartAt;
using A = internal::RealAtomics;
using W = internal::Words<A>;

StartAt KindOf(const Start& start) {
  switch (start.kind()) {
    case Start::Kind::kOldest:
      return StartAt::kOldest;
    case Start::Kind::kLast:
      return StartAt::kLast;
    case Start::Kind::kSequence:
      return StartAt::kSequence;
    case Start::Kind::kEnd:
      break;
  }
  return StartAt::kEnd;
}

absl::Status Explain(const Paths& paths, JoinFailure failure, const Start& start,
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
                                      "or begin at Start::End()"));
    case JoinFailure::kDamaged:
    case JoinFailure::kNone:
      break;
  }
  const std::string damage = DamageOf(memory);
  return os::Failure(Error::kDamaged,
                     absl::StrCat(what, damage.empty() ? "its contents contradict the protocol" : damage,
                                  "; remove the ring (shmctl unlink ", paths.name, ") and create it again"));
}

absl::Status Replaced(const Paths& paths) {
  return os::Failure(Error::kIncarnation,
                     absl::StrCat("open \"", paths.name, "\": it was removed meanwhile; try again"));
}

// The words a new holder starts with. Under the seat's lock, before its state says joining.
void IntroduceHolder(internal::Seat& seat, const ConsumerOptions& options) {
  internal::SeatIdentity& who = seat.identity;
  W::Note(who.pid, os::Pid());
  W::Note(who.uid, os::Uid());
  W::Note(who.pid_namespace, os::PidNamespace());
  W::Note(who.since_ns, os::FineWallNs());
  SetLabel(who.label, options.label.empty() ? os::ProgramName() : options.label);
  W::Note(seat.words.claim, internal::kNoClaim);
  W::Note(seat.words.received, uint64_t{0});
  W::Note(seat.words.lost, uint64_t{0});
  W::Note(seat.words.skipped, uint64_t{0});
  W::Note(seat.words.overruns, uint64_t{0});
  W::Note(seat.words.late_wakeups, uint64_t{0});
}

// A claim is left for the members of its group to rescue: only they may empty that seat.
bool HasClaim(uint64_t index, void* seats) {
  return W::Peek(static_cast<internal::Seat*>(seats)[index].words.claim) != internal::kNoClaim;
}

bool AnySeatFree(const internal::SeatTable& table) {
  for (uint32_t i = 0; i < table.count; ++i) {
    if (internal::PhaseOf(W::LoadSeatState(table.seats[i].identity)) == internal::SeatPhase::kFree)
      return true;
  }
  return false;
}

absl::Status TakeSeat(ConsumerAttachment& attached, const os::Identity& seats_identity, Delivery delivery,
                      const ConsumerOptions& options) {
  const Paths& paths = attached.paths;
  const internal::SeatTable table = TableOf(attached.seats, attached.seats_header);
  const internal::RingMemory memory = MemoryOf(attached.ring, attached.header);
  uint64_t index = 0;
  auto lock = os::TryLockAny(paths.seats, seats_identity, internal::kLockSeat, table.count, 0, &HasClaim,
                             table.seats, &index);
  if (!lock.ok()) return ErrorOf(lock.status()) == Error::kNotFound ? Replaced(paths) : lock.status();
  if (lock->has_value() && HasClaim(index, table.seats))
    return Replaced(paths);  // claimed before we had the lock: again
  if (!lock->has_value() && AnySeatFree(table)) return Replaced(paths);  // locked as a whole: being removed
  if (!lock->has_value()) {
    return os::Failure(Error::kNoSeat,
                       absl::StrCat("open \"", paths.name, "\": all ", table.count,
                                    " seats are taken by living consumers (shmctl stat ", paths.name,
                                    "); stop one, observe instead (Delivery::Observer), or create the "
                                    "ring with more seats"));
  }
  attached.seat_lock = std::move(**lock);
  // With the lock held nobody prunes the queue any more; before going live, so that a producer that waits for
  // consumers counts only those who stay.
  if (!StillNamed(paths.ring, attached.ring_identity)) return Replaced(paths);
  attached.seat = static_cast<uint32_t>(index);
  internal::Seat& seat = table.seats[index];
  uint32_t generation = internal::GenerationOf(W::LoadSeatState(seat.identity));
  IntroduceHolder(seat, options);
  bool wake_producer = false;
  JoinFailure failure = JoinFailure::kNone;
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i) {
    const auto begin =
        internal::Join<A>(internal::RingView<A>(memory), table, attached.seat, ++generation,
                          static_cast<uint8_t>(delivery.kind()), KindOf(options.start), options.start.value(),
                          &attached.live_state, &failure, &wake_producer);
    if (begin) {
      attached.begin = *begin;
      os::FutexWakeAll(&table.control->join.joins);  // a producer may be waiting for consumers
      if (wake_producer) os::FutexWakeAll(&table.control->room_epoch.epoch);
      return absl::OkStatus();
    }
    if (failure != JoinFailure::kEvicted) break;
  }
  W::StoreFree(seat.identity, internal::MakeSeatState(generation, internal::SeatPhase::kFree, 0));
  wake_producer |= internal::OfferRoom<A>(table.control->room_waiting, table.control->room_epoch);
  if (wake_producer) os::FutexWakeAll(&table.control->room_epoch.epoch);
  return Explain(paths, failure, options.start, memory);
}

absl::Status BeginObserving(ConsumerAttachment& attached, const ConsumerOptions& options) {
  const internal::RingMemory memory = MemoryOf(attached.ring, attached.header);
  JoinFailure failure = JoinFailure::kNone;
  const auto begin = internal::ChooseStart(internal::RingView<A>(memory), KindOf(options.start),
                                           options.start.value(), 0, &failure);
  if (!begin) return Explain(attached.paths, failure, options.start, memory);
  attached.begin = *begin;
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
                                  ": create the ring with wider access, or look on with "
                                  "Delivery::Observer(), which needs no seat"));
}

absl::StatusOr<ConsumerAttachment> Try(const Paths& paths, Delivery delivery,
                                       const ConsumerOptions& options) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/false);
  if (!ring.ok()) return ring.status();
  if (absl::Status s = CheckSchema(paths, *ring, options); !s.ok()) return s;
  ConsumerAttachment attached;
  attached.paths = paths;
  attached.header = ring->header;
  auto ring_map = os::Mapping::Map(ring->fd.get(), 0, ring->header.file_bytes, false, true, paths.ring);
  if (!ring_map.ok()) return ring_map.status();
  attached.ring = *std::move(ring_map);
  attached.ring_identity = ring->facts.identity;
  attached.ring_probe = os::LockProbe(paths.ring, ring->facts.identity, std::move(ring->fd));
  if (delivery.kind() == Delivery::Kind::kObserver) {
    if (absl::Status s = BeginObserving(attached, options); !s.ok()) return s;
    return attached;
  }
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring->header);
  if (!seats.ok()) return NameTheObserver(paths, seats.status());
  attached.seats_header = seats->header;
  auto seats_map = os::Mapping::Map(seats->fd.get(), 0, seats->header.file_bytes, true, true, paths.seats);
  if (!seats_map.ok()) return seats_map.status();
  attached.seats = *std::move(seats_map);
  attached.seats_probe = os::LockProbe(paths.seats, seats->facts.identity, std::move(seats->fd));
  if (absl::Status s = TakeSeat(attached, seats->facts.identity, delivery, options); !s.ok()) return s;
  return attached;
}

}  // namespace

absl::Status CheckConsumerOptions(const ConsumerOptions& options) {
  if (options.open_timeout < Nanos::zero()) {
    return os::Failure(Error::kBadArgument, "open_timeout is negative; use 0 for \"do not wait\"");
  }
  return absl::OkStatus();
}

absl::StatusOr<ConsumerAttachment> AttachConsumer(const Paths& paths, Delivery delivery,
                                                  const ConsumerOptions& options) {
  constexpr int kReplacements = 100;  // a queue that is removed and created faster than we can open it
  const int64_t start = os::MonotonicNs();
  std::optional<os::DirectoryWatch> watch;
  for (int replaced = 0;;) {
    absl::StatusOr<ConsumerAttachment> attached = Try(paths, delivery, options);
    if (attached.ok()) return attached;
    const int64_t waited = os::MonotonicNs() - start;
    if (ErrorOf(attached.status()) == Error::kNotFound && waited < options.open_timeout.count()) {
      if (!watch) {
        watch.emplace(paths.directory);  // and look again: it may have come before the watch
      } else {
        watch->Wait(options.open_timeout.count() - waited);
      }
    } else if (!WorthAnotherTry(attached.status()) || ++replaced > kReplacements) {
      return attached;
    } else {
      os::DirectoryWatch(paths.directory).Wait(1'000'000);
    }
  }
}

void LeaveSeat(const ConsumerAttachment& attached) {
  const internal::SeatTable table = TableOf(attached.seats, attached.seats_header);
  internal::SeatIdentity& seat = table.seats[attached.seat].identity;
  W::StoreFree(seat, internal::MakeSeatState(internal::GenerationOf(attached.live_state),
                                             internal::SeatPhase::kFree, 0));
}

bool EmptyDeadSeat(const Paths& paths, const os::Identity& seats_identity, const internal::SeatTable& table,
                   uint32_t seat) {
  auto lock = os::TryLock(paths.seats, seats_identity, internal::kLockSeat + seat);
  if (!lock.ok() || !lock->has_value()) return false;
  internal::Seat& words = table.seats[seat];
  if (HasClaim(seat, table.seats)) return false;
  const uint32_t generation = internal::GenerationOf(W::LoadSeatState(words.identity)) + 1;
  W::StoreFree(words.identity, internal::MakeSeatState(generation, internal::SeatPhase::kFree, 0));
  return true;
}

}  // namespace millrace::segment
