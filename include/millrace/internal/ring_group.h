// A group member's half of the ring: taking messages that no other member gets, and those of dead members.
//
// Purpose: PROTOCOL.md "Groups": claims a message, moves the group's cursor past it, gives it up when it is
// done with; adopts what a dead or evicted member held. Knows no lock and no clock: who is dead is told by
// its caller, which holds the locks that make it true. Threads: one at a time; the members of a group are any
// number of processes.
//
// I1  A frame below the cursor that was not given up is claimed by a seat of the group: the claim is there
//     before the cursor moves [G2, G4], and at its new place before it leaves the old one [G2, G7, G5].
// I2  Bytes are read in place only under an owned claim whose place is intact; under a tentative one they are
//     copied and checked.
// I3  When the cursor moves past a claim, the claim's end is stored, or what is stored there ends below the
// claim
//     and means "one frame": an old end cannot be taken for that of a new claim.
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

// A message as a member gets it.
struct Handed {
  Lent lent;
  uint64_t deliveries;  // 1: for the first time
};

enum class Adopted : uint8_t {
  kNothing,  // there is nothing to adopt (any more)
  kLeft,     // its living holder could still win what it claims: look again later
  kMine,     // the claim is ours: Next hands it out
};

template <class A>
class RingMember : public RingView<A> {
  using W = Words<A>;
  using View = RingView<A>;

