// SPDX-License-Identifier: Apache-2.0
// The producer's scan of its consumers: which of them leave it no room, and how far R may rise.
//
// Purpose: protocol/room.md "Making room", steps 0 to 4. RoomScan announces an intent, scans the seats and
// the groups, and evicts. RingProducer (ring_producer.h) owns one, and raises R by its answer.
// Threads: one at a time, the producer's.
//
// I1  Allow returns at most p + capacity for the position p of each live lossless seat, group's cursor and
//     lease that counts. A seat whose position is nonsense is evicted first [E1].
// I2  A joiner that a scan missed sees the intent that was stored before the scan [R1, R2]. So the result of
//     a scan counts up to announced_, until an eviction outdates it.
#ifndef MILLRACE_INTERNAL_RING_SCAN_H_
#define MILLRACE_INTERNAL_RING_SCAN_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// A blocker: what leaves the producer no room. It is a lossless consumer's seat, a group member's lease, or
// the cursor of a group.
struct Blocker {
  enum class Kind : uint8_t { kSeat, kLease, kGroup };
  Kind kind;
  uint32_t index;  // of the seat, or of the group
  uint64_t state;  // the seat's state word; for a group its generation
  uint64_t position;
};

// Where the producer stands while it scans. Positions of consumers are judged by it.
struct ProducerPlace {
  uint64_t position;  // of the next frame
  uint64_t sequence;  // after what is published
  uint64_t limit;     // R, as the producer stored it
};

template <class A>
class RoomScan {
  using W = Words<A>;

 public:
  void Attach(RingControl* control, const SeatTable& seats, uint64_t capacity) {
    control_ = control;
    seats_ = seats;
    capacity_ = capacity;
    seats_used_ = 0;
    scanned_ = false;
  }
  // Detaches this object from the ring: afterwards it has no seats.
  void Strand(RingControl* scratch, const SeatTable& seats) noexcept {
    control_ = scratch;
    seats_ = seats;
    seats_used_ = 0;
  }

  // Returns how far R may rise, at most to `want`, a multiple of the chunk. Stores the intent and scans if
  // the last scan does not answer. Inlined, so that `at` is put together for a scan only.
  [[gnu::always_inline]] inline uint64_t Allow(const ProducerPlace& at, uint64_t want) {
    // Step 0: up to announced_ the last scan still counts (I2).
    if (!(scanned_ && Ahead(want, announced_) <= 0 && Free(want))) Announce(at, want);
    return Free(want) ? want : lowest_ + capacity_;
  }

  // Calls f(Blocker) for each blocker that leaves no room for a claim that ends at `end`. The same blocker
  // may be reported more than once.
  template <class F>
  void HoldingBack(const ProducerPlace& at, uint64_t end, F f) {
    ForEachBlocker(at, [&](const Blocker& blocker) {
      if (Ahead(end, blocker.position + capacity_) > 0) f(blocker);
    });
  }

  // Calls f(seat, state) for each joining or live member of this group.
  template <class F>
  void ForEachMember(GroupPlace place, F f) const {
    for (uint32_t i = 0; i < seats_used_; ++i) {
      const SeatIdentity& seat = seats_.seats[i].identity;
      const uint64_t state = W::LoadSeatState(seat);
      const SeatPhase phase = PhaseOf(state);
      if (phase != SeatPhase::kJoining && phase != SeatPhase::kLive) continue;
      if (DeliveryOf(state) == kDeliveryGroup && GroupOfSeat<A>(seat) == place) f(i, state);
    }
  }

  // Evicts seat `i` for the reason `why`, by CAS from `state` (joining or live) [E1]. `sequence`: after what
  // is published. Returns false if the seat's state word is no longer `state`.
  bool Evict(uint32_t i, uint64_t state, EvictedWhy why, uint64_t sequence) {
    SeatIdentity& seat = seats_.seats[i].identity;
    W::Note(seat.evicted_sequence, sequence);
    const uint64_t evicted =
        MakeSeatState(GenerationOf(state), SeatPhase::kEvicted, DeliveryOf(state), EvictedBy::kProducer, why);
    if (!W::Evict(seat, state, evicted)) return false;
    CountEviction();
    return true;
  }

  // Forgets the last scan, so that Allow scans again.
  void Forget() { scanned_ = false; }

  uint64_t evictions() const { return evictions_; }  // evictions by this producer
  const SeatTable& seats() const { return seats_; }

