// The producer's half of the ring: claim, commit, and making room.
//
// Purpose: turns bytes into published frames in memory handed to it; knows no descriptor, no clock and no
// system call. Waiting for room and waking sleepers are its caller's (parking.h).
// Threads: one at a time, the only writer of RingControl and of the data.
//
// I1  header(position_) is 0 whenever no claim is open, the stop sign; its 8 bytes are reserved but for the
//     very first one, which is 0 because the memory is new. Small messages find it 0: a block ahead of them
//     is cleared at once [ClearAhead].
// I2  A byte is written only below limit_, and only after R (reserved) was stored above it [R6, R7].
// I3  R and limit_ never go back, not even across take-over.
// I4  A live lossless seat at p is never overtaken: R <= p + capacity, or the seat was evicted first [E1].
// I5  A mark is recorded at tail with no frame unpublished, so it never lies above tail.
// I6  While a batch is open its first header is 0 and tail stands before it: none of it is there yet.
// I7  No message ends at the very end of the ring: its successor's header lies in the same lap, so that the
//     straight path adds to a pointer and masks nothing.
// I8  straight_end_ <= ready_end_ <= granted_end_: what goes straight; what needs nothing done before it, so
//     that room is made behind a message and not before one; what may be written in this lap.
#ifndef MILLRACE_INTERNAL_RING_PRODUCER_H_
#define MILLRACE_INTERNAL_RING_PRODUCER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// Who leaves no room: a lossless consumer, a message in the hands of a group's member, or a group that has
// not come further.
struct Holder {
  enum class Kind : uint8_t { kSeat, kClaim, kGroup };
  Kind kind;
  uint32_t index;  // of the seat, or of the group
  uint64_t state;  // of the seat; of a group its generation
  uint64_t position;
};

template <class A>
class RingProducer {
  using W = Words<A>;

 public:
  // `at`: the end of what is published, found by creation (0) or take-over. R stays as it is (I3).
  // `asym`: this process registered for membarrier, and the flags of this epoch say so.
  void Attach(const RingMemory& memory, const SeatTable& seats, Point at, bool asym, uint64_t (*wall_ns)()) {
    control_ = memory.control;
    data_ = memory.data;
    mask_ = memory.capacity - 1;
    capacity_ = memory.capacity;
    max_message_ = memory.max_message;
    seats_ = seats;
    asym_ = asym;
    wall_ns_ = wall_ns;
    position_ = first_.position = at.position;
    sequence_ = first_.sequence = at.sequence;
    tail_ = ~position_;  // whatever it is
    fill_ = 0;
    limit_ = W::LoadReserved(control_->room);
    scanned_ = false;
    seats_used_ = 0;
    last_mark_chunk_ = ~uint64_t{0};
    batch_ = {};
    clear_due_ = false;
    usual_frame_ = 0;
    NothingDue();
    SetStraightEnd();
  }

  // Straight path: does a message of `n` bytes, not above the maximum, fit without asking anybody? If not:
  // ClaimSlow.
  bool Fits(size_t n) const noexcept { return EndOf(n) <= straight_end_; }
  // May so many bytes be written at Place()? What was claimed may, unless the ring is another's by now.
  bool Holds(size_t n) const noexcept { return EndOf(n) <= granted_end_; }
  bool Allows(size_t n) const noexcept { return n <= max_message_; }
  // Where the payload of the next frame goes.
  std::byte* Place() const noexcept { return cursor_ + kFrameHeader; }

  // The last message of its size that fits in what is ready goes at once. What is due then comes behind it
  // (PrepareNext) and holds up no message: one in some hundred small ones would come several times as late as
  // the others. nullptr: ask ClaimSlow.
  std::byte* ClaimReady(size_t n) noexcept {
    const uint64_t frame = FrameBytes(n);
    usual_frame_ = frame <= capacity_ / kMarks / 2 ? frame : 0;
    if (EndOf(n) > ready_end_) return nullptr;
    room_due_ = true;
    sleepers_ = &kLookEveryTime;  // to AfterCommit
    return Place();
  }
  // The same, or pads to the end of the ring and makes room as needed. nullptr: full, HoldingBack tells who
  // is in the way. `n` is at most the maximum message. May publish a padding frame: the caller wakes if it
  // says so.
  std::byte* ClaimSlow(size_t n, bool* wake) {
    if (std::byte* const ready = ClaimReady(n)) return ready;
    const uint64_t frame = FrameBytes(n);
    NothingDue();
    Settle();
    if (!batch_.open) StoreTail();
    const uint64_t to_end = capacity_ - (position_ & mask_);
    // The header that follows stays in this lap too (I7).
    const uint64_t pad = frame + kFrameHeader > to_end ? to_end : 0;
    wanted_end_ = position_ + pad + frame + kFrameHeader;
    if (Ahead(wanted_end_, limit_) > 0 && !MakeRoom(wanted_end_)) return nullptr;
    if (pad != 0) *wake |= Pad(pad);
    SetStraightEnd();
    return Place();
  }

