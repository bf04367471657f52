// SPDX-License-Identifier: Apache-2.0
// The programs of the threads in scenarios with groups, from their first step to their last.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_GROUP_PLAYS_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_GROUP_PLAYS_H_

#include "tests/checker/scenarios/plays.h"

namespace millrace::checker {

// Joins and reads to the end.
template <Reading kReading, uint64_t kAtMost = 1, uint32_t kGroup = 0>
void Member() {
  MemberProgram m(kReading, kGroup, kAtMost);
  const bool joined = m.Open();
  OpenGate();
  if (!joined) return;
  const Ended ended = m.ReceiveAll();
  machine->Expect(ended != Ended::kEvicted || kReading != Reading::kInPlace,
                  "evicted, although nobody may evict it");
  m.Leave();
}

// Does not wait for messages that others hold when the ring is closed.
inline void Survivor() {
  MemberProgram m(Reading::kInPlaceAsked);
  m.GivesUp();
  if (!m.Open()) return;
  m.ReceiveAll();
  m.Leave();
}
template <Reading kReading, int kGate>
void MemberAfter() {
  machine->AwaitFree(&world->gates[kGate]);
  Member<kReading>();
}

// Joins after gate `kGate` - 1, if there is one. Begins to read only when the last of several members has
// joined, which opens gate `kLast`.
template <Reading kReading, int kGate, int kLast, uint64_t kAtMost = 1>
void SeatedMember() {
  MemberProgram m(kReading, 0, kAtMost);
  if (kGate > 0) machine->AwaitFree(&world->gates[kGate - 1]);
  if (!m.Open()) return;
  OpenGate();
  machine->AwaitFree(&world->gates[kLast]);
  const Ended ended = m.ReceiveAll();
  machine->Expect(ended != Ended::kEvicted || kReading != Reading::kInPlace,
                  "evicted, although nobody may evict it");
  m.Leave();
}

// Polls for a message `kLooks` times and never waits. Acknowledges the message in hand if `kAcks`; otherwise
// leaves with it.
template <uint32_t kLooks, bool kAcks = true, Reading kReading = Reading::kInPlaceAsked, uint64_t kAtMost = 1>
void Glancer() {
  MemberProgram m(kReading, 0, kAtMost);
  const bool joined = m.Open();
  OpenGate();
  if (!joined) return;
  for (uint32_t i = 0; i < kLooks; ++i) {
    const Ended ended = m.Receive(/*wait=*/false);
    if (ended == Ended::kClosed || ended == Ended::kEvicted) break;
  }
  if (kAcks) m.Ack();
  m.Leave();
}

// A person at the keyboard: evicts the holder of seat `kSeat`, if it has one.
template <uint32_t kSeat>
void Operator() {
  internal::SeatIdentity& seat = world->bytes().seats[kSeat].identity;
  machine->BeginOperation(400);
  world->OnRequest(true);
  constexpr int kTries = 4;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t state = W::LoadSeatState(seat);
    const internal::SeatPhase phase = internal::PhaseOf(state);
    if (phase != internal::SeatPhase::kJoining && phase != internal::SeatPhase::kLive) return;
    W::Note(seat.evicted_sequence, uint64_t{1});
    const uint64_t evicted = internal::MakeSeatState(
        internal::GenerationOf(state), internal::SeatPhase::kEvicted, internal::DeliveryOf(state),
        internal::EvictedBy::kTool, internal::EvictedWhy::kRequest);
    if (!W::Evict(seat, state, evicted)) continue;
    W::BumpRoomEpoch(world->bytes().seats_control.room_epoch);
    CheckedParkOps().wake(&world->bytes().seats_control.room_epoch.epoch);
    WakeEverybody(world->bytes().control);
    return;
  }
}
template <uint32_t kSeat>
void CueingOperator() {
  Operator<kSeat>();
  machine->Unlock(&world->gates[2]);
}

template <uint32_t kSeat>
void OperatorFirst() {
  machine->AwaitFree(&world->gates[0]);
  Operator<kSeat>();
  OpenGate();
}

// Creates the group if it does not exist.
template <Reading kReading, internal::StartAt kStart>
void Creator() {
  MemberProgram m(kReading);
  if (!m.Open(kStart)) return;
  m.ReceiveAll();
  m.Leave();
}
// Needs a slot for a group of another name.
template <Reading kReading, internal::StartAt kStart>
void NewcomerAfter() {
  machine->AwaitFree(&world->gates[1]);
  MemberProgram m(kReading);
  m.BelongsToAnother();
  if (!m.Open(kStart)) return;
  m.ReceiveAll();
  m.Leave();
}

// Polls for a message, and acknowledges it when the cue (gate 2) is given.
template <Reading kReading, uint64_t kAtMost = 1>
void Holder() {
  MemberProgram m(kReading, 0, kAtMost);
  if (!m.Open()) return;
  m.Receive(/*wait=*/false);
  machine->AwaitFree(&world->gates[2]);
  m.Ack();
  m.Leave();
}

// An evicted member that is alive in the seat it was born in. It stores its lease late: another member has
// already won the message.
inline void LateLease() {
  machine->BeginOperation(100);
  world->groups.BornIn(world->shape().orphan_seat);
  W::StoreLease(world->bytes().seats[world->shape().orphan_seat].words,
                world->shape().start.position | internal::kLeaseTentative);
}
// An evicted member that is alive in the seat it was born in. It finds out that it has lost (`kLost`), or has
// finished its message, and leaves.
template <bool kLost>
void Quitter() {
  machine->BeginOperation(100);
  const uint32_t seat = world->shape().orphan_seat;
  internal::Seat& words = world->bytes().seats[seat];
  world->groups.BornIn(seat);
  W::ChangeLease(words.words, world->shape().start.position | (kLost ? internal::kLeaseTentative : 0),
                 internal::kNoLease);
  W::StoreFree(words.identity, internal::MakeSeatState(1, internal::SeatPhase::kFree, 0));
  world->groups.GetsUp();
  machine->Unlock(&world->seat_locks[seat]);
}
// Publishes `kFirst` messages, gives the cue (gate 2), and then publishes up to `kMore` if there is room.
template <uint32_t kFirst, uint32_t kMore>
void Looker() {
  ProducerProgram p(1);
  p.Begin();
  p.Publish(kFirst, WhenFull::kBlock);
  machine->Unlock(&world->gates[2]);
  p.Publish(kMore, WhenFull::kGiveUp);
  p.Close();
  machine->Unlock(&world->producer_lock);
}
// A member with a message in hand, in the seat it was born in, until the cue (gate 2) is given.
inline void HoldsOn() {
  machine->BeginOperation(100);
  world->groups.BornIn(world->shape().orphan_seat);
  machine->AwaitFree(&world->gates[2]);
}
// Holds the seat it was born in until the producer is gone. If it is evicted before, it never notices.
inline void Standstill() { machine->AwaitFree(&world->producer_lock); }

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_GROUP_PLAYS_H_
