// SPDX-License-Identifier: Apache-2.0
// A group member's half of the ring: takes messages that no other member gets, and adopts those of dead
// members.
//
// Purpose: protocol/groups.md. A member takes a lease on a message, moves the group's cursor past the
// message, and gives the lease up when it is done. It adopts the lease of a dead or evicted member. This
// class knows no lock and no clock: its caller says which holder is dead, and holds the locks that keep this
// true.
// Threads: one at a time. The members of a group are any number of processes.
//
// I1  Every message that a member took and has not given up is leased by a seat of the group. The lease is
//     stored before the cursor moves past the message [G2, G4]. An adopted lease is at its new place before
//     it leaves the old one [G2, G7, G5].
// I2  Bytes are read in place only under an owned lease whose place is intact. Under a tentative lease they
//     are copied, and then checked.
// I3  When the cursor moves past a lease, the end of the lease is stored. If it is not, the stored end lies
//     at or below the lease and means "one frame". So an old end cannot be taken for the end of a new lease.
#ifndef MILLRACE_INTERNAL_RING_GROUP_H_
#define MILLRACE_INTERNAL_RING_GROUP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// A message as it is handed out to a member.
struct Handed {
  Lent lent;
  uint64_t deliveries;  // 1 if it is handed out for the first time
};

enum class Adopted : uint8_t {
  kNothing,  // there is no lease to adopt, or no longer
  kLeft,     // its living holder could still win the race for it: look again later
  kMine,     // this member has the lease: Next hands the message out
};

template <class A>
class RingMember : public RingView<A> {
  using W = Words<A>;
  using View = RingView<A>;

 public:
  // Binds this object to a ring, a seat and a group. The seat may hold a lease already: that of a dead member
  // whose seat this was.
  // `at_most`: the most messages in one lease.
  // `in_place`: if false, every message is copied.
  // `lost`: messages that the group's creator wanted and that had been overwritten; reported with the first
  // message.
  void Attach(const RingMemory& memory, const SeatTable& table, const ConsumerSeat& seat, GroupPlace place,
              uint64_t at_most, uint64_t lost, bool in_place = true) {
    static_cast<View&>(*this) = View(memory);
    table_ = table;
    seat_ = seat;
    place_ = place;
    group_ = &table.control->groups[place.index];
    at_most_ = at_most;
    in_place_ = in_place;
    pending_lost_ = counts_.lost = lost;
    chunk_ = this->chunk();
    const uint64_t cursor = W::LoadCursor(*group_);
    lease_ = W::LoadLease(seat_.seat->words);
    stored_end_ = W::LoadLeaseEnd(seat_.seat->words);
    lease_end_ = NotAbove(cursor, stored_end_);
    looked_at_ = cursor - chunk_;
  }

  // Gives up the message handed out last, then takes the next one. `copy_buffer(bytes)` returns room for a
  // copy or null; for null the result is kNoMemory, and the message stays this member's. The call is bounded.
  // kOvertaken means that other members were faster each time: try again.
  template <class CopyBuffer>
  Read Next(Handed* out, CopyBuffer copy_buffer) {
    if (!Ack()) return Read::kEvicted;
    constexpr int kRounds = 64;
    for (int i = 0; i < kRounds; ++i) {
      if (lease_ == kNoLease) {
        const Read taken = Take();
        if (taken == Read::kOvertaken) continue;
        if (taken != Read::kMessage) return taken;
      }
      const Read read = HandOut(out, copy_buffer);
      if (read != Read::kOvertaken) return read;
    }
    return Read::kOvertaken;
  }

  // Gives up the message handed out last. Returns false if this member was evicted and another member has
  // adopted the message.
  bool Ack() {
    if (!handed_) return true;
    handed_ = false;
    return GoOn();
  }
  // Undoes the last delivery after its handler threw: the message will be handed out again.
  void Undeliver() {
    if (!handed_) return;
    handed_ = false;
    --counts_.received;
    pending_lost_ = last_lost_;
  }

  // Offers freed room. Returns true if the producer waits for it; the caller must then call FUTEX_WAKE on the
  // room epoch. Call it before a wait, and when OwesRoom returns true.
  bool OfferRoom() { return internal::OfferRoom<A>(*seat_.room_waiting, *seat_.room_epoch); }
  // Returns whether this member has freed room since the last look, and the producer waits for room.
  bool OwesRoom() {
    if (!freed_) return false;
    freed_ = false;
    return W::RoomWanted(*seat_.room_waiting);
  }

  // ---- messages of dead members ---------------------------------------------------------------------------

