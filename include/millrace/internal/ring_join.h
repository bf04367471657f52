// SPDX-License-Identifier: Apache-2.0
// Joining a running ring: choosing where to begin, without being overtaken in the meantime.
//
// Purpose: protocol/consume.md "Join". The caller holds the kernel lock of the seat. Nothing here waits.
//
// I1  When Join returns a point for a lossless seat, or CreateGroup returns one, R <= point + capacity held
//     after the seat or the cursor was visible. So every later scan of the producer counts that seat or
//     cursor: [J2..J5] against [R1..R5].
#ifndef MILLRACE_INTERNAL_RING_JOIN_H_
#define MILLRACE_INTERNAL_RING_JOIN_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// Where a consumer begins. Three of these take a value: kLast a number of messages, kSequence a sequence,
// kTime nanoseconds of CLOCK_REALTIME.
enum class StartAt : uint8_t { kEnd, kOldest, kLast, kSequence, kTime };

struct Beginning {
  Point at;
  uint64_t wanted = 0;  // the sequence from which the consumer counts
};
enum class JoinFailure : uint8_t { kNone, kOutOfRange, kDamaged, kEvicted, kOvertaken };

// Returns whether no message of this sequence was published yet. Sequences start at 0 and would take
// centuries to wrap, so a huge number in a young ring is a mistake and not a sequence of long ago.
constexpr bool NotYetPublished(uint64_t sequence, uint64_t end) {
  return Ahead(sequence, end) > 0 || (sequence >> 63 != 0 && end >> 62 == 0);
}

// Returns where `start` leads now.
// `round`: how often a choice was overtaken. From the second choice on, each demands more head-room than the
// one before.
// `announced`: bytes that the intent lies above R. The second choice already demands that much head-room.
template <class A>
std::optional<Beginning> ChooseStart(const RingView<A>& view, StartAt start, uint64_t value, int round,
                                     JoinFailure* failure, uint64_t announced = 0) {
  const std::optional<Point> end = view.End();
  if (!end) {
    *failure = JoinFailure::kDamaged;
    return std::nullopt;
  }
  constexpr int kRoundsWithMarks = 7;
  std::optional<Point> at;
  uint64_t wanted = end->sequence;
  bool counts_from_wanted = false;
  switch (start) {
    case StartAt::kEnd:
      return Beginning{*end, end->sequence};
    case StartAt::kOldest:
      break;
    case StartAt::kLast:
      wanted = end->sequence - value;
      at = value == 0 ? end : view.Find(wanted);
      break;
    case StartAt::kSequence:
      wanted = value;
      counts_from_wanted = true;
      if (NotYetPublished(wanted, end->sequence)) {
        *failure = JoinFailure::kOutOfRange;
        return std::nullopt;
      }
      at = wanted == end->sequence ? end : view.Find(wanted);
      break;
    case StartAt::kTime:
      at = view.MarkBefore(value);
      break;
  }
  if (!at || round > 0) {
    const uint64_t headroom = round == 0 ? 0 : std::max(announced, view.chunk() << (round - 1));
    const std::optional<Point> oldest = round < kRoundsWithMarks ? view.OldestMark(headroom) : std::nullopt;
    if (!at || (oldest && Ahead(oldest->sequence, at->sequence) > 0)) at = oldest;
    if (!at || round >= kRoundsWithMarks) at = end;
  }
  return Beginning{*at, counts_from_wanted ? wanted : at->sequence};
}

// Returns whether the producer may overwrite `at` although it has not seen this joiner: its scan may have
// come first, and R may then rise to `intent`. If so, `*announced` becomes how far the intent lies above R.
template <class A>
bool TooFar(const RingView<A>& view, uint64_t intent, Point at, uint64_t* announced) {
  if (Ahead(intent, at.position) <= static_cast<int64_t>(view.capacity())) return false;
  const int64_t ahead = Ahead(intent, Words<A>::LoadReserved(view.control().room));
  *announced = static_cast<uint64_t>(std::max(ahead, int64_t{0}));
  return true;
}

