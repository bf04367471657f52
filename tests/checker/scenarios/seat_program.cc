// SPDX-License-Identifier: Apache-2.0
// Takes seats and retires groups under kernel locks, as runtime/segment does.
#include "tests/checker/scenarios/programs.h"

namespace millrace::checker {

using namespace internal;  // NOLINT: the checker is about nothing else

namespace {

GroupWords& WordsOf(uint32_t group) { return world->bytes().seats_control.groups[group]; }

bool HasForeignLease(uint32_t seat, const std::optional<GroupPlace>& place) {
  if (Slipped(Slip::kForgetLease) || !HoldsLease<A>(world->Seats(), seat)) return false;
  return !place || GroupOfSeat<A>(world->bytes().seats[seat].identity) != *place;
}

// Calls f(seat, state) for each seat whose last holder belonged to the group, until f returns true.
template <class F>
bool AnySeatOf(GroupPlace place, F f) {
  const SeatTable seats = world->Seats();
  const uint32_t used = std::min(W::LoadSeatsUsed(seats.control->join), seats.count);
  for (uint32_t i = 0; i < used; ++i) {
    const uint64_t state = W::LoadStateForReason(seats.seats[i].identity);
    if (PhaseOf(state) == SeatPhase::kFree || GroupOfSeat<A>(seats.seats[i].identity) != place) continue;
    if (f(i, state)) return true;
  }
  return false;
}

bool HasLivingMember(GroupPlace place) {
  return AnySeatOf(place, [](uint32_t seat, uint64_t state) {
    return PhaseOf(state) != SeatPhase::kEvicted && HeldBySomebody(seat);
  });
}

std::optional<uint64_t> CountLeases(GroupPlace place) {
  constexpr int kTries = 8;
  for (int k = 0; k < kTries; ++k) {
    const uint32_t moves = W::LoadMoves(WordsOf(place.index));
    uint64_t leases = 0;
    AnySeatOf(place, [&](uint32_t seat, uint64_t) {
      leases += W::LoadLease(world->bytes().seats[seat].words) != kNoLease;
      return false;
    });
    if (W::LoadMoves(WordsOf(place.index)) == moves) return leases;
  }
  return std::nullopt;
}

bool RetireLocked(GroupPlace place, bool abandon) {
  GroupWords& group = WordsOf(place.index);
  const uint32_t flags = W::LoadGroupFlags(group);
  if (flags != kGroupUsed || W::Peek(group.generation) != place.generation) return false;
  if (HasLivingMember(place)) return false;
  const std::optional<uint64_t> held = CountLeases(place);
  if (held != uint64_t{0} && !abandon && !Slipped(Slip::kRetireWithLeases)) return false;
  world->groups.Retires(abandon);
  return W::RetireGroup(group, flags);
}

}  // namespace

bool HeldBySomebody(uint32_t seat) { return machine->Held(&world->seat_locks[seat]); }

bool RetireDeadGroup(GroupPlace place, bool abandon) {
  KernelLock* const lock = &world->group_locks[place.index];
  const bool locked = !Slipped(Slip::kRetireUnlocked);
  if (locked && !machine->TryLock(lock)) return false;
  const bool retired = RetireLocked(place, abandon);
  if (locked) machine->Unlock(lock);
  return retired;
}

uint32_t LockSeat(const std::optional<GroupPlace>& place, KernelLock** adopter_lock) {
  *adopter_lock = nullptr;
  const bool grouped = world->shape().grouped();
  for (uint32_t i = 0; i < kSeats; ++i) {
    if (grouped && HasForeignLease(i, place)) continue;
    if (!machine->TryLock(&world->seat_locks[i])) continue;
    if (!grouped) return i;
    // If a member sat here, another member may be adopting its lease, and could take our lease for that one.
    if (GroupOfSeat<A>(world->bytes().seats[i].identity) && !Slipped(Slip::kSitDownUnlocked)) {
      *adopter_lock = &world->adopter_locks[i];
      if (!machine->TryLock(*adopter_lock)) *adopter_lock = nullptr;
    }
    const bool left_alone = GroupOfSeat<A>(world->bytes().seats[i].identity) && *adopter_lock == nullptr &&
                            !Slipped(Slip::kSitDownUnlocked);
    if (!left_alone && !HasForeignLease(i, place)) return i;
    if (*adopter_lock != nullptr) machine->Unlock(*adopter_lock);
    *adopter_lock = nullptr;
    machine->Unlock(&world->seat_locks[i]);
  }
  return kSeats;
}

// ---- a member joins
// --------------------------------------------------------------------------------------

bool MemberProgram::HoldGroup(StartAt start, Beginning* begin) {
  GroupWords& group = WordsOf(group_);
  for (;;) {
    machine->AwaitLock(&world->group_locks[group_]);
    const uint32_t flags = W::LoadGroupFlags(group);
    if ((flags & kGroupUsed) == 0 || another_) {
      // Creating needs the locks of all groups. Gives way to a process that holds one of the others.
      KernelLock* taken = nullptr;
      for (KernelLock& other : world->group_locks) {
        if (&other != &world->group_locks[group_] && !machine->TryLock(&other)) taken = &other;
      }
      if (taken == nullptr) return CreateIt(start, begin);
      for (KernelLock& other : world->group_locks) machine->Unlock(&other);
      machine->AwaitFree(taken);
      continue;
    }
    if ((flags & kGroupCreating) == 0) break;
    W::StoreGroupFlags(group, 0);  // its creator died
    machine->Unlock(&world->group_locks[group_]);
  }
  place_ = {group_, W::Peek(group.generation)};
  const RingView<A> view(world->Ring());
  const uint64_t cursor = W::LoadCursor(group) & ~uint64_t{7};
  const uint64_t header = W::LoadHeader(view.HeaderAt(cursor));
  const uint64_t tail = W::LoadTailSequence(view.control().tail);
  begin->at = {cursor, header == 0 ? tail : WidenSequence(static_cast<uint32_t>(header >> 32), tail)};
  begin->wanted = begin->at.sequence;
  return true;
}

bool MemberProgram::CreateIt(StartAt start, Beginning* begin) {
  const SeatTable seats = world->Seats();
  GroupWords& group = WordsOf(group_);
  if (W::LoadGroupFlags(group) != 0 && !RetireLocked({group_, W::Peek(group.generation)}, false))
    return false;
  const uint32_t used = std::min(W::LoadSeatsUsed(seats.control->join), seats.count);
  for (uint32_t i = 0; i < used && !Slipped(Slip::kSlotInUse); ++i) {
    const uint64_t state = W::LoadStateForReason(seats.seats[i].identity);
    const std::optional<GroupPlace> place = GroupOfSeat<A>(seats.seats[i].identity);
    if (PhaseOf(state) == SeatPhase::kFree || !place || place->index != group_) continue;
    if (HeldBySomebody(i)) return false;  // an evicted member could move the new cursor
  }
  const JoinResult created =
      CreateGroup<A>(RingView<A>(world->Ring()), seats, group_, /*durable=*/false, start, 0);
  if (created.wake_producer) CheckedParkOps().wake(&seats.control->room_epoch.epoch);
  machine->Expect(created.failure != JoinFailure::kDamaged, "a group finds a damaged ring");
  if (!created) return false;
  world->JudgeBoundary(created.begin.at, "the beginning of a group");
  *begin = created.begin;
  place_ = {group_, W::Peek(WordsOf(group_).generation)};
  created_ = true;
  return true;
}

bool MemberProgram::SitDown(Beginning begin) {
  const SeatTable seats = world->Seats();
  KernelLock* adopter_lock = nullptr;
  seat_ = LockSeat(place_, &adopter_lock);
  if (seat_ == kSeats) return false;
  Seat& seat = seats.seats[seat_];
  uint32_t generation = GenerationOf(W::LoadSeatState(seat.identity));
  const bool keep_lease = !Slipped(Slip::kForgetLease) && HoldsLease<A>(seats, seat_);
  if (!keep_lease) {
    W::StoreLease(seat.words, kNoLease);
    if (!Slipped(Slip::kKeepDeliveries))
      W::StoreDeliveries(seat.words, 0);  // this group's count begins at 0, whatever the seat holds
  }
  world->groups.SitsDown(seat_, group_);
  W::Note(seat.identity.group, group_ + 1);
  W::Note(seat.identity.group_generation, place_.generation);
  constexpr int kTries = 16;
  bool joined = false;
  for (int i = 0; i < kTries && !joined; ++i) {
    const std::optional<uint64_t> live = JoinGroup<A>(seats, seat_, ++generation, WordsOf(group_));
    joined = live.has_value();
    if (joined) live_state_ = *live;
  }
  if (!joined && !HoldsLease<A>(seats, seat_))
    W::StoreFree(seat.identity, MakeSeatState(generation, SeatPhase::kFree, 0));
  if (!joined) world->groups.GetsUp();
  if (adopter_lock != nullptr) machine->Unlock(adopter_lock);
  if (!joined) machine->Unlock(&world->seat_locks[seat_]);
  if (!joined) return false;
  const ConsumerSeat mine = {&seat, &seats.control->room_waiting, &seats.control->room_epoch, live_state_,
                             false};
  ring_.Attach(world->Ring(), seats, mine, place_, at_most_, begin.at.sequence - begin.wanted,
               reading_ != Reading::kLosslessCopy);
  return true;
}

bool MemberProgram::Open(StartAt start) {
  constexpr uint32_t kOperationSteps = 12000;
  machine->BeginOperation(kOperationSteps);
  Beginning begin;
  const bool held = HoldGroup(start, &begin);
  const bool joined = held && SitDown(begin);
  if (!joined && created_) W::StoreGroupFlags(WordsOf(group_), 0);
  for (KernelLock& lock : world->group_locks) {
    if (&lock == &world->group_locks[group_] || created_ || !held) machine->Unlock(&lock);
  }
  machine->Reached(1);
  if (machine->tracing()) machine->Note(joined ? "joined the group" : "found no seat or slot");
  return joined;
}

void MemberProgram::Leave() {
  constexpr uint32_t kOperationSteps = 12000;
  machine->BeginOperation(kOperationSteps);
  machine->Reached(2);
  LookAgain();
  SeatIdentity& identity = ring_.seat().seat->identity;
  const bool with_lease = W::LoadLease(ring_.seat().seat->words) != kNoLease;
  if (!with_lease || Slipped(Slip::kLeaveFreesLease))
    W::StoreFree(identity, MakeSeatState(GenerationOf(live_state_), SeatPhase::kFree, 0));
  world->groups.GetsUp();
  machine->Unlock(&world->seat_locks[seat_]);
  if (!with_lease) RetireDeadGroup(place_, /*abandon=*/false);
  if (ring_.OfferRoom()) CheckedParkOps().wake(&ring_.seat().room_epoch->epoch);
  machine->Reached(Conflicts::kStages);
}

}  // namespace millrace::checker