 private:
  // Chunks announced beyond the wanted one, so that one full fence serves four chunks [NOTES announce]. The
  // price: a joiner may find that many chunks less of the past.
  static constexpr uint64_t kAnnouncedAhead = 3;

  // Returns whether, by the last scan, no blocker stands in the way of a claim that ends at `want`.
  bool Free(uint64_t want) const { return !held_ || Ahead(want, lowest_ + capacity_) <= 0; }

  // Steps 1 to 3: stores the intent, fences, and scans if a seat may have joined.
  void Announce(const ProducerPlace& at, uint64_t want) {
    announced_ = want + kAnnouncedAhead * (capacity_ / kMarks);
    W::StoreIntent(control_->room, announced_);
    W::FenceIntentBeforeScan();
    const uint32_t joins = W::LoadJoins(seats_.control->join);
    if (scanned_ && joins == joins_seen_ && Free(want)) return;
    Scan(at);
    joins_seen_ = joins;
    scanned_ = true;
  }

  void Scan(const ProducerPlace& at) {
    if (!AnyGroup() && ScanOrdinary(at.position)) return;
    held_ = false;
    lowest_ = at.position;
    const bool settled = ForEachBlocker(at, [&](const Blocker& blocker) {
      if (!held_ || Ahead(blocker.position, lowest_) < 0) lowest_ = blocker.position;
      held_ = true;
    });
    if (settled) return;
    held_ = true;  // nothing more is granted now; what was granted stays
    lowest_ = at.limit - capacity_;
  }

  bool AnyGroup() const {
    uint32_t flags = 0;
    for (uint32_t g = 0; g < kGroups; ++g) flags |= W::LoadGroupFlagsForScan(seats_.control->groups[g]);
    return (flags & kGroupUsed) != 0;
  }

  // Scans all seats in one pass. Requires that no group exists. Returns false if some seat is joining or not
  // valid: then the caller must look at the seats one by one. Scanning 1024 seats once per lap must cost less
  // than publishing a lap of messages [NOTES seats-scan].
  [[gnu::hot, gnu::noinline]] bool ScanOrdinary(uint64_t position) {
    seats_used_ = std::max(seats_used_, std::min(W::LoadSeatsUsed(seats_.control->join), seats_.count));
    constexpr auto kLive = static_cast<uint16_t>(MakeSeatState(0, SeatPhase::kLive, kDeliveryLossless));
    constexpr auto kJoining = static_cast<uint16_t>(MakeSeatState(0, SeatPhase::kJoining, kDeliveryLossless));
    bool joining = false;
    uint32_t others = 0;
    uint64_t behind = 0, bits = 0;  // the largest lag; the bits of all positions
    const Seat* seat = seats_.seats;
#pragma GCC unroll 4
    for (uint32_t left = seats_used_; left != 0; --left, ++seat) {
      const auto kind = static_cast<uint16_t>(W::LoadSeatState(seat->identity));
      if (kind == kLive) [[likely]] {
        const uint64_t p = W::LoadSeatPosition(seat->words);
        bits |= p;
        behind = std::max(behind, position - p);
      } else {
        joining |= kind == kJoining;
        ++others;
      }
    }
    if (joining || behind > capacity_ || bits % 8 != 0) return false;
    held_ = others != seats_used_;
    lowest_ = position - behind;
    return true;
  }

  // Calls f(Blocker) for each blocker; the same one may be reported twice. Returns false if leases kept
  // moving between seats: then the result is not complete. Cursors are read before leases, because a member
  // that moved the cursor had stored its lease first [R9, G4]. A lease that moves to another seat is counted
  // before it leaves the old seat. If no move was counted while the seats were read, no lease was missed
  // [R11, G7].
  template <class F>
  bool ForEachBlocker(const ProducerPlace& at, F f) {
    const uint32_t groups = ForEachGroup(at, f);
    constexpr int kTries = 8;  // each move needs a death or an eviction
    for (int k = 0; k < kTries; ++k) {
      const uint32_t moves = Moves(groups);
      // seats_used_ only grows, so a peer that lowers the shared word hides no seat.
      seats_used_ = std::max(seats_used_, std::min(W::LoadSeatsUsed(seats_.control->join), seats_.count));
      for (uint32_t i = 0; i < seats_used_; ++i) VisitSeat(at, i, groups, f);
      if (Moves(groups) == moves) return true;
    }
    return false;
  }

