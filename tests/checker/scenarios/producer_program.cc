// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/scenarios/programs.h"

namespace millrace::checker {

using namespace internal;  // NOLINT: the checker is about nothing else

namespace {

// Steps that one public operation may take. A scan of all marks takes about 200.
constexpr uint32_t kOperationSteps = 4000;

bool Wait(const uint32_t* word, uint32_t seen, int64_t) {
  if (Slipped(Slip::kEpochReadAfterLook)) {
    seen = static_cast<uint32_t>(machine->Load(word, 4, std::memory_order_acquire, Site::W1));
  }
  return machine->FutexWait(word, seen);
}
void WakeWaiters(const uint32_t* word) {
  machine->FutexWake(word, Slipped(Slip::kWakeOne), Slipped(Slip::kPrivateFutex));
  mutated::AfterWake();
}
int64_t Now() { return 0; }
uint64_t WallNow() { return 0; }

}  // namespace

void WakeEverybody(RingControl& control) {
  W::BumpWakeEpoch(control.wake);
  WakeWaiters(&control.wake.epoch);
}

const ParkOps& CheckedParkOps() {
  static constexpr ParkOps kOps = {&Wait, &WakeWaiters, &mutated::Barrier, &Now};
  return kOps;
}

void ProducerProgram::Begin() {
  ring_.Attach(world->Ring(), world->Seats(), world->BeginsAt(), world->shape().asym, &WallNow);
}

void ProducerProgram::TakeOver(bool asym) {
  machine->AwaitLock(&world->producer_lock);
  machine->BeginOperation(kOperationSteps);
  const RingMemory memory = world->Ring();
  RingControl& control = *memory.control;
  std::optional<Point> at;
  if (Slipped(Slip::kTakeOverAtTail)) {
    at = Point{W::LoadTailPosition(control.tail), W::LoadTailSequence(control.tail)};
  } else {
    at = FindTakeOverPoint<A>(memory);
  }
  if (!at) machine->Violate("take-over finds a damaged ring");
  machine->Expect(at->position == world->end() && at->sequence == world->published(),
                  "take-over does not go on after the last published message");
  world->OwnedBy(number_);
  const uint32_t epoch = EpochOf(W::LoadState(control.room)) + (Slipped(Slip::kSameEpoch) ? 0 : 1);
  W::Note(control.room.epoch_first_sequence, at->sequence);
  W::StoreTailSequence(control.tail, at->sequence);
  W::StoreTailPosition(control.tail, at->position);
  W::StoreFlags(control.room, uint64_t{epoch} << 32 | (asym ? kFlagAsym : 0));
  W::FenceFlagsBeforePublish();
  W::StoreState(control.room, MakeState(epoch, /*open=*/true));
  if (!Slipped(Slip::kTakeOverNoWake)) WakeEverybody(control);
  if (Slipped(Slip::kTakeOverForgetsR)) W::StoreReserved(control.room, at->position);
  ring_.Attach(memory, world->Seats(), *at, asym, &WallNow);
}

bool ProducerProgram::Publish(WhenFull when) {
  machine->BeginOperation(kOperationSteps);
  const uint64_t sequence = ring_.sequence();
  machine->Reached(1 + sequence - world->shape().start.sequence);
  const uint32_t bytes = world->SizeOf(sequence, number_);
  std::byte* const to = ring_.Fits(bytes) ? ring_.Place() : WaitClaim(bytes, when);
  if (to == nullptr) return false;
  uint64_t words[kMostWords];
  for (size_t i = 0; i * 8 < bytes; ++i) words[i] = World::WordAt(sequence, number_, i);
  A::CopyIn(to, words, bytes);
  if (ring_.Commit(bytes)) Wake();
  return true;
}

void ProducerProgram::PublishBatch(uint32_t n, bool abort) {
  machine->BeginOperation(kOperationSteps);
  std::vector<uint64_t> headers;
  uint64_t sequence = ring_.sequence();
  machine->Reached(1 + sequence - world->shape().start.sequence);
  ring_.BeginBatch();
  for (uint32_t i = 0; i < n; ++i, ++sequence) {
    const uint32_t bytes = world->SizeOf(sequence, number_);
    const uint64_t before = ring_.position();
    std::byte* const to = ring_.BatchFits(bytes) ? ring_.Place() : WaitClaim(bytes, WhenFull::kBlock);
    if (const uint64_t pad = ring_.position() - before; pad != 0)
      headers.push_back(MakeFrameHeader(sequence, pad - kFrameHeader, /*padding=*/true));
    headers.push_back(MakeFrameHeader(sequence, bytes));
    uint64_t words[kMostWords];
    for (size_t w = 0; w * 8 < bytes; ++w) words[w] = World::WordAt(sequence, number_, w);
    A::CopyIn(to, words, bytes);
    ring_.AddToBatch(bytes);
  }
  if (abort) return ring_.AbortBatch();
  world->Batch({headers.begin() + 1, headers.end()});
  if (ring_.CommitBatch()) Wake();
}

void ProducerProgram::Wake() {
  if (ring_.AfterCommit()) WakeWaiters(&ring_.control().wake.epoch);
  ring_.PrepareNext();
}

std::byte* ProducerProgram::TryClaim(size_t n, bool patient) {
  for (;;) {
    bool wake = false;
    std::byte* const data = ring_.ClaimSlow(n, &wake);
    if (wake) Wake();
    if (data != nullptr) return data;
    if (!EmptyDeadSeats(patient)) return nullptr;
  }
}

std::byte* ProducerProgram::WaitClaim(size_t n, WhenFull when) {
  std::byte* data = TryClaim(n);
  if (when == WhenFull::kGiveUp) return data;
  // True until `evict_after` has passed. After that, groups without living members lose their messages.
  bool patient = true;
  for (; data == nullptr; patient = false) {
    machine->BeginOperation(kOperationSteps);
    if (when == WhenFull::kEvict && EvictAll()) data = TryClaim(n, patient);
    if (data != nullptr) break;
    machine->Polls(true);  // until `evict_after` has passed for a dead group's messages
    ParkProducer<A>(world->bytes().seats_control, CheckedParkOps(), 0, INT64_MAX, [&] {
      if (!Slipped(Slip::kNoLastScan)) data = TryClaim(n, patient);
      return data != nullptr;
    });
    machine->Polls(false);
    if (Slipped(Slip::kNoLastScan)) data = TryClaim(n, patient);
  }
  return data;
}

bool ProducerProgram::EvictAll() {
  bool evicted = false;
  ring_.HoldingBack([&](const Blocker& blocker) {
    std::optional<GroupPlace> group;
    if (blocker.kind == Blocker::Kind::kGroup) {
      group = GroupPlace{blocker.index, static_cast<uint32_t>(blocker.state)};
    } else if (PhaseOf(blocker.state) != SeatPhase::kEvicted) {
      evicted |= ring_.Evict(blocker.index, blocker.state, EvictedWhy::kHeldBack);
    } else if (!Slipped(Slip::kNobodyComes)) {  // a lease that its group could adopt
      group = GroupOfSeat<A>(world->bytes().seats[blocker.index].identity);
    }
    if (!group) return;
    world->OnRequest(true);
    ring_.ForEachMember(*group, [&](uint32_t seat, uint64_t state) {
      evicted |= ring_.Evict(seat, state, EvictedWhy::kHeldBack);
    });
    world->OnRequest(false);
  });
  if (evicted) WakeEverybody(ring_.control());
  return evicted;
}

bool ProducerProgram::EmptyDeadSeats(bool patient) {
  bool emptied = false;
  std::optional<GroupPlace> groups[kGroupsUsed];
  ring_.HoldingBack([&](const Blocker& blocker) {
    std::optional<GroupPlace> place;
    switch (blocker.kind) {
      case Blocker::Kind::kSeat:
        emptied |= EmptyDeadSeat(blocker.index);
        return;
      case Blocker::Kind::kGroup:
        place = GroupPlace{blocker.index, static_cast<uint32_t>(blocker.state)};
        break;
      case Blocker::Kind::kLease:
        // While the group lives, its members adopt the lease.
        place = GroupOfSeat<A>(world->bytes().seats[blocker.index].identity);
        if (Slipped(Slip::kEmptyLease)) emptied |= EmptyDeadSeat(blocker.index);
        break;
    }
    if (place) groups[place->index] = place;
  });
  for (const std::optional<GroupPlace>& place : groups) {
    if (place) emptied |= RetireDeadGroup(*place, /*abandon=*/!patient);
  }
  if (emptied && !Slipped(Slip::kForgetNothing)) ring_.ForgetScan();
  return emptied;
}

bool ProducerProgram::EmptyDeadSeat(uint32_t i) {
  KernelLock* const lock = &world->seat_locks[i];
  if (machine->Held(lock)) return false;
  const bool locked = !Slipped(Slip::kReclaimUnlocked);
  if (locked && !machine->TryLock(lock)) return false;
  SeatIdentity& seat = world->bytes().seats[i].identity;
  const bool empty =
      !world->shape().grouped() || Slipped(Slip::kEmptyLease) || !HoldsLease<A>(world->Seats(), i);
  if (empty) {
    const uint32_t generation = GenerationOf(W::LoadSeatState(seat)) + 1;
    W::StoreFree(seat, MakeSeatState(generation, SeatPhase::kFree, 0));
  }
  if (locked) machine->Unlock(lock);
  return empty;
}

void ProducerProgram::Close() {
  machine->BeginOperation(kOperationSteps);
  RingControl& control = ring_.control();
  W::StoreState(control.room, MakeState(EpochOf(W::LoadState(control.room)), /*open=*/false));
  if (Slipped(Slip::kCloseNoWake)) return;
  WakeEverybody(control);
}

}  // namespace millrace::checker