  // Returns true about once per chunk: the member must then look for abandoned leases even if it finds new
  // messages.
  bool DueToLook() {
    const uint64_t cursor = W::LoadCursor(*group_);
    if (cursor - looked_at_ < chunk_) return false;
    looked_at_ = cursor;
    return true;
  }

  // Calls f(seat, state) for each other seat of this group that holds a lease, until f returns false.
  template <class F>
  void ForEachLease(F f) const {
    const uint32_t used = std::min(W::LoadSeatsUsed(table_.control->join), table_.count);
    for (uint32_t i = 0; i < used; ++i) {
      const Seat& seat = table_.seats[i];
      if (&seat == seat_.seat || W::LoadLease(seat.words) == kNoLease) continue;
      const uint64_t state = W::LoadStateForReason(seat.identity);
      if (PhaseOf(state) == SeatPhase::kFree || DeliveryOf(state) != kDeliveryGroup) continue;
      if (GroupOfSeat<A>(seat.identity) != place_) continue;
      if (!f(i, state)) return;
    }
  }
  // Returns whether other seats hold messages that this member may still receive. Looks through the seats
  // between two equal counts of moves, as the scan does. A tentative lease at or above the cursor holds no
  // message, whichever process holds it.
  bool OthersHold() const {
    constexpr int kTries = 8;
    for (int k = 0; k < kTries; ++k) {
      const uint32_t moves = W::LoadMoves(*group_);
      bool held = false;
      ForEachLease([&](uint32_t i, uint64_t) {
        const uint64_t lease = W::LoadLease(table_.seats[i].words);
        const bool nothing = lease == kNoLease ||
                             (IsTentative(lease) && Ahead(W::LoadCursor(*group_), LeasePosition(lease)) <= 0);
        held |= !nothing;
        return !held;
      });
      if (held || W::LoadMoves(*group_) == moves) return held;
    }
    return true;
  }

  // Adopts the lease of seat `i`. Requires that this member holds no lease. The caller holds the adopter lock
  // of that seat, shared, so that no joiner sits down there. It has found out before whether the holder is
  // dead; if so, it holds the lock of the seat as well.
  Adopted Adopt(uint32_t i, bool holder_dead) {
    SeatWords& from = table_.seats[i].words;
    SeatWords& mine = seat_.seat->words;
    constexpr int kTries = 4;  // a living holder can own, move and finish the lease once each
    for (int k = 0; k < kTries; ++k) {
      const uint64_t lease = W::LoadLease(from);
      if (lease == kNoLease) return Adopted::kNothing;
      const uint64_t position = LeasePosition(lease);
      const uint64_t cursor = W::LoadCursor(*group_);
      const bool undecided = IsTentative(lease) && Ahead(cursor, position) <= 0;
      if (undecided && !holder_dead) return Adopted::kLeft;
      // The lease itself protects the message of a holder that won its race. So if the place is not intact,
      // the lease had lost its race or is nonsense.
      if (undecided || position % 8 != 0 || !IntactAtAll(position)) {
        if (W::ChangeLease(from, lease, kNoLease)) return Adopted::kNothing;
        continue;
      }
      lease_end_ = NotAbove(cursor, W::LoadLeaseEnd(from));  // the end of a loser may lie above the cursor
      // A living holder may own the message without having counted the delivery yet.
      const uint64_t times = DeliveriesOf(W::LoadDeliveries(from), position);
      W::StoreDeliveries(mine, MakeDeliveries(position, std::max<uint64_t>(times, holder_dead ? 0 : 1)));
      StoreEnd(lease_end_);
      // Tentative at first, even if the lease was owned. Its living holder may give it up before the CAS
      // below. Then this place is not protected, and the scan would judge an owned lease here to be nonsense.
      lease_ = position | kLeaseTentative;
      W::StoreLease(mine, lease_);
      W::CountMove(*group_);
      if (!W::ChangeLease(from, lease, kNoLease)) {
        if (!Drop()) return Adopted::kNothing;
        continue;
      }
      if (!IsTentative(lease) && !Own()) return Adopted::kNothing;
      return Adopted::kMine;
    }
    return Adopted::kLeft;
  }

  // ---- waiting -------------------------------------------------------------------------------------------

  // Returns whether there is something to take for the first member that looks, or the group is gone. Reads
  // shared words only.
  bool SomethingThere() const { return W::LoadHeader(this->HeaderAt(Cursor())) != 0 || !Exists(); }
  // Returns whether a wake-up was missed, as RingConsumer::MissedWake, at the group's next message.
  bool MissedWake() const {
    const Point here = at();
    return this->SecondPublication(here.position, here.sequence);
  }