// Makes the seat joining, then live. `generation` is new for this holder. On success `*live` is the seat's
// state. `*wake_producer` becomes true if an earlier choice had held the producer back and a later one does
// not: then the caller must call FUTEX_WAKE on the room epoch.
template <class A>
std::optional<Beginning> Join(const RingView<A>& view, const SeatTable& seats, uint32_t index,
                              uint32_t generation, uint8_t delivery, StartAt start, uint64_t value,
                              uint64_t* live, JoinFailure* failure, bool* wake_producer) {
  using W = Words<A>;
  Seat& seat = seats.seats[index];
  const uint64_t joining = MakeSeatState(generation, SeatPhase::kJoining, delivery);
  *live = MakeSeatState(generation, SeatPhase::kLive, delivery);
  constexpr int kRounds = 64;
  uint64_t announced = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::optional<Beginning> begin = ChooseStart(view, start, value, round, failure, announced);
    if (!begin) return std::nullopt;
    W::StoreJoinPosition(seat.words, begin->at.position);
    if (round == 0) {
      W::RaiseSeatsUsed(seats.control->join, index + 1);
      W::StoreJoining(seat.identity, joining);
    }
    W::CountJoin(seats.control->join);
    W::FenceSeatBeforeIntent();
    if (round > 0) *wake_producer |= OfferRoom<A>(seats.control->room_waiting, seats.control->room_epoch);
    const uint64_t intent = W::LoadIntent(view.control().room);
    if (delivery == kDeliveryLossless && TooFar(view, intent, begin->at, &announced)) continue;
    if (W::GoLive(seat.identity, joining, *live)) {
      W::CountJoin(seats.control->join);  // again: a producer that waits for consumers sleeps on this word
      return begin;
    }
    *failure = JoinFailure::kEvicted;
    return std::nullopt;
  }
  *failure = JoinFailure::kOvertaken;
  return std::nullopt;
}

// Creates a group in slot `index`, whose flags are 0 and whose name is written. Chooses where the group
// begins, as Join does. The caller holds the lock of every group. On failure the slot is free again.
template <class A>
std::optional<Beginning> CreateGroup(const RingView<A>& view, const SeatTable& seats, uint32_t index,
                                     bool durable, StartAt start, uint64_t value, JoinFailure* failure,
                                     bool* wake_producer) {
  using W = Words<A>;
  GroupWords& group = seats.control->groups[index];
  W::Note(group.generation, W::Peek(group.generation) + 1);
  constexpr int kRounds = 64;
  uint64_t announced = 0;
  *failure = JoinFailure::kOvertaken;
  for (int round = 0; round < kRounds; ++round) {
    const std::optional<Beginning> begin = ChooseStart(view, start, value, round, failure, announced);
    if (!begin) break;
    W::StoreCursor(group, begin->at.position);
    if (round == 0) W::StoreGroupFlags(group, kGroupUsed | kGroupCreating);
    W::CountJoin(seats.control->join);
    W::FenceSeatBeforeIntent();
    if (round > 0) *wake_producer |= OfferRoom<A>(seats.control->room_waiting, seats.control->room_epoch);
    if (TooFar(view, W::LoadIntent(view.control().room), begin->at, &announced)) continue;
    W::StoreGroupFlags(group, kGroupUsed | (durable ? kGroupDurable : 0));
    return begin;
  }
  W::StoreGroupFlags(group, 0);
  *wake_producer |= OfferRoom<A>(seats.control->room_waiting, seats.control->room_epoch);
  return std::nullopt;
}

// Takes a seat in a group that exists. The group's cursor protects the messages, so there is nothing to
// choose. The caller holds the locks of the seat and of the group, and has written into the seat which group
// it belongs to. Returns false if the seat was evicted before it went live.
template <class A>
bool JoinGroup(const SeatTable& seats, uint32_t index, uint32_t generation, const GroupWords& group,
               uint64_t* live) {
  using W = Words<A>;
  Seat& seat = seats.seats[index];
  const uint64_t joining = MakeSeatState(generation, SeatPhase::kJoining, kDeliveryGroup);
  *live = MakeSeatState(generation, SeatPhase::kLive, kDeliveryGroup);
  W::StoreJoinPosition(seat.words, W::LoadCursor(group));
  W::RaiseSeatsUsed(seats.control->join, index + 1);
  W::StoreJoining(seat.identity, joining);
  W::CountJoin(seats.control->join);
  if (!W::GoLive(seat.identity, joining, *live)) return false;
  W::CountJoin(seats.control->join);  // again: a producer that waits for consumers sleeps on this word
  return true;
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_JOIN_H_
