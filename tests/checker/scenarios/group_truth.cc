// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/scenarios/group_truth.h"

#include <string>

#include "tests/checker/scenarios/world.h"

namespace millrace::checker {

using namespace internal;  // NOLINT: the checker is about nothing else

void GroupTruth::Reset() {
  for (SeatTruth& seat : seats_) seat = {};
  for (Mine& thread : threads_) thread = {};
  for (Group& group : groups_) group = {};
}

uint64_t GroupTruth::Hash() const {
  uint64_t h = 5;
  const auto mix = [&h](uint64_t part) { h = MixBits(h ^ part); };
  for (const SeatTruth& s : seats_) {
    mix(s.holder | uint64_t{s.group} << 8 | static_cast<uint64_t>(s.phase) << 16 | uint64_t{s.handed} << 24 |
        uint64_t{s.slack} << 32);
    mix(s.lease);
    mix(s.end);
  }
  for (const Mine& m : threads_) {
    mix(m.seat | uint64_t{m.generation} << 8 | uint64_t{m.gone} << 16 | uint64_t{m.retires} << 17);
    mix(m.handed);
  }
  for (const Group& g : groups_) {
    mix(g.exists | uint64_t{g.creating} << 1 | uint64_t{g.generation} << 8);
    mix(g.first);
    mix(g.cursor);
    for (const Message& m : g.messages) mix(m.handed | uint64_t{m.leased} << 8 | uint64_t{m.done} << 16);
  }
  return h;
}

void GroupTruth::BeginsWith(uint32_t group, uint64_t first, uint64_t cursor) {
  groups_[group].exists = true;
  groups_[group].first = first;
  groups_[group].cursor = cursor;
}

void GroupTruth::BeginsHeld(uint32_t seat, uint64_t lease, SeatPhase phase) {
  SeatTruth& s = seats_[seat];
  s.holder = kOrphan;
  s.group = 0;
  s.phase = phase;
  s.lease = lease;
  Message& first = groups_[0].messages[0];
  first.leased = 1u << kOrphan;
  first.done = lease == kNoLease || IsTentative(lease);
  first.handed = 1;
  s.handed = first.done ? 0 : 1;
}

bool GroupTruth::Gone(uint32_t thread) const {
  return thread >= kThreads || machine->Dead(thread) || threads_[thread].gone;
}
bool GroupTruth::Living(const SeatTruth& seat) const {
  return (seat.phase == SeatPhase::kJoining || seat.phase == SeatPhase::kLive) && !Gone(seat.holder);
}

bool GroupTruth::SomethingAbandoned() const {
  for (const SeatTruth& seat : seats_) {
    if (seat.lease != kNoLease && !Living(seat)) return true;
  }
  return false;
}

GroupTruth::Message* GroupTruth::At(Group& group, uint64_t position) {
  const uint64_t i = world->IndexAt(position);
  machine->Expect(i < kMostTaken || i == World::kNoIndex, "more messages than a scenario may have");
  return i == World::kNoIndex ? nullptr : &group.messages[i];
}

// Calls f(position, message) for each message that the group has taken.
template <class F>
void GroupTruth::ForEachTaken(const Group& group, F f) const {
  for (uint64_t i = 0; i < kMostTaken; ++i) {
    const uint64_t position = world->PositionOf(i);
    if (position == kNoLease) break;
    if (Ahead(position, group.first) >= 0 && Ahead(position, group.cursor) < 0)
      f(position, group.messages[i]);
  }
}

bool GroupTruth::Covers(const SeatTruth& seat, uint64_t position) const {
  if (seat.lease == kNoLease || seat.phase == SeatPhase::kFree) return false;
  const uint64_t at = LeasePosition(seat.lease);
  return position == at || (Ahead(position, at) > 0 && Ahead(position, seat.end) < 0);
}

// Checks T1.
void GroupTruth::JudgeHeld(uint32_t g) const {
  const Group& group = groups_[g];
  if (!group.exists || group.creating) return;
  ForEachTaken(group, [&](uint64_t position, const Message& m) {
    if (m.done) return;
    for (const SeatTruth& seat : seats_) {
      if (seat.group == g && Covers(seat, position)) return;
    }
    machine->Violate("LOST: nobody holds the message at " + std::to_string(position) +
                     ", which the group has taken and nobody is done with");
  });
}

// Records a new lease of the seat's holder, wherever the lease is.
void GroupTruth::NoteLease(uint32_t seat) {
  SeatTruth& s = seats_[seat];
  if (s.lease == kNoLease || s.group >= kGroupsUsed) return;
  if (s.holder >= kThreads) return;
  for (uint64_t i = 0; i < kMostTaken && world->PositionOf(i) != kNoLease; ++i) {
    if (Covers(s, world->PositionOf(i))) groups_[s.group].messages[i].leased |= 1u << s.holder;
  }
}

void GroupTruth::EndStored(uint32_t seat, uint64_t end) {
  seats_[seat].end = end;
  NoteLease(seat);
}

void GroupTruth::LeaseStored(uint32_t seat, uint64_t lease) {
  SeatTruth& s = seats_[seat];
  machine->Expect(s.lease == kNoLease || lease == kNoLease, "a lease is stored over another");
  s.lease = lease;
  s.handed = s.slack = 0;
  NoteLease(seat);
  if (s.group < kGroupsUsed) JudgeHeld(s.group);
}

void GroupTruth::LeaseChanged(uint32_t seat, uint64_t from, uint64_t to) {
  SeatTruth& s = seats_[seat];
  Mine& me = threads_[machine->self()];
  const bool moves_on = to == kNoLease || LeasePosition(to) != LeasePosition(from);
  if (me.seat == seat && moves_on) {
    if (me.handed == LeasePosition(from)) {
      if (Message* const m = At(groups_[s.group], me.handed); m != nullptr) m->done = true;
    }
    me.handed = kNoLease;
  }
  if (me.seat != seat) {
    machine->Expect(!Living(s), "takes the lease of a living member");  // T3
    machine->Expect(to == kNoLease, "changes the lease of another seat");
    if (me.seat < kSeats && LeasePosition(seats_[me.seat].lease) == LeasePosition(from)) {
      SeatTruth& mine = seats_[me.seat];
      mine.handed = s.handed;
      mine.slack = static_cast<uint8_t>(s.slack + (s.holder < kThreads && !machine->Dead(s.holder)));
    }
  }
  s.lease = to;
  if (moves_on) s.handed = s.slack = 0;
  NoteLease(seat);
  if (s.group < kGroupsUsed) JudgeHeld(s.group);
}

void GroupTruth::CursorStored(uint32_t g, uint64_t to) {
  Group& group = groups_[g];
  machine->Expect(!group.exists || group.creating, "the cursor of a group is stored, not moved");
  group.cursor = to;
}

// Checks T4. A retired group's cursor is unprotected: an evicted member that does not know yet may move it.
void GroupTruth::CursorMoved(uint32_t g, uint64_t from, uint64_t to) {
  Group& group = groups_[g];
  const Mine& me = threads_[machine->self()];
  if (!group.exists && !group.creating) return;
  machine->Expect(me.seat < kSeats && seats_[me.seat].group == g && me.generation == group.generation,
                  "moves the cursor of another group");
  machine->Expect(!group.creating, "moves the cursor of a group that is not there yet");
  machine->Expect(from == group.cursor && Ahead(to, from) > 0, "the cursor goes back");
  machine->Expect(world->IsBoundary(to), "the cursor moves to where no frame ends");
  group.cursor = to;
  JudgeHeld(g);
}

void GroupTruth::FlagsStored(uint32_t g, uint32_t flags) {
  Group& group = groups_[g];
  const bool used = (flags & kGroupUsed) != 0, creating = (flags & kGroupCreating) != 0;
  if (used && !group.exists) {
    const uint64_t cursor = group.cursor;
    const auto generation = static_cast<uint8_t>(group.generation + 1);
    group = {};
    group.cursor = cursor;
    group.generation = generation;
  }
  group.exists = used;
  group.creating = creating;
  if (used) group.first = group.cursor;
}

// Checks T6.
void GroupTruth::Retired(uint32_t g) {
  Group& group = groups_[g];
  const uint32_t self = machine->self();
  machine->Expect(threads_[self].retires != 0, "an honest group is judged to be nonsense");
  for (const SeatTruth& seat : seats_) {
    if (seat.group != g) continue;
    machine->Expect(!Living(seat), "retires a group that has a living member");
    if (threads_[self].retires == 2 || (seat.holder < kThreads && !machine->Dead(seat.holder))) continue;
    ForEachTaken(group, [&](uint64_t position, const Message& m) {
      machine->Expect(m.done || !Covers(seat, position), "retires a group whose dead hold a message");
    });
  }
  group.exists = group.creating = false;
  threads_[self].retires = 0;
}

void GroupTruth::StateChanged(uint32_t seat, uint64_t state) {
  SeatTruth& s = seats_[seat];
  s.phase = PhaseOf(state);
  const uint32_t self = machine->self();
  if (s.phase == SeatPhase::kJoining) {
    s.holder = static_cast<uint8_t>(self);
    if (threads_[self].seat != seat) s.group = kGroupsUsed;  // no member
    NoteLease(seat);
  }
  if (s.phase == SeatPhase::kEvicted) {
    if (s.holder < kThreads) threads_[s.holder].gone = true;
    machine->Expect(s.group >= kGroupsUsed || WhyOf(state) != EvictedWhy::kNonsense,
                    "an honest member is judged to be nonsense");
  }
  if (s.group < kGroupsUsed) JudgeHeld(s.group);
}

void GroupTruth::Reserved(uint64_t r) const {
  const uint64_t capacity = world->shape().capacity;
  for (const Group& group : groups_) {
    if (!group.exists || group.creating) continue;
    machine->Expect(Ahead(r, group.cursor + capacity) <= 0,
                    "R passes a message that the group has not taken");
    ForEachTaken(group, [&](uint64_t position, const Message& m) {
      machine->Expect(m.done || Ahead(r, position + capacity) <= 0,
                      "R passes a message that a member has in hand");
    });
  }
}

void GroupTruth::SitsDown(uint32_t seat, uint32_t group) {
  Mine& me = threads_[machine->self()];
  me.seat = static_cast<uint8_t>(seat);
  me.generation = groups_[group].generation;
  me.handed = kNoLease;
  me.gone = false;
  SeatTruth& s = seats_[seat];
  machine->Expect(s.lease == kNoLease || s.group == group || !groups_[s.group].exists,
                  "sits down on a message of another group");
  s.group = static_cast<uint8_t>(group);
}

void GroupTruth::BornIn(uint32_t seat) {
  Mine& me = threads_[machine->self()];
  SeatTruth& s = seats_[seat];
  me.seat = static_cast<uint8_t>(seat);
  me.gone = true;
  if (s.lease != kNoLease && !IsTentative(s.lease)) me.handed = s.lease;
  s.holder = static_cast<uint8_t>(machine->self());
  NoteLease(seat);
}

void GroupTruth::GetsUp() {
  Mine& me = threads_[machine->self()];
  if (me.seat >= kSeats) return;
  if (seats_[me.seat].lease != kNoLease) me.gone = true;
  if (seats_[me.seat].lease == kNoLease) seats_[me.seat].holder = kNobody;
  me.seat = kSeats;
}

// Checks T2.
void GroupTruth::HandedOut(uint64_t sequence, uint64_t times) {
  const uint32_t self = machine->self();
  Mine& me = threads_[self];
  SeatTruth& s = seats_[me.seat];
  const Published* const published = world->Find(sequence);
  machine->Expect(published != nullptr, "is given a message that was never published");
  machine->Expect(me.gone || (s.lease != kNoLease && LeasePosition(s.lease) == published->position),
                  "is given a message that it does not hold");
  Message& m = *At(groups_[s.group], published->position);
  machine->Expect((m.leased >> self & 1) != 0, "is given a message that it never leased");
  if (m.handed != 0) {
    bool somebody_gone = false;
    for (uint32_t t = 0; t <= kOrphan; ++t) {
      somebody_gone |= (m.leased >> t & 1) != 0 && Gone(t);
    }
    machine->Expect(somebody_gone, "is given a message again, although nobody who had it is dead or evicted");
  }
  if (!me.gone && s.handed != 0) {
    const uint64_t least = s.handed + 1u - s.slack;
    machine->Expect(times >= (least < 2 ? 2 : least), "the count of deliveries is too low");
  }
  if (!IsTentative(s.lease) && !me.gone && m.leased == 1u << self)
    machine->Expect(times == 1, "is told of deliveries that never were");
  if (m.handed < 255) ++m.handed;
  ++s.handed;
  me.handed = published->position;
}

// Checks T5.
void GroupTruth::SaysClosed() const {
  const Mine& me = threads_[machine->self()];
  if (me.gone) return;
  const Group& group = groups_[seats_[me.seat].group];
  machine->Expect(world->IsEnd(group.cursor), "the end of the ring hides messages");
  ForEachTaken(group, [&](uint64_t, const Message& m) {
    machine->Expect(m.done, "says closed while a message has not been dealt with");
  });
}

}  // namespace millrace::checker