  // Publishes the claimed frame with `used` bytes of payload. true: somebody may be asleep, or something is
  // due: call AfterCommit and, when they are awake, PrepareNext.
  // Members are loaded once: the compiler must assume that a store to shared memory may change them.
  bool Commit(size_t used) noexcept {
    std::byte* const at = cursor_;
    const uint64_t frame = FrameBytes(used);
    std::byte* const next = at + frame;
    const uint64_t tag = tag_;
    const SleeperWords* sleepers = sleepers_;
    fill_ += frame - kFrameHeader - used;  // for a constant multiple of 8: nothing
    cursor_ = next;
    tag_ = tag + kNextTag;
    if (frame > kMostSmallFrame) {
      W::StoreStopSign(HeaderOf(next));  // I1
    } else if (!W::StopSignStands(HeaderOf(next))) [[unlikely]] {
      W::StoreStopSign(HeaderOf(next));
      clear_due_ = true;
      sleepers = &kLookEveryTime;  // to AfterCommit
    }
    W::StoreHeader(HeaderOf(at), tag + used);
    W::CompilerBarrierBeforeSleepers();
    return W::AnySleeper(*sleepers);
  }

  // The tail pair follows: before room is made and at both ends of a batch, so that R never leaves it behind
  // by more than the ring; and when asked (closing, leaving).
  void StoreTail() noexcept { StoreTail({batch_.open ? batch_.position : position(), sequence()}); }

  // ---- batch: several frames, one publication. PROTOCOL.md "Batches"
  // ---------------------------------------

  // No claim and no batch is open. Until the batch ends, Fits says no: whoever publishes past it asks first.
  void BeginBatch() {
    if ((W::Peek(control_->room.flags) & kFlagBatches) == 0)
      W::StoreFlags(control_->room, W::Peek(control_->room.flags) | kFlagBatches);
    Settle();
    if (tail_ != position_) StoreTail({position_, sequence_});  // R may move on while it stands still
    batch_ = {.open = true, .first = cursor_, .position = position_, .sequence = sequence_, .fill = fill_};
    SetStraightEnd();
  }
  bool batch_open() const noexcept { return batch_.open; }
  uint64_t batched() const noexcept {
    return batch_.open ? static_cast<uint32_t>((tag_ >> 32) - batch_.sequence) : 0;
  }

  // As Fits, in a batch. If not: would the batch be too large (BatchHasRoomFor), or ask ClaimSlow.
  bool BatchFits(size_t n) const noexcept { return EndOf(n) <= batch_.straight_end; }
  // Frames without padding, so that the answer does not depend on where in the ring the batch began.
  bool BatchHasRoomFor(size_t n) const noexcept {
    return position() + FrameBytes(n) - batch_.position - batch_.padding <= BatchBytes();
  }
  uint64_t BatchBytes() const noexcept { return capacity_ / 4; }

  // The claimed frame joins the batch with `used` bytes of payload.
  void AddToBatch(uint64_t used) noexcept {
    std::byte* const at = cursor_;
    const uint64_t tag = tag_;
    const uint64_t frame = FrameBytes(used);
    fill_ += frame - kFrameHeader - used;
    cursor_ = at + frame;
    tag_ = tag + kNextTag;
    StoreInBatch(at, tag + used);
    // A stop sign is needed at the end only: here it tells that the lines ahead are ours.
    if (frame <= kMostSmallFrame && !W::StopSignStands(HeaderOf(at + frame))) [[unlikely]]
      ClearAhead();
  }

