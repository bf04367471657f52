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

// The result of ChooseStart.
struct ChosenStart {
  JoinFailure failure = JoinFailure::kNone;
  Beginning begin{};  // if there is no failure
  explicit operator bool() const { return failure == JoinFailure::kNone; }
};

// The result of Join and CreateGroup.
struct JoinResult {
  JoinFailure failure = JoinFailure::kNone;
  Beginning begin{};           // if there is no failure
  uint64_t live = 0;           // Join: the seat's state word, if there is no failure
  bool wake_producer = false;  // an earlier choice held the producer back: call FUTEX_WAKE on the room epoch
  explicit operator bool() const { return failure == JoinFailure::kNone; }
};

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
ChosenStart ChooseStart(const RingView<A>& view, StartAt start, uint64_t value, int round,
                        uint64_t announced = 0) {
  const std::optional<Point> end = view.End();
  if (!end) return {.failure = JoinFailure::kDamaged};
  constexpr int kRoundsWithMarks = 7;
  std::optional<Point> at;
  uint64_t wanted = end->sequence;
  bool counts_from_wanted = false;
  switch (start) {
    case StartAt::kEnd:
      return {.begin = {*end, end->sequence}};
    case StartAt::kOldest:
      break;
    case StartAt::kLast:
      wanted = end->sequence - value;
      at = value == 0 ? end : view.Find(wanted);
      break;
    case StartAt::kSequence:
      wanted = value;
      counts_from_wanted = true;
      if (NotYetPublished(wanted, end->sequence)) return {.failure = JoinFailure::kOutOfRange};
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
  return {.begin = {*at, counts_from_wanted ? wanted : at->sequence}};
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

// Makes the seat joining, then live. `generation` is new for this holder.
template <class A>
JoinResult Join(const RingView<A>& view, const SeatTable& seats, uint32_t index, uint32_t generation,
                uint8_t delivery, StartAt start, uint64_t value) {
  using W = Words<A>;
  Seat& seat = seats.seats[index];
  const uint64_t joining = MakeSeatState(generation, SeatPhase::kJoining, delivery);
  JoinResult result;
  result.live = MakeSeatState(generation, SeatPhase::kLive, delivery);
  constexpr int kRounds = 64;
  uint64_t announced = 0;
  for (int round = 0; round < kRounds; ++round) {
    const ChosenStart chosen = ChooseStart(view, start, value, round, announced);
    result.failure = chosen.failure;
    result.begin = chosen.begin;
    if (!chosen) return result;
    W::StoreJoinPosition(seat.words, chosen.begin.at.position);
    if (round == 0) {
      W::RaiseSeatsUsed(seats.control->join, index + 1);
      W::StoreJoining(seat.identity, joining);
    }
    W::CountJoin(seats.control->join);
    W::FenceSeatBeforeIntent();
    if (round > 0)
      result.wake_producer |= OfferRoom<A>(seats.control->room_waiting, seats.control->room_epoch);
    const uint64_t intent = W::LoadIntent(view.control().room);
    if (delivery == kDeliveryLossless && TooFar(view, intent, chosen.begin.at, &announced)) continue;
    if (W::GoLive(seat.identity, joining, result.live))
      W::CountJoin(seats.control->join);  // again: a producer that waits for consumers sleeps on this word
    else
      result.failure = JoinFailure::kEvicted;
    return result;
  }
  result.failure = JoinFailure::kOvertaken;
  return result;
}

// Creates a group in slot `index`, whose flags are 0 and whose name is written. Chooses where the group
// begins, as Join does. The caller holds the lock of every group. On failure the slot is free again.
template <class A>
JoinResult CreateGroup(const RingView<A>& view, const SeatTable& seats, uint32_t index, bool durable,
                       StartAt start, uint64_t value) {
  using W = Words<A>;
  GroupWords& group = seats.control->groups[index];
  W::Note(group.generation, W::Peek(group.generation) + 1);
  constexpr int kRounds = 64;
  uint64_t announced = 0;
  JoinResult result;
  for (int round = 0; round < kRounds; ++round) {
    const ChosenStart chosen = ChooseStart(view, start, value, round, announced);
    result.begin = chosen.begin;
    result.failure = chosen ? JoinFailure::kOvertaken : chosen.failure;  // unless this round succeeds
    if (!chosen) break;
    W::StoreCursor(group, chosen.begin.at.position);
    if (round == 0) W::StoreGroupFlags(group, kGroupUsed | kGroupCreating);
    W::CountJoin(seats.control->join);
    W::FenceSeatBeforeIntent();
    if (round > 0)
      result.wake_producer |= OfferRoom<A>(seats.control->room_waiting, seats.control->room_epoch);
    if (TooFar(view, W::LoadIntent(view.control().room), chosen.begin.at, &announced)) continue;
    W::StoreGroupFlags(group, kGroupUsed | (durable ? kGroupDurable : 0));
    result.failure = JoinFailure::kNone;
    return result;
  }
  W::StoreGroupFlags(group, 0);
  result.wake_producer |= OfferRoom<A>(seats.control->room_waiting, seats.control->room_epoch);
  return result;
}

// Takes a seat in a group that exists. The group's cursor protects the messages, so there is nothing to
// choose. The caller holds the locks of the seat and of the group, and has written into the seat which group
// it belongs to. Returns the seat's state word, or nullopt if the seat was evicted before it went live.
template <class A>
std::optional<uint64_t> JoinGroup(const SeatTable& seats, uint32_t index, uint32_t generation,
                                  const GroupWords& group) {
  using W = Words<A>;
  Seat& seat = seats.seats[index];
  const uint64_t joining = MakeSeatState(generation, SeatPhase::kJoining, kDeliveryGroup);
  const uint64_t live = MakeSeatState(generation, SeatPhase::kLive, kDeliveryGroup);
  W::StoreJoinPosition(seat.words, W::LoadCursor(group));
  W::RaiseSeatsUsed(seats.control->join, index + 1);
  W::StoreJoining(seat.identity, joining);
  W::CountJoin(seats.control->join);
  if (!W::GoLive(seat.identity, joining, live)) return std::nullopt;
  W::CountJoin(seats.control->join);  // again: a producer that waits for consumers sleeps on this word
  return live;
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_JOIN_H_
