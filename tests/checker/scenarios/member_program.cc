// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "tests/checker/scenarios/programs.h"

namespace millrace::checker {

using namespace internal;  // NOLINT: the checker is about nothing else

namespace {
constexpr uint32_t kOperationSteps = 4000;
bool ClosedNow(uint64_t state) { return EpochOf(state) != 0 && !IsOpen(state); }
}  // namespace

// runtime/segment/group.cc, AdoptFrom.
Adopted MemberProgram::AdoptFrom(uint32_t index) {
  Seat& seat = world->bytes().seats[index];
  const uint64_t seen = W::LoadStateForReason(seat.identity);
  const bool evicted = PhaseOf(seen) == SeatPhase::kEvicted;
  if (!evicted && HeldBySomebody(index)) return Adopted::kLeft;
  if (!evicted && !Slipped(Slip::kStillLive)) {
    world->OnRequest(true);
    W::Evict(seat.identity, seen, MakeSeatState(GenerationOf(seen), SeatPhase::kEvicted, DeliveryOf(seen)));
    world->OnRequest(false);
  }
  KernelLock* const adopter_lock = &world->adopter_locks[index];
  KernelLock* const holder = &world->seat_locks[index];
  const bool alone = Slipped(Slip::kAdoptAlone), unlocked = Slipped(Slip::kAdoptUnlocked);
  if (!unlocked && !(alone ? machine->TryLock(adopter_lock) : machine->TryLockShared(adopter_lock)))
    return Adopted::kLeft;
  if (Slipped(Slip::kDeathAskedLate)) {  // Adopt has loaded its words already
    mutated::Prefetch(&seat.words.lease);
    mutated::Prefetch(&world->bytes().seats_control.groups[group_].cursor);
  }
  const bool dead = machine->TryLock(holder);
  const uint64_t state = W::LoadStateForReason(seat.identity);
  Adopted adopted = Adopted::kNothing;
  if (GroupOfSeat<A>(seat.identity) == ring_.place() || Slipped(Slip::kLookUnlocked)) {
    adopted = Adopted::kLeft;
    if (dead || PhaseOf(state) == SeatPhase::kEvicted || (Slipped(Slip::kLookUnlocked) && evicted))
      adopted = ring_.Adopt(index, dead || Slipped(Slip::kDropLiveLease));
    if (dead && W::LoadLease(seat.words) == kNoLease) {
      W::StoreFree(seat.identity, MakeSeatState(GenerationOf(state) + 1, SeatPhase::kFree, 0));
    }
  }
  if (dead) machine->Unlock(holder);
  if (!unlocked) machine->Unlock(adopter_lock);
  return adopted;
}

bool MemberProgram::Adopt() {
  bool adopted = false;
  ring_.ForEachLease([&](uint32_t seat, uint64_t) {
    adopted = AdoptFrom(seat) == Adopted::kMine;
    return !adopted;
  });
  return adopted;
}

void MemberProgram::GiveRoom(bool offer) {
  if (offer && ring_.OfferRoom()) CheckedParkOps().wake(&ring_.seat().room_epoch->epoch);
}

// runtime/api/consumer_cold.cc, ReadGroup.
Read MemberProgram::ReadGroup(Handed* handed) {
  auto* const copy = reinterpret_cast<std::byte*>(buffer_);
  const auto copy_buffer = [&](uint64_t bytes) {
    machine->Expect(bytes <= world->shape().max_message, "asks for more room than any message needs");
    return copy;
  };
  const auto next = [&] {
    const Read read = ring_.Next(handed, copy_buffer);
    if (read == Read::kMessage) world->groups.HandedOut(handed->lent.sequence, handed->deliveries);
    return read;
  };
  if (!ring_.Ack()) return Read::kEvicted;
  if (!ring_.holds_lease() && ring_.DueToLook()) Adopt();
  Read read = next();
  if (read == Read::kEmpty && Adopt()) read = next();
  GiveRoom(read == Read::kMessage ? ring_.OwesRoom() : true);
  return read;
}

void MemberProgram::Check(const Handed& handed) {
  if (machine->tracing()) {
    machine->Note("received message " + std::to_string(handed.lent.sequence) + ", delivery " +
                  std::to_string(handed.deliveries));
  }
  machine->Expect(handed.lent.lost == 0, "a group lost messages");
  last_ = handed.lent;
  lent_ = true;
  if (handed.lent.data == reinterpret_cast<const std::byte*>(buffer_)) {
    world->Judge(last_.sequence, buffer_, last_.bytes);
    lent_ = false;
  } else if (reading_ == Reading::kInPlace) {
    machine->ReadPlain(buffer_, last_.data, (last_.bytes + 7) / 8);
    world->Judge(last_.sequence, buffer_, last_.bytes);
  }
}

void MemberProgram::LookAgain() {
  std::memset(buffer_, 0, sizeof buffer_);
  if (!lent_) return;
  lent_ = false;
  const size_t n = (last_.bytes + 7) / 8;
  if (reading_ == Reading::kInPlace) {
    machine->ReadPlain(buffer_, last_.data, n);
    world->Judge(last_.sequence, buffer_, last_.bytes);
  } else if (reading_ == Reading::kInPlaceAsked) {
    machine->LoadPayload(buffer_, last_.data, n);
    if (ring_.StillIntact()) world->Judge(last_.sequence, buffer_, last_.bytes);
  }
}

Ended MemberProgram::TryNext() {
  machine->BeginOperation(kOperationSteps);
  LookAgain();
  const uint64_t state = W::LoadState(ring_.control().room);
  Handed handed{};
  switch (ReadGroup(&handed)) {
    case Read::kMessage:
      Check(handed);
      return Ended::kNot;
    case Read::kEvicted: {
      const bool evicted = PhaseOf(W::LoadStateForReason(ring_.seat().seat->identity)) == SeatPhase::kEvicted;
      machine->Expect(evicted || !ring_.Exists(), "evicted, but its seat does not say so");
      return Ended::kEvicted;
    }
    case Read::kDamaged:
      machine->Violate("an honest ring is called damaged");
    case Read::kNoMemory:
      machine->Violate("a copy into the buffer of this program needs no memory");
    case Read::kOvertaken:
      return Ended::kOvertaken;
    case Read::kEmpty:
      break;
  }
  if (!ClosedNow(state) || (ring_.OthersHold() && !Slipped(Slip::kClosedWithLeases))) return Ended::kEmpty;
  world->groups.SaysClosed();
  CheckedParkOps().wake(&ring_.control().wake.epoch);  // the others wait for the same
  return Ended::kClosed;
}

bool MemberProgram::Sleep(uint64_t state) {
  const RingControl& control = ring_.control();
  const auto pending = [&] {
    return ring_.SomethingThere() || W::LoadState(control.room) != state || !ring_.Live();
  };
  machine->Polls(true);  // for abandoned leases
  waited_.control = &control;
  waited_.sleepers = &world->bytes().seats_control.sleeper;
  const Parked parked = ParkConsumer<A>(waited_, nullptr, 0, CheckedParkOps(), INT64_MAX, pending,
                                        [&] { return ring_.MissedWake(); });
  machine->Polls(false);
  machine->Expect(parked != Parked::kMissed, "counts a late wake-up");
  return parked == Parked::kTimedOut;
}

Ended MemberProgram::Receive(bool wait) {
  for (;;) {
    const uint64_t state = wait ? W::LoadState(ring_.control().room) : 0;
    Ended ended = TryNext();
    if (ended == Ended::kOvertaken && wait) continue;
    if (ended != Ended::kEmpty || !wait) return ended;
    if (!Sleep(state) || machine->Held(&world->producer_lock)) continue;
    // No producer is left: polls once more. In a closed ring others may hold messages.
    ended = TryNext();
    if (ended == Ended::kEmpty && !gives_up_ && ClosedNow(W::LoadState(ring_.control().room))) continue;
    if (ended == Ended::kEmpty) return Ended::kNobody;
    if (ended != Ended::kOvertaken) return ended;
  }
}

Ended MemberProgram::ReceiveAll() {
  for (;;) {
    const Ended ended = Receive();
    if (ended != Ended::kNot) return ended;
  }
}

bool MemberProgram::Ack() {
  machine->BeginOperation(kOperationSteps);
  LookAgain();
  if (!ring_.Ack()) return false;
  GiveRoom(ring_.OwesRoom());
  return true;
}

}  // namespace millrace::checker