  // Publishes the batch; none is open afterwards. true: as of Commit.
  bool CommitBatch() noexcept {
    EndBatch();
    if (position_ == batch_.position) return false;
    W::StoreStopSign(HeaderAt(position_));  // I1
    const bool wake = Reveal(HeaderAt(batch_.position), batch_.first_header);
    if (batch_.mark_due) RecordMark();
    return wake;
  }
  // It never happened.
  void AbortBatch() noexcept {
    EndBatch();
    position_ = batch_.position;
    sequence_ = batch_.sequence;
    fill_ = batch_.fill;
    SetStraightEnd();
  }

  // If a publication said so: takes the announcement of sleepers and moves the epoch. true: FUTEX_WAKE the
  // epoch.
  bool AfterCommit() noexcept {
    if (!asym_) W::FencePublishBeforeSleepers();
    if (!W::AnySleeper(seats_.control->sleeper)) return false;
    if (!W::TakeSleepers(seats_.control->sleeper)) return false;
    W::BumpWakeEpoch(control_->wake);
    return true;
  }
  // What is left for when the message is visible and nobody waits for us: clears ahead, makes room for the
  // next one of the usual size. true: the tail pair has moved.
  bool PrepareNext() noexcept {
    if (std::exchange(clear_due_, false)) ClearAhead();
    if (!room_due_) return false;
    MakeRoomAhead();
    return true;
  }

  // After Claim said "full": calls f(Holder) for each that leaves no room for that claim, maybe more than
  // once.
  template <class F>
  void HoldingBack(F f) {
    ForEachHolder([&](const Holder& holder) {
      if (Ahead(wanted_end_, holder.position + capacity_) > 0) f(holder);
    });
  }

  // f(seat, state) for each member that takes part in this group.
  template <class F>
  void ForEachMember(GroupPlace place, F f) {
    for (uint32_t i = 0; i < seats_used_; ++i) {
      const SeatIdentity& seat = seats_.seats[i].identity;
      const uint64_t state = W::LoadSeatState(seat);
      const SeatPhase phase = PhaseOf(state);
      if (phase != SeatPhase::kJoining && phase != SeatPhase::kLive) continue;
      if (DeliveryOf(state) == kDeliveryGroup && GroupOfSeat<A>(seat) == place) f(i, state);
    }
  }

  // joining|live -> evicted, with its reason (E1). false: the holder changed meanwhile.
  bool Evict(uint32_t i, uint64_t state, EvictedWhy why) {
    SeatIdentity& seat = seats_.seats[i].identity;
    W::Note(seat.evicted_sequence, sequence());
    const uint64_t evicted =
        MakeSeatState(GenerationOf(state), SeatPhase::kEvicted, DeliveryOf(state), EvictedBy::kProducer, why);
    if (!W::Evict(seat, state, evicted)) return false;
    CountEviction();
    return true;
  }
  // A seat was emptied by somebody else: the next slow path scans again.
  void ForgetScan() { scanned_ = false; }

  // In a forked child and after closing: every claim goes to the slow path, every store to scratch memory.
  void Strand(const RingMemory& scratch, const SeatTable& seats) noexcept {
    Settle();
    control_ = scratch.control;
    data_ = cursor_ = scratch.data;
    mask_ = 0;
    max_message_ = 0;
    seats_ = seats;
    seats_used_ = 0;
    asym_ = true;
    batch_ = {};
    clear_due_ = false;
    usual_frame_ = 0;
    NothingDue();
    limit_ = position_;
    straight_end_ = ready_end_ = granted_end_ = 0;
  }

  uint64_t position() const {  // of the next frame
    return position_ + static_cast<uint64_t>(cursor_ - (data_ + (position_ & mask_)));
  }
  uint64_t sequence() const {  // of what is published
    return batch_.open ? batch_.sequence : claimed_sequence();
  }
  uint64_t payload_bytes() const {  // published by this producer
    const Point end = batch_.open ? Point{batch_.position, batch_.sequence} : Point{position(), sequence()};
    return end.position - first_.position - kFrameHeader * (end.sequence - first_.sequence) -
           (batch_.open ? batch_.fill : fill_);
  }
  uint64_t evictions() const { return evictions_; }    // by this producer
  uint64_t wanted_end() const { return wanted_end_; }  // where the last claim that made or wanted room ends
  uint64_t max_message() const { return max_message_; }
  uint64_t capacity() const { return capacity_; }
  RingControl& control() const { return *control_; }
  const SeatTable& seats() const { return seats_; }