  bool Live() const { return W::LoadOwnState(seat_.seat->identity) == seat_.live_state; }
  bool Exists() const { return GroupExists<A>(table_, place_); }
  bool holds_lease() const { return lease_ != kNoLease; }
  // Returns whether a message is in hand: handed out last, and not given up.
  bool InHand() const { return handed_; }
  // Returns whether the message in hand is still whole where it lies.
  bool StillIntact() const { return InHand() && this->IntactAfterReads(current_); }
  uint64_t position() const { return Cursor(); }  // of the group's next message
  // Returns the boundary of the group's next message.
  Point at() const { return this->PlaceAt(Cursor()); }
  const ConsumerCounts& counts() const { return counts_; }
  void CountLateWakeup() { ++counts_.late_wakeups; }
  GroupPlace place() const { return place_; }
  const SeatTable& table() const { return table_; }
  const ConsumerSeat& seat() const { return seat_; }

  void NoteProgress() {
    SeatWords& words = seat_.seat->words;
    W::Note(words.sequence, next_sequence_);
    W::Note(words.received, counts_.received);
    W::Note(words.lost, counts_.lost);
    W::Note(words.late_wakeups, counts_.late_wakeups);
  }

  // Detaches this object from the ring in a forked child. Afterwards the ring is empty and the group has no
  // member.
  void Strand(const RingMemory& scratch, const SeatTable& table, const ConsumerSeat& seat) noexcept {
    static_cast<View&>(*this) = View(scratch);
    this->mask_ = 0;
    table_ = table;
    seat_ = seat;
    group_ = &table.control->groups[0];
    lease_ = kNoLease;
    handed_ = false;
  }

 private:
  uint64_t Cursor() const { return W::LoadCursor(*group_) & ~uint64_t{7}; }
  uint64_t SequenceOf(uint64_t header) const {
    return WidenSequence(static_cast<uint32_t>(header >> 32), W::LoadTailSequence(this->control_->tail));
  }
  // Returns whether a position is intact, without having loaded a header there. Therefore R is loaded by T3:
  // no C1 has brought R6 along.
  bool IntactAtAll(uint64_t position) const {
    return W::LoadReserved(this->control_->room) - position <= this->capacity_;
  }

  // Takes a lease on the message at the cursor. kMessage means that the lease is owned.
  Read Take() {
    if (!Live()) return Read::kEvicted;
    const uint64_t position = W::LoadCursor(*group_);
    // The header is protected as long as the cursor stays here. The CAS of the cursor [G4] finds out.
    const uint64_t header = position % 8 == 0 ? W::LoadHeader(this->HeaderAt(position)) : ~uint64_t{0};
    const Frame frame = this->Judge(header, position, SequenceOf(header));
    if (frame.kind == FrameKind::kNothing || frame.kind == FrameKind::kDamaged) {
      if (W::LoadCursor(*group_) != position) return Read::kOvertaken;
      if (!Exists()) return Read::kEvicted;
      return frame.kind == FrameKind::kNothing ? Read::kEmpty : Read::kDamaged;
    }
    if (frame.kind == FrameKind::kPadding) {
      freed_ |= W::MoveCursor(*group_, position, frame.next);
      return Read::kOvertaken;
    }
    SeatWords& mine = seat_.seat->words;
    lease_ = position | kLeaseTentative;
    W::StoreLease(mine, lease_);
    lease_end_ = at_most_ > 1 ? EndOfLease(position, header) : frame.next;
    if (lease_end_ != frame.next || Ahead(stored_end_, position) > 0) StoreEnd(lease_end_);  // I3
    if (!W::MoveCursor(*group_, position, lease_end_)) return Drop() ? Read::kOvertaken : Read::kEvicted;
    freed_ = true;
    return Own() ? Read::kMessage : Read::kEvicted;
  }

  // Returns the end of a lease on as many small messages as it may hold: at most at_most_, within a chunk's
  // length, and not across padding.
  uint64_t EndOfLease(uint64_t position, uint64_t header) const {
    uint64_t sequence = SequenceOf(header);
    uint64_t end = position + FrameBytes(header & kFrameLengthMask);
    for (uint64_t n = 1; n < at_most_; ++n) {
      const Frame next = this->Judge(W::LoadHeader(this->HeaderAt(end)), end, ++sequence);
      if (next.kind != FrameKind::kMessage || next.next - position > chunk_) break;
      end = next.next;
    }
    return end;
  }