 public:
  // `at_most`: messages in one claim. `in_place`: else every message is copied. `lost`: what the group's creator asked for and had been overwritten,
  // told with the first message. The seat may hold a claim already: that of a dead member whose seat this
  // was.
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
    claim_ = W::LoadClaim(seat_.seat->words);
    stored_end_ = W::LoadClaimEnd(seat_.seat->words);
    claim_end_ = NotAbove(cursor, stored_end_);
    looked_at_ = cursor - chunk_;
  }

  // Gives up the message handed out last, then takes the next. `reserve(bytes)` returns room for a copy, or
  // null: kNoMemory, and the message stays this member's. Bounded; kOvertaken: other members were faster each time, try again.
  template <class Reserve>
  Read Next(Handed* out, Reserve reserve) {
    if (!Ack()) return Read::kEvicted;
    constexpr int kRounds = 64;
    for (int i = 0; i < kRounds; ++i) {
      if (claim_ == kNoClaim) {
        const Read taken = Take();
        if (taken == Read::kOvertaken) continue;
        if (taken != Read::kMessage) return taken;
      }
      const Read read = HandOut(out, reserve);
      if (read != Read::kOvertaken) return read;
    }
    return Read::kOvertaken;
  }

  // The message handed out last is done with. false: this member was evicted, and another has it now.
  bool Ack() {
    if (!handed_) return true;
    handed_ = false;
    return GoOn();
  }
  // It is handed out again: the handler threw.
  void Undeliver() {
    if (!handed_) return;
    handed_ = false;
    --counts_.received;
    pending_lost_ = last_lost_;
  }

  // true: the producer waits for room, FUTEX_WAKE its epoch. Called before a wait, and when `owes_room` is
  // seen.
  bool OfferRoom() { return internal::OfferRoom<A>(*seat_.room_waiting, *seat_.room_epoch); }
  // A chunk went by, or the producer was seen waiting.
  bool OwesRoom() {
    if (!freed_) return false;
    freed_ = false;
    return W::RoomWanted(*seat_.room_waiting);
  }

  // ---- messages of dead members ---------------------------------------------------------------------------

  // Once a chunk: time to look for abandoned claims, even though there is enough to do.
  bool DueToLook() {
    const uint64_t cursor = W::LoadCursor(*group_);
    if (cursor - looked_at_ < chunk_) return false;
    looked_at_ = cursor;
    return true;
  }

  // f(seat, state) for each other seat of this group that holds a claim. f returns false to end it.
  template <class F>
  void ForEachClaim(F f) const {
    const uint32_t used = std::min(W::LoadSeatsUsed(table_.control->join), table_.count);
    for (uint32_t i = 0; i < used; ++i) {
      const Seat& seat = table_.seats[i];
      if (&seat == seat_.seat || W::LoadClaim(seat.words) == kNoClaim) continue;
      const uint64_t state = W::LoadStateForReason(seat.identity);
      if (PhaseOf(state) == SeatPhase::kFree || DeliveryOf(state) != kDeliveryGroup) continue;
      if (GroupOfSeat<A>(seat.identity) != place_) continue;
      if (!f(i, state)) return;
    }
  }
  // Do other seats hold messages that may yet come to us? Looked through between two equal counts of moves,
  // as by the scan. A tentative claim at or above the cursor holds none, whoever its holder is.
  bool OthersHold() const {
    constexpr int kTries = 8;
    for (int k = 0; k < kTries; ++k) {
      const uint32_t moves = W::LoadMoves(*group_);
      bool held = false;
      ForEachClaim([&](uint32_t i, uint64_t) {
        const uint64_t claim = W::LoadClaim(table_.seats[i].words);
        const bool nothing = claim == kNoClaim ||
                             (IsTentative(claim) && Ahead(W::LoadCursor(*group_), ClaimPosition(claim)) <= 0);
        held |= !nothing;
        return !held;
      });
      if (held || W::LoadMoves(*group_) == moves) return held;
    }
    return true;
  }

  // Takes over what seat i holds. The caller shares its rescuer lock, so that nobody sits down there, and
  // asked before whether its holder is dead (then it holds the seat's lock as well); this member holds no
  // claim.
  Adopted Adopt(uint32_t i, bool holder_dead) {
    SeatWords& from = table_.seats[i].words;
    SeatWords& mine = seat_.seat->words;
    constexpr int kTries = 4;  // a living holder can finish, own or move on once each
    for (int k = 0; k < kTries; ++k) {
      const uint64_t claim = W::LoadClaim(from);
      if (claim == kNoClaim) return Adopted::kNothing;
      const uint64_t position = ClaimPosition(claim);
      const uint64_t cursor = W::LoadCursor(*group_);
      const bool undecided = IsTentative(claim) && Ahead(cursor, position) <= 0;
      if (undecided && !holder_dead) return Adopted::kLeft;
      // Whoever won its race is protected by the claim itself: what is not intact was lost, or is nonsense.
      if (undecided || position % 8 != 0 || !IntactAtAll(position)) {
        if (W::ChangeClaim(from, claim, kNoClaim)) return Adopted::kNothing;
        continue;
      }
      claim_end_ = NotAbove(cursor, W::LoadClaimEnd(from));  // a loser's end may lie above the cursor
      // A living holder may own the message and not have counted it yet.
      const uint64_t times = DeliveriesOf(W::LoadDeliveries(from), position);
      W::StoreDeliveries(mine, MakeDeliveries(position, std::max<uint64_t>(times, holder_dead ? 0 : 1)));
      StoreEnd(claim_end_);
      // Tentative, even if it was owned: its living holder may finish it before we have it, and then this
      // place is not protected; an owned claim there would be judged nonsense.
      claim_ = position | kClaimTentative;
      W::StoreClaim(mine, claim_);
      W::CountMove(*group_);
      if (!W::ChangeClaim(from, claim, kNoClaim)) {
        if (!Drop()) return Adopted::kNothing;
        continue;
      }
      if (!IsTentative(claim) && !Own()) return Adopted::kNothing;
      return Adopted::kMine;
    }
    return Adopted::kLeft;
  }

  // ---- waiting
  // ---------------------------------------------------------------------------------------------

  // Anything to take, for whoever comes first? Reads shared words only.
  bool SomethingThere() const { return W::LoadHeader(this->HeaderAt(Cursor())) != 0 || !Exists(); }
  // As RingConsumer::MissedWake, for the place where the group stands now.
  bool MissedWake() const {
    const Point here = at();
    return this->SecondPublication(here.position, here.sequence);
  }

  bool Live() const { return W::LoadOwnState(seat_.seat->identity) == seat_.live_state; }
  bool Exists() const { return GroupExists<A>(table_, place_); }
  bool holds_claim() const { return claim_ != kNoClaim; }
  // Is there a message in hand: handed out last, and not given up?
  bool InHand() const { return handed_; }
  // Is the message in hand still whole where it lies?
  bool StillIntact() const { return InHand() && this->IntactAfterReads(current_); }
  uint64_t position() const { return Cursor(); }  // of the group's next message
  // Where the group stands: its next message.
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

  // In a forked child: an empty ring and a group of nobody.
  void Strand(const RingMemory& scratch, const SeatTable& table, const ConsumerSeat& seat) noexcept {
    static_cast<View&>(*this) = View(scratch);
    this->mask_ = 0;
    table_ = table;
    seat_ = seat;
    group_ = &table.control->groups[0];
    claim_ = kNoClaim;
    handed_ = false;
  }

 private:
  uint64_t Cursor() const { return W::LoadCursor(*group_) & ~uint64_t{7}; }
  uint64_t SequenceOf(uint64_t header) const {
    return WidenSequence(static_cast<uint32_t>(header >> 32), W::LoadTailSequence(this->control_->tail));
  }
  // Not judged by C1: there is no header read here that would bring R6 along.
  bool IntactAtAll(uint64_t position) const {
    return W::LoadReserved(this->control_->room) - position <= this->capacity_;
  }

  // Claims what stands at the cursor. kMessage: owned.
  Read Take() {
    if (!Live()) return Read::kEvicted;
    const uint64_t position = W::LoadCursor(*group_);
    // Valid as long as the cursor stands here, which G4 finds out.
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
    claim_ = position | kClaimTentative;
    W::StoreClaim(mine, claim_);
    claim_end_ = at_most_ > 1 ? EndOfClaim(position, header) : frame.next;
    if (claim_end_ != frame.next || Ahead(stored_end_, position) > 0) StoreEnd(claim_end_);  // I3
    if (!W::MoveCursor(*group_, position, claim_end_)) return Drop() ? Read::kOvertaken : Read::kEvicted;
    freed_ = true;
    return Own() ? Read::kMessage : Read::kEvicted;
  }

  // As many small messages as one claim may hold: up to at_most_, within a chunk, not across padding.
  uint64_t EndOfClaim(uint64_t position, uint64_t header) const {
    uint64_t sequence = SequenceOf(header);
    uint64_t end = position + FrameBytes(header & kFrameLengthMask);
    for (uint64_t n = 1; n < at_most_; ++n) {
      const Frame next = this->Judge(W::LoadHeader(this->HeaderAt(end)), end, ++sequence);
      if (next.kind != FrameKind::kMessage || next.next - position > chunk_) break;
      end = next.next;
    }
    return end;
  }

  // Hands out the message at the claim. kOvertaken: there is none to hand out there; the claim has moved on.
  template <class Reserve>
  Read HandOut(Handed* out, Reserve reserve) {
    const uint64_t position = ClaimPosition(claim_);
    const bool tentative = IsTentative(claim_);
    if (position % 8 != 0) return Drop() ? Read::kOvertaken : Read::kEvicted;  // the seat was overwritten
    // Inherited with the seat, and never won: its holder died before it moved the cursor.
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
      std::byte* const copy = reserve((frame.payload + 7) & ~uint64_t{7});
      if (copy == nullptr) return Read::kNoMemory;
      A::CopyOut(copy, data, frame.payload);
      if (!this->IntactAfterReads(position)) return WhyNotIntact(tentative);
      if (!Live()) return Read::kEvicted;
      data = copy;
    }
    SeatWords& mine = seat_.seat->words;
    // Of a tentative claim nobody knows whether another member got its message: it counts as handed out
    // before.
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

  // R was seen beyond the claim. A tentative one had lost its race. An owned one is protected, unless this member
  // was evicted [E1, R6], or a peer that may write the seats has changed its claim.
  Read WhyNotIntact(bool tentative) {
    if (tentative) return Drop() ? Read::kOvertaken : Read::kEvicted;
    W::FenceAfterCopy();
    return Live() && Exists() ? Read::kDamaged : Read::kEvicted;
  }
  // The claim moves from current_ to the frame behind it, or ends. false: adopted by another.
  bool GoOn() {
    const uint64_t to = Ahead(claim_end_, next_) > 0 ? next_ | (claim_ & kClaimTentative) : kNoClaim;
    freed_ = true;
    return Change(to);
  }
  static uint64_t NotAbove(uint64_t cursor, uint64_t end) { return Ahead(end, cursor) > 0 ? cursor : end; }
  void StoreEnd(uint64_t end) {
    W::StoreClaimEnd(seat_.seat->words, end);
    stored_end_ = end;
  }
  bool Own() { return Change(ClaimPosition(claim_)); }
  bool Drop() { return Change(kNoClaim); }
  // After the tentative store every change is a CAS: it fails if this member was evicted and its claim
  // adopted.
  bool Change(uint64_t to) {
    const bool changed = W::ChangeClaim(seat_.seat->words, claim_, to);
    claim_ = changed ? to : kNoClaim;
    return changed;
  }

  SeatTable table_;
  ConsumerSeat seat_;
  GroupPlace place_;
  GroupWords* group_ = nullptr;
  uint64_t claim_ = kNoClaim;  // the word in our seat
  uint64_t claim_end_ = 0;
  uint64_t stored_end_ = 0;          // the word in our seat
  uint64_t current_ = 0, next_ = 0;  // positions of the message handed out last, and behind it
  bool handed_ = false;              // it is not given up yet
  bool freed_ = false;               // cursor or claim moved since the producer was last offered room
  uint64_t at_most_ = 1;
  bool in_place_ = true;
  uint64_t chunk_ = 0;
  uint64_t looked_at_ = 0;  // where the group stood when abandoned claims were last looked for
  uint64_t pending_lost_ = 0, last_lost_ = 0;
  uint64_t next_sequence_ = 0;
  ConsumerCounts counts_;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_GROUP_H_