 private:
  static constexpr uint64_t kNextTag = uint64_t{1} << 32;
  // Bytes. Measured with 64 bytes of payload on one L3: half as much 0.86, twice as much 0.58. With 256 bytes
  // clearing takes longer than it saves.
  static constexpr uint64_t kClearedAhead = 2048;
  // In chunks, beyond the one that is wanted: one full fence for so many. Who joins begins behind them. Twice
  // as many gained nothing more, a third half as much.
  static constexpr uint64_t kAnnouncedAhead = 3;
  static constexpr uint64_t kMostTailLag = uint64_t{16} << 10;  // bytes; see SetStraightEnd

  void StoreTail(Point to) noexcept {
    W::StoreTailSequence(control_->tail, to.sequence);
    W::StoreTailPosition(control_->tail, to.position);
    tail_ = to.position;
  }

  // Of the header behind a message that begins at cursor_.
  uintptr_t EndOf(size_t n) const noexcept {
    return reinterpret_cast<uintptr_t>(cursor_) + FrameBytes(n) + kFrameHeader;
  }
  static uint64_t Earlier(uint64_t a, uint64_t b) { return Ahead(a, b) < 0 ? a : b; }
  static uint64_t& HeaderOf(std::byte* frame) { return *reinterpret_cast<uint64_t*>(frame); }
  uint64_t& HeaderAt(uint64_t position) { return HeaderOf(data_ + (position & mask_)); }
  uint64_t claimed_sequence() const {
    return sequence_ +
           static_cast<uint32_t>(static_cast<uint32_t>(tag_ >> 32) - static_cast<uint32_t>(sequence_));
  }

  // position_ and sequence_ catch up with the straight path, which moves cursor_ and tag_ only: within a lap,
  // and fewer than 2^32 messages at a time.
  void Settle() noexcept {
    position_ = position();
    sequence_ = claimed_sequence();
  }

  // Behind a small message, which met no stop sign: zeros for the messages to come, as far as room was
  // granted and the lap goes. Taking the cache lines of a block at once costs a fraction of taking each when
  // its message comes: nothing else waits in between. Those of the next block are asked for meanwhile, else
  // its zeros would wait for them, and all messages behind the zeros. PROTOCOL.md "Publish"
  [[gnu::cold, gnu::noinline]] void ClearAhead() noexcept {
    const uint64_t here = position(), granted = Earlier(limit_, (here | mask_) + 1);
    const uint64_t from = here + kFrameHeader, end = Earlier(here + kClearedAhead, granted);
    if (Ahead(end, from) > 0) A::Clear(cursor_ + kFrameHeader, end - from);
    const uint64_t fetched = Earlier(end + kClearedAhead, granted);
    for (uint64_t at = end; Ahead(at, fetched) < 0; at += kCacheLine) FetchToWrite(cursor_ + (at - here));
  }

  void NothingDue() noexcept {
    room_due_ = false;
    sleepers_ = asym_ ? &seats_.control->sleeper : &kLookEveryTime;
  }
  // What ClaimSlow would do before the next message. Where there is no room now it will ask again.
  [[gnu::cold, gnu::noinline]] void MakeRoomAhead() noexcept {
    NothingDue();
    Settle();
    StoreTail();
    // Where a padding comes first, the message behind it lies in the same chunk.
    const uint64_t end = position_ + usual_frame_ + kFrameHeader;
    if (Ahead(end, limit_) > 0) MakeRoom(end);
    SetStraightEnd();
  }

  // The moment of publication of a padding or a batch, up to position_. true: somebody may be asleep.
  bool Reveal(uint64_t& header, uint64_t value) noexcept {
    W::StoreHeader(header, value);
    StoreTail({position_, sequence_});
    W::CompilerBarrierBeforeSleepers();
    return W::AnySleeper(*sleepers_);
  }

  // A padding frame of so many bytes, to the end of the ring. true: somebody may be asleep.
  bool Pad(uint64_t bytes) noexcept {
    std::byte* const at = cursor_;
    const uint64_t header = MakeFrameHeader(sequence_, bytes - kFrameHeader, /*padding=*/true);
    position_ += bytes;
    fill_ += bytes;
    if (batch_.open) {
      batch_.padding += bytes;
      StoreInBatch(at, header);
      return false;
    }
    W::StoreStopSign(HeaderAt(position_));  // I1
    return Reveal(HeaderOf(at), header);
  }