  // Hands out the message at the lease. kOvertaken means that there is none, and that the lease has moved on
  // or is gone.
  template <class CopyBuffer>
  Read HandOut(Handed* out, CopyBuffer copy_buffer) {
    const uint64_t position = LeasePosition(lease_);
    const bool tentative = IsTentative(lease_);
    if (position % 8 != 0) return Drop() ? Read::kOvertaken : Read::kEvicted;  // a peer overwrote the seat
    // The seat was taken over with this lease, and its dead holder never won it: the cursor has not moved
    // past it.
    if (tentative && Ahead(W::LoadCursor(*group_), position) <= 0)
      return Drop() ? Read::kOvertaken : Read::kEvicted;
    const uint64_t header = W::LoadHeader(this->HeaderAt(position));
    if (!Live()) return Read::kEvicted;
    const uint64_t sequence = SequenceOf(header);
    const Frame frame = this->Judge(header, position, sequence);
    current_ = position;
    next_ = frame.next;
    if (!this->Intact(position)) return WhyNotIntact(tentative);
    if (frame.kind == FrameKind::kPadding) return GoOn() ? Read::kOvertaken : Read::kEvicted;
    if (frame.kind != FrameKind::kMessage) return Exists() ? Read::kDamaged : Read::kEvicted;
    const std::byte* data = this->PayloadAt(position);
    if (tentative || !in_place_) {
      std::byte* const copy = copy_buffer((frame.payload + 7) & ~uint64_t{7});
      if (copy == nullptr) return Read::kNoMemory;
      A::CopyOut(copy, data, frame.payload);
      if (!this->IntactAfterReads(position)) return WhyNotIntact(tentative);
      if (!Live()) return Read::kEvicted;
      data = copy;
    }
    SeatWords& mine = seat_.seat->words;
    // Another member may have received the message of a tentative lease already, so count one earlier
    // delivery.
    const uint64_t before =
        std::max<uint64_t>(DeliveriesOf(W::LoadDeliveries(mine), position), tentative ? 1 : 0);
    W::StoreDeliveries(mine, MakeDeliveries(position, before + 1));
    last_lost_ = pending_lost_;
    *out = {{data, frame.payload, sequence, pending_lost_}, std::min(before + 1, kMostDeliveries)};
    pending_lost_ = 0;
    handed_ = true;
    next_sequence_ = sequence + 1;
    ++counts_.received;
    return Read::kMessage;
  }

  // Returns why R has passed the lease. A tentative lease had lost its race. An owned lease is protected,
  // unless this member was evicted [E1, R6] or a peer that can write the seats file has changed the lease.
  Read WhyNotIntact(bool tentative) {
    if (tentative) return Drop() ? Read::kOvertaken : Read::kEvicted;
    W::FenceAfterCopy();
    return Live() && Exists() ? Read::kDamaged : Read::kEvicted;
  }
  // Moves the lease from current_ to the following frame, or ends it. Returns false if another member has
  // adopted it.
  bool GoOn() {
    const uint64_t to = Ahead(lease_end_, next_) > 0 ? next_ | (lease_ & kLeaseTentative) : kNoLease;
    freed_ = true;
    return Change(to);
  }
  static uint64_t NotAbove(uint64_t cursor, uint64_t end) { return Ahead(end, cursor) > 0 ? cursor : end; }
  void StoreEnd(uint64_t end) {
    W::StoreLeaseEnd(seat_.seat->words, end);
    stored_end_ = end;
  }
  bool Own() { return Change(LeasePosition(lease_)); }
  bool Drop() { return Change(kNoLease); }
  // Changes the lease by CAS, as every change after the tentative store is made. Returns false if this member
  // was evicted and its lease was adopted.
  bool Change(uint64_t to) {
    const bool changed = W::ChangeLease(seat_.seat->words, lease_, to);
    lease_ = changed ? to : kNoLease;
    return changed;
  }

  SeatTable table_;
  ConsumerSeat seat_;
  GroupPlace place_;
  GroupWords* group_ = nullptr;
  uint64_t lease_ = kNoLease;  // the word `lease` in our seat
  uint64_t lease_end_ = 0;
  uint64_t stored_end_ = 0;  // the word `lease_end` in our seat
  // Positions of the message handed out last and of the frame after it.
  uint64_t current_ = 0, next_ = 0;
  bool handed_ = false;  // a message was handed out and is not given up yet
  bool freed_ = false;   // the cursor or the lease has moved since OwesRoom last looked
  uint64_t at_most_ = 1;
  bool in_place_ = true;
  uint64_t chunk_ = 0;
  uint64_t looked_at_ = 0;  // cursor when abandoned leases were last looked for
  uint64_t pending_lost_ = 0, last_lost_ = 0;
  uint64_t next_sequence_ = 0;
  ConsumerCounts counts_;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_GROUP_H_