  // Calls f(Blocker) for the cursor of each group that exists. Returns a set bit for each of these groups.
  template <class F>
  uint32_t ForEachGroup(const ProducerPlace& at, F f) {
    uint32_t groups = 0;
    for (uint32_t g = 0; g < kGroups; ++g) {
      GroupWords& group = seats_.control->groups[g];
      const uint32_t flags = W::LoadGroupFlagsForScan(group);
      if ((flags & kGroupUsed) == 0) continue;
      const uint64_t p = W::LoadCursorForScan(group);
      if ((flags & kGroupCreating) != 0 && LostItsRace(at, p)) continue;
      if (!Valid(at, p)) {
        if (W::RetireGroup(group, flags)) CountEviction();
        continue;
      }
      groups |= 1u << g;
      f(Blocker{Blocker::Kind::kGroup, g, W::Peek(group.generation), p});
    }
    return groups;
  }

  template <class F>
  void VisitSeat(const ProducerPlace& at, uint32_t i, uint32_t groups, F f) {
    Seat& seat = seats_.seats[i];
    const uint64_t state = W::LoadSeatState(seat.identity);
    if (PhaseOf(state) == SeatPhase::kFree) return;
    if (DeliveryOf(state) == kDeliveryLossless) VisitLossless(at, seat, i, state, f);
    if (DeliveryOf(state) == kDeliveryGroup && groups != 0) VisitLease(at, seat, i, state, groups, f);
  }

  // Calls f(Blocker) for a lossless seat that counts. Passes over a joining seat that has lost its race: its
  // joiner will see the intent and choose again [J4, R2]. Any other seat that is not valid is nonsense and is
  // evicted.
  template <class F>
  void VisitLossless(const ProducerPlace& at, Seat& seat, uint32_t i, uint64_t state, F f) {
    const SeatPhase phase = PhaseOf(state);
    if (phase != SeatPhase::kJoining && phase != SeatPhase::kLive) return;
    const uint64_t p = W::LoadSeatPosition(seat.words);
    if (phase == SeatPhase::kJoining && LostItsRace(at, p)) return;
    if (!Valid(at, p)) {
      Evict(i, state, EvictedWhy::kNonsense, at.sequence);
      return;
    }
    f(Blocker{Blocker::Kind::kSeat, i, state, p});
  }

  // Calls f(Blocker) for a lease that counts. A lease holds the producer back even after its seat was
  // evicted, until another member has adopted it.
  template <class F>
  void VisitLease(const ProducerPlace& at, Seat& seat, uint32_t i, uint64_t state, uint32_t groups, F f) {
    const uint64_t lease = W::LoadLeaseForScan(seat.words);
    if (lease == kNoLease) return;
    const std::optional<GroupPlace> place = GroupOfSeat<A>(seat.identity);
    if (!place || (groups >> place->index & 1) == 0) return;
    if (place->generation != W::Peek(seats_.control->groups[place->index].generation)) return;
    const uint64_t p = LeasePosition(lease);
    if (IsTentative(lease) && LostItsRace(at, p)) return;
    if (!Valid(at, p)) {
      if (PhaseOf(state) != SeatPhase::kEvicted) Evict(i, state, EvictedWhy::kNonsense, at.sequence);
      return;
    }
    f(Blocker{Blocker::Kind::kLease, i, state, p});
  }

  uint32_t Moves(uint32_t groups) const {
    uint32_t sum = 0;
    for (uint32_t g = 0; groups >> g != 0; ++g) {
      if ((groups >> g & 1) != 0) sum += W::LoadMoves(seats_.control->groups[g]);
    }
    return sum;
  }

  bool Valid(const ProducerPlace& at, uint64_t p) const { return at.position - p <= capacity_ && p % 8 == 0; }
  bool LostItsRace(const ProducerPlace& at, uint64_t p) const { return Ahead(at.limit, p + capacity_) > 0; }

  void CountEviction() {
    W::Note(control_->counters.evictions, W::Peek(control_->counters.evictions) + 1);
    ++evictions_;
    scanned_ = false;
  }

  RingControl* control_ = nullptr;
  SeatTable seats_;
  uint64_t capacity_ = 0;
  uint64_t announced_ = 0;  // the intent, as this producer stored it
  uint64_t lowest_ = 0;     // if held_: the lowest blocker of the last scan
  uint64_t evictions_ = 0;
  uint32_t joins_seen_ = 0;
  uint32_t seats_used_ = 0;
  bool scanned_ = false;  // joins_seen_, held_ and lowest_ are of a scan that no eviction has outdated
  bool held_ = false;     // the last scan found a blocker
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_SCAN_H_