  struct Batch {
    bool open = false;           // else the rest is of the last one
    bool mark_due = false;       // room was made meanwhile: I5 forbids the mark until the batch is there
    std::byte* first = nullptr;  // its first frame
    uint64_t position = 0;       // of that
    uint64_t sequence = 0;       // of its first message
    uint64_t fill = 0;           // fill_ before it
    uint64_t padding = 0;        // bytes
    uint64_t first_header = 0;   // kept back until CommitBatch
    uintptr_t straight_end = 0;  // as straight_end_, and BatchBytes
  };

  void StoreInBatch(std::byte* at, uint64_t header) noexcept {
    if (at == batch_.first)
      batch_.first_header = header;  // I6
    else
      W::StoreBatchedHeader(HeaderOf(at), header);
  }

  // Shuts the straight path of the batch and opens that of single messages.
  void EndBatch() noexcept {
    Settle();
    batch_.open = false;
    batch_.straight_end = 0;  // nothing fits
    SetStraightEnd();
  }

  // Where position_ and sequence_ say. One comparison serves the straight path: the end of a claim may pass
  // neither limit_ nor the end of the lap (I7), nor leave the tail pair too far behind, and it stops one
  // message of the usual size before that, for ClaimReady.
  void SetStraightEnd() {
    cursor_ = data_ + (position_ & mask_);
    tag_ = MakeFrameHeader(sequence_, 0);
    const auto address = [this](uint64_t of) {
      return reinterpret_cast<uintptr_t>(cursor_) + (of - position_);
    };
    const uint64_t end = Earlier(limit_, (position_ | mask_) + 1);
    if (batch_.open) {
      const uint64_t batch_end = batch_.position + batch_.padding + BatchBytes() + kFrameHeader;
      batch_.straight_end = address(Earlier(end, batch_end));
      straight_end_ = ready_end_ = granted_end_ = 0;  // nothing fits
    } else {
      granted_end_ = address(end);
      ready_end_ = address(Earlier(end, position_ + kMostTailLag));
      straight_end_ = ready_end_ - usual_frame_;
    }
  }

  void CountEviction() {
    W::Note(control_->counters.evictions, W::Peek(control_->counters.evictions) + 1);
    ++evictions_;
    scanned_ = false;
  }

  // PROTOCOL.md "Making room". false: a seat holds back what ends at `end`.
  bool MakeRoom(uint64_t end) {
    const uint64_t chunk = capacity_ / kMarks;
    const uint64_t want = (end + chunk - 1) & ~(chunk - 1);
    // As far as was announced before the last fence, whoever joined since has seen it.
    if (!(scanned_ && Ahead(want, announced_) <= 0 && Free(want))) Announce(want);
    const uint64_t allow = Free(want) ? want : lowest_ + capacity_;
    if (Ahead(allow, end) < 0) {
      scanned_ = false;
      return false;
    }
    W::StoreReserved(control_->room, allow);
    W::FenceReservedBeforeBytes();
    limit_ = allow;
    if (batch_.open)
      batch_.mark_due = true;
    else
      RecordMark();
    return true;
  }

  // Steps 1 to 3.
  void Announce(uint64_t want) {
    announced_ = want + kAnnouncedAhead * (capacity_ / kMarks);
    W::StoreIntent(control_->room, announced_);
    W::FenceIntentBeforeScan();
    const uint32_t joins = W::LoadJoins(seats_.control->join);
    if (scanned_ && joins == joins_seen_ && Free(want)) return;
    Scan();
    joins_seen_ = joins;
    scanned_ = true;
  }

  // By the last scan: does nobody hold back what ends at `want`?
  bool Free(uint64_t want) const { return !held_ || Ahead(want, lowest_ + capacity_) <= 0; }

  void Scan() {
    if (!AnyGroup() && ScanOrdinary()) return;
    held_ = false;
    lowest_ = position_;
    const bool settled = ForEachHolder([&](const Holder& holder) {
      if (!held_ || Ahead(holder.position, lowest_) < 0) lowest_ = holder.position;
      held_ = true;
    });
    if (settled) return;
    held_ = true;  // what was granted stays granted; no more now
    lowest_ = limit_ - capacity_;
  }

  bool AnyGroup() const {
    uint32_t flags = 0;
    for (uint32_t g = 0; g < kGroups; ++g) flags |= W::LoadGroupFlagsForScan(seats_.control->groups[g]);
    return (flags & kGroupUsed) != 0;
  }

