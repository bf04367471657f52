// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "tests/checker/scenarios/programs.h"

namespace millrace::checker {

using namespace internal;  // NOLINT: the checker is about nothing else

namespace {
constexpr uint32_t kOperationSteps = 12000;  // joining may scan all marks several times
bool ClosedNow(uint64_t state) { return EpochOf(state) != 0 && !IsOpen(state); }
}  // namespace

bool ConsumerProgram::Open(StartAt start, uint64_t value) {
  machine->BeginOperation(kOperationSteps);
  World::Bytes& bytes = world->bytes();
  RingMemory memory = world->Ring();
  if (Slipped(Slip::kLimitBeyondReserved)) memory.max_message = memory.capacity;
  const RingView<A> view(memory);
  JoinFailure failure = JoinFailure::kNone;
  std::optional<Beginning> begin;
  ConsumerSeat seat;
  if (reading_ == Reading::kObserver) {
    const ChosenStart chosen = ChooseStart(view, start, value, 0);
    failure = chosen.failure;
    if (chosen) begin = chosen.begin;
    seat = {&bytes.scratch[machine->self()], &bytes.scratch_waiting, &bytes.scratch_epoch, 0, false};
  } else {
    const SeatTable table = world->Seats();
    KernelLock* adopter_lock = nullptr;
    seat_ = LockSeat(std::nullopt, &adopter_lock);
    if (seat_ == kSeats) machine->Violate("no free seat");
    uint32_t generation = GenerationOf(W::LoadSeatState(table.seats[seat_].identity));
    if (world->shape().grouped()) {
      W::StoreLease(table.seats[seat_].words, kNoLease);
      W::Note(table.seats[seat_].identity.group, uint32_t{0});
    }
    constexpr int kTries = 16;
    bool wake_producer = false;
    for (int i = 0; i < kTries && !begin; ++i) {
      generation += Slipped(Slip::kRetakeSameGeneration) ? 0 : 1;
      const JoinResult joined = Join<A>(view, table, seat_, generation,
                                        lossless() ? kDeliveryLossless : kDeliveryLossy, start, value);
      live_state_ = joined.live;
      wake_producer |= joined.wake_producer;
      failure = joined.failure;
      if (joined) begin = joined.begin;
      if (failure != JoinFailure::kEvicted) break;
    }
    if (!begin) {
      W::StoreFree(table.seats[seat_].identity, MakeSeatState(generation, SeatPhase::kFree, 0));
      wake_producer |= OfferRoom<A>(table.control->room_waiting, table.control->room_epoch);
    }
    if (wake_producer) CheckedParkOps().wake(&table.control->room_epoch.epoch);
    if (adopter_lock != nullptr) machine->Unlock(adopter_lock);
    if (!begin) machine->Unlock(&world->seat_locks[seat_]);
    seat = {&table.seats[seat_], &table.control->room_waiting, &table.control->room_epoch, live_state_,
            lossless()};
  }
  machine->Expect(failure != JoinFailure::kDamaged || world->shape().hostile, "joining finds a damaged ring");
  if (!begin) return false;
  world->JudgeBoundary(begin->at, "the beginning of a consumer");
  if (machine->tracing()) machine->Note("joined at sequence " + std::to_string(begin->at.sequence));
  expected_ = begin->wanted;
  machine->Reached(1 + begin->at.sequence - world->shape().start.sequence);
  ring_.Attach(memory, seat, begin->at, begin->wanted, /*resume_newest=*/false);
  return true;
}

void ConsumerProgram::StorePosition() {
  if (ring_.StorePosition()) CheckedParkOps().wake(&ring_.seat().room_epoch->epoch);
}

// Takes a last look at the lent message, as late as possible, and then finishes with it.
void ConsumerProgram::FinishWithLent() {
  std::memset(buffer_, 0, sizeof buffer_);  // of the message before: nothing to remember
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

void ConsumerProgram::Check(const Lent& lent) {
  if (lent.sequence != expected_ + lent.lost) {
    machine->Violate("message " + std::to_string(lent.sequence) + " with " + std::to_string(lent.lost) +
                     " lost, where " + std::to_string(expected_) + " was next");
  }
  if (lossless() && ring_.counts().received > 1)
    machine->Expect(lent.lost == 0, "a lossless consumer lost messages");
  expected_ = lent.sequence + 1;
  if (machine->tracing()) {
    machine->Note("received message " + std::to_string(lent.sequence) + ", " + std::to_string(lent.lost) +
                  " lost");
  }
  machine->Reached(1 + expected_ - world->shape().start.sequence);
  last_ = lent;
  lent_ = true;
  if (Slipped(Slip::kPositionBeforeRead)) StorePosition();
  const size_t n = (lent.bytes + 7) / 8;
  switch (reading_) {
    case Reading::kInPlace:
      machine->ReadPlain(buffer_, lent.data, n);
      world->Judge(lent.sequence, buffer_, lent.bytes);
      break;
    case Reading::kInPlaceAsked:
      break;
    case Reading::kLosslessCopy:
    case Reading::kLossy:
    case Reading::kObserver:
      world->Judge(lent.sequence, reinterpret_cast<const uint64_t*>(lent.data), lent.bytes);
  }
}

Read ConsumerProgram::ReadOne(Lent* lent) {
  if (reading_ == Reading::kInPlace || reading_ == Reading::kInPlaceAsked) return ring_.NextSlow(lent);
  if (ring_.OwesPosition()) StorePosition();
  auto* const copy = reinterpret_cast<std::byte*>(buffer_);
  const auto room = [&](uint64_t bytes) {
    machine->Expect(bytes <= world->shape().max_message, "asks for more room than any message needs");
    return copy;
  };
  if (!lossless()) return ring_.NextCopy(lent, room);
  if (!ring_.Next(lent)) {
    const Read read = ring_.NextSlow(lent);
    if (read != Read::kMessage) return read;
  }
  const Read copied = ring_.CopyChecked(*lent, room(lent->bytes));
  if (copied != Read::kMessage && !Slipped(Slip::kEvictedReadsOn)) {
    ring_.Undeliver(*lent);
    return copied;
  }
  lent->data = copy;
  return Read::kMessage;
}

Read ConsumerProgram::TryNext(Ended* ended) {
  machine->BeginOperation(kOperationSteps);
  FinishWithLent();
  const bool late_state = Slipped(Slip::kStateAfterHeader);
  Lent lent;
  if (reading_ == Reading::kInPlace || reading_ == Reading::kInPlaceAsked) {
    if (ring_.OwesPosition()) StorePosition();
    if (ring_.Next(&lent)) {
      Check(lent);
      return Read::kMessage;
    }
  }
  const RoomWords& room = ring_.control().room;
  uint64_t state = late_state ? 0 : W::LoadState(room);
  const Read read = ReadOne(&lent);
  if (late_state) state = W::LoadState(room);
  switch (read) {
    case Read::kMessage:
      Check(lent);
      break;
    case Read::kEvicted:
      *ended = Ended::kEvicted;
      break;
    case Read::kDamaged:
      *ended = Ended::kDamaged;
      break;
    case Read::kOvertaken:
      *ended = Ended::kOvertaken;
      break;
    case Read::kNoMemory:
      machine->Violate("a copy into the buffer of this program needs no memory");
    case Read::kEmpty:
      world->JudgeEmpty(ring_.at().sequence);
      if (!ring_.PositionStored()) StorePosition();
      *ended = ClosedNow(state) ? Ended::kClosed : OtherEnd(state);
  }
  return read;
}

// Looks for the ends that no wake-up announces, as ConsumerCold::WhyEmpty does. `state` was loaded before the header
// that was 0.
Ended ConsumerProgram::OtherEnd(uint64_t state) {
  const RoomWords& room = ring_.control().room;
  if (watches_name_ && W::LoadRemoved(room)) {
    const bool looks = !looked_at_name_ || !Slipped(Slip::kLooksOnce);
    removed_ |= looks && !machine->Held(&world->gates[kName]);
    looked_at_name_ = true;
  }
  const bool gone = watches_producer_ && IsOpen(state) && !machine->Held(&world->producer_lock) &&
                    W::LoadState(room) == state;
  if (!removed_ && !gone) return Ended::kEmpty;
  if (!Slipped(Slip::kGoneAtOnce) && ring_.HeaderThere()) return Ended::kEmpty;
  if (removed_) return Ended::kRemoved;
  const Published* const next = world->Find(ring_.at().sequence);
  machine->Expect(next == nullptr || next->producer != EpochOf(state),
                  "reports the end of a producer before its last message");
  return Ended::kGone;
}

bool ConsumerProgram::Sleep(uint64_t state) {
  const RingControl& control = ring_.control();
  const auto pending = [&] {
    return ring_.SomethingThere() || W::LoadState(control.room) != state || !ring_.Live();
  };
  waited_.control = &control;
  waited_.sleepers = &world->bytes().seats_control.sleeper;
  // The mutant loads only the word `sleepers`.
  if (Slipped(Slip::kStandsWithoutEpoch) && waited_.certain) waited_.epoch = W::LoadWakeEpoch(control.wake);
  const Parked parked = ParkConsumer<A>(waited_, nullptr, 0, CheckedParkOps(), INT64_MAX, pending,
                                        [&] { return ring_.MissedWake(); });
  machine->Expect(parked != Parked::kMissed, "counts a late wake-up");
  return parked == Parked::kTimedOut;
}

Ended ConsumerProgram::Receive(bool wait) {
  for (;;) {
    const uint64_t state = wait ? W::LoadState(ring_.control().room) : 0;
    Ended ended = Ended::kNot;
    const Read read = TryNext(&ended);
    if (read == Read::kEvicted) {
      const uint64_t why = W::LoadStateForReason(ring_.seat().seat->identity);
      machine->Expect(PhaseOf(why) == SeatPhase::kEvicted, "evicted, but its seat does not say so");
      const uint64_t at = machine->Load(&ring_.seat().seat->identity.evicted_sequence, 8,
                                        std::memory_order_relaxed, Site::E2);
      machine->Expect(at != 0 || world->shape().meddled, "evicted without the reason being there");
    }
    machine->Expect(ended != Ended::kDamaged || world->shape().hostile || world->shape().meddled,
                    "an honest ring is called damaged");
    if (ended == Ended::kClosed && !world->shape().hostile) {
      machine->Expect(ring_.at().sequence == world->published(), "the end of the ring hides messages");
    }
    if (ended == Ended::kOvertaken && wait) continue;
    if (ended != Ended::kEmpty || !wait) return ended;
    if (Sleep(state) && !machine->Held(&world->producer_lock)) {
      // No producer is left. Polls once more, because the last poll may have been before a producer's last
      // step.
      if (TryNext(&ended) == Read::kEmpty) return ended == Ended::kClosed ? ended : Ended::kNobody;
      if (ended == Ended::kEmpty) continue;
      return Ended::kNot;
    }
  }
}

Ended ConsumerProgram::ReceiveAll() {
  for (;;) {
    const Ended ended = Receive();
    if (ended != Ended::kNot) return ended;
  }
}

void ConsumerProgram::Settle() {
  FinishWithLent();
  StorePosition();
}

void ConsumerProgram::Leave() {
  machine->BeginOperation(kOperationSteps);
  const bool too_early = Slipped(Slip::kLeaveBeforeStore);
  if (!too_early) FinishWithLent();
  if (reading_ == Reading::kObserver) return;
  bool wake = !too_early && ring_.StorePosition();
  SeatIdentity& identity = ring_.seat().seat->identity;
  W::StoreFree(identity, MakeSeatState(GenerationOf(live_state_), SeatPhase::kFree, 0));
  wake |= !Slipped(Slip::kLeaveNoWake) && ring_.OfferRoom();
  if (wake) CheckedParkOps().wake(&ring_.seat().room_epoch->epoch);
  if (too_early) FinishWithLent();
  machine->Reached(Conflicts::kStages);
  machine->Unlock(&world->seat_locks[seat_]);
}

void ConsumerProgram::CheckCounts() const {
  const ConsumerCounts& c = ring_.counts();
  machine->Expect(ring_.start() + c.received + c.lost + c.skipped == ring_.at().sequence,
                  "messages are unaccounted for");
  for (const uint64_t part : {ring_.start(), c.received, c.lost, c.skipped, c.overruns})
    world->Concludes(part);
}

}  // namespace millrace::checker