  // Scan, without groups, where every seat is live and valid, or does not count: the thousand seats of a lap
  // should cost less than its messages. false: look at them one by one.
  [[gnu::hot, gnu::noinline]] bool ScanOrdinary() {
    seats_used_ = std::max(seats_used_, std::min(W::LoadSeatsUsed(seats_.control->join), seats_.count));
    constexpr auto kLive = static_cast<uint16_t>(MakeSeatState(0, SeatPhase::kLive, kDeliveryLossless));
    constexpr auto kJoining = static_cast<uint16_t>(MakeSeatState(0, SeatPhase::kJoining, kDeliveryLossless));
    const uint64_t position = position_;
    bool joining = false;
    uint32_t others = 0;
    uint64_t behind = 0, bits = 0;  // how far the last one is behind; of all positions
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

  // All that holds back, f(Holder) each, one maybe more than once. Cursors before claims: who moved the
  // cursor had claimed first [R9, G4]. A claim that moves to another seat is counted before it leaves the old
  // one: if none was counted while the seats were looked through, none was missed [R11, G7]. false: they kept
  // moving.
  template <class F>
  bool ForEachHolder(F f) {
    const uint32_t groups = ForEachGroup(f);
    constexpr int kTries = 8;  // each move takes a death or an eviction
    for (int k = 0; k < kTries; ++k) {
      const uint32_t moves = Moves(groups);
      // It only grows: a peer that shrinks it hides nobody.
      seats_used_ = std::max(seats_used_, std::min(W::LoadSeatsUsed(seats_.control->join), seats_.count));
      for (uint32_t i = 0; i < seats_used_; ++i) VisitSeat(i, groups, f);
      if (Moves(groups) == moves) return true;
    }
    return false;
  }

  // A set bit for each group that exists.
  template <class F>
  uint32_t ForEachGroup(F f) {
    uint32_t groups = 0;
    for (uint32_t g = 0; g < kGroups; ++g) {
      GroupWords& group = seats_.control->groups[g];
      const uint32_t flags = W::LoadGroupFlagsForScan(group);
      if ((flags & kGroupUsed) == 0) continue;
      const uint64_t p = W::LoadCursorForScan(group);
      if ((flags & kGroupCreating) != 0 && LostItsRace(p)) continue;
      if (!Valid(p)) {
        if (W::RetireGroup(group, flags)) CountEviction();
        continue;
      }
      groups |= 1u << g;
      f(Holder{Holder::Kind::kGroup, g, W::Peek(group.generation), p});
    }
    return groups;
  }

  template <class F>
  void VisitSeat(uint32_t i, uint32_t groups, F f) {
    Seat& seat = seats_.seats[i];
    const uint64_t state = W::LoadSeatState(seat.identity);
    if (PhaseOf(state) == SeatPhase::kFree) return;
    if (DeliveryOf(state) == kDeliveryLossless) VisitLossless(seat, i, state, f);
    if (DeliveryOf(state) == kDeliveryGroup && groups != 0) VisitClaim(seat, i, state, groups, f);
  }

  // A joining seat that has already lost its race is passed over (it will see the intent [J4, R2]); a live
  // one out of range is nonsense and evicted.
  template <class F>
  void VisitLossless(Seat& seat, uint32_t i, uint64_t state, F f) {
    const SeatPhase phase = PhaseOf(state);
    if (phase != SeatPhase::kJoining && phase != SeatPhase::kLive) return;
    const uint64_t p = W::LoadSeatPosition(seat.words);
    if (phase == SeatPhase::kJoining && LostItsRace(p)) return;
    if (!Valid(p)) {
      Evict(i, state, EvictedWhy::kNonsense);
      return;
    }
    f(Holder{Holder::Kind::kSeat, i, state, p});
  }

  // What a member claims holds back, even if it was evicted, until another member has adopted it.
  template <class F>
  void VisitClaim(Seat& seat, uint32_t i, uint64_t state, uint32_t groups, F f) {
    const uint64_t claim = W::LoadClaimForScan(seat.words);
    if (claim == kNoClaim) return;
    const std::optional<GroupPlace> place = GroupOfSeat<A>(seat.identity);
    if (!place || (groups >> place->index & 1) == 0) return;
    if (place->generation != W::Peek(seats_.control->groups[place->index].generation)) return;
    const uint64_t p = ClaimPosition(claim);
    if (IsTentative(claim) && LostItsRace(p)) return;
    if (!Valid(p)) {
      if (PhaseOf(state) != SeatPhase::kEvicted) Evict(i, state, EvictedWhy::kNonsense);
      return;
    }
    f(Holder{Holder::Kind::kClaim, i, state, p});
  }
  uint32_t Moves(uint32_t groups) const {
    uint32_t sum = 0;
    for (uint32_t g = 0; groups >> g != 0; ++g) {
      if ((groups >> g & 1) != 0) sum += W::LoadMoves(seats_.control->groups[g]);
    }
    return sum;
  }

  bool Valid(uint64_t p) const { return position_ - p <= capacity_ && p % 8 == 0; }
  bool LostItsRace(uint64_t p) const { return Ahead(limit_, p + capacity_) > 0; }

  // I5. About one per chunk: a boundary from which an overrun or late reader can start.
  void RecordMark() {
    const uint64_t chunk = position_ / (capacity_ / kMarks);
    if (chunk == last_mark_chunk_) return;
    last_mark_chunk_ = chunk;
    Mark& mark = control_->marks[chunk % kMarks];
    W::VoidMark(mark);
    W::FenceMarkVoid();
    W::StoreMarkSequence(mark, sequence_);
    W::StoreMarkTime(mark, wall_ns_());  // everything before is published, nothing after it is
    W::StoreMarkPosition(mark, position_);
  }

  // Hot: one cache line.
  // Two stores per message, not side by side: g++ would make one of the two, and waiting for that store in
  // the next call takes twice as long. Three would leave less room for those to the ring among the 64 that a
  // CPU keeps waiting.
  std::byte* cursor_ = nullptr;  // the next frame
  uintptr_t straight_end_ = 0;   // a claim of the straight path, with the header after it, ends here at most
  uint64_t tag_ = 0;             // header of the next message, but for its length
  const SleeperWords* sleepers_ = nullptr;  // &kLookEveryTime where every publish needs a fence
  uint64_t max_message_ = 0;
  uintptr_t granted_end_ = 0;  // what is claimed, with the header after it, ends here at most
  uint64_t fill_ = 0;          // bytes that are neither payload nor its header: rounding, padding frames
  // Slow path only.
  static constexpr SleeperWords kLookEveryTime{1};
  bool asym_ = false;
  std::byte* data_ = nullptr;
  uint64_t mask_ = 0;
  RingControl* control_ = nullptr;
  uint64_t position_ = 0;  // of the next frame, as of the last slow call (Settle)
  uint64_t sequence_ = 0;  // of the next message, likewise
  Point first_;            // where this producer began
  Batch batch_;
  uintptr_t ready_end_ = 0;   // a claim that needs nothing done before it ends here at most
  uint64_t usual_frame_ = 0;  // bytes, of the last slow claim; 0: too many to make room for in advance
  bool room_due_ = false;     // PrepareNext makes room
  uint64_t limit_ = 0;        // R as this producer stored it
  uint64_t capacity_ = 0;
  SeatTable seats_;
  uint64_t announced_ = 0;  // the intent, as this producer stored it
  bool scanned_ = false;    // joins_seen_, held_, lowest_ are of a scan that no eviction has outdated
  bool held_ = false;       // some seat holds back, the lowest at lowest_
  uint64_t lowest_ = 0;
  uint32_t joins_seen_ = 0;
  uint32_t seats_used_ = 0;
  uint64_t evictions_ = 0;
  uint64_t wanted_end_ = 0;
  uint64_t last_mark_chunk_ = ~uint64_t{0};
  uint64_t tail_ = 0;       // position of the tail pair, as this producer stored it
  bool clear_due_ = false;  // a small message met no stop sign: PrepareNext clears
  uint64_t (*wall_ns_)() = nullptr;
};

// Take-over: where the published frames of a ring without producer end. Also voids marks above that point.
// nullopt: contents that no producer leaves behind.
template <class A>
std::optional<Point> FindTakeOverPoint(const RingMemory& memory) {
  using W = Words<A>;
  const std::optional<Point> end = RingView<A>(memory).End();
  if (!end) return std::nullopt;
  const uint64_t room = W::LoadReserved(memory.control->room) - end->position;
  if (room > memory.capacity) return std::nullopt;
  for (Mark& mark : memory.control->marks) {
    const uint64_t p = W::LoadMarkPosition(mark);
    if (p != ~uint64_t{0} && Ahead(p, end->position) > 0) W::VoidMark(mark);
  }
  return end;
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_PRODUCER_H_
