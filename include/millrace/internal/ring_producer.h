// SPDX-License-Identifier: Apache-2.0
// The producer's half of the ring: claims, commits, and makes room.
//
// Purpose: turns bytes into published frames in memory that its caller hands to it. It knows no descriptor,
// no clock of its own and no system call. Its caller waits for room and wakes sleepers (parking.h). How far
// the consumers let R rise is found by RoomScan (ring_scan.h). ring_take_over.h finds where the next producer
// of a ring begins.
// Threads: one at a time. The producer is the only writer of the data. Except for a few words that layout.h
// names (`removed`, for example), it is also the only writer of RingControl.
//
// I1  Between two calls the header at position() is 0, the stop sign, unless a batch is open (I6). Its 8
//     bytes are already reserved. Only the very first header of a ring is not: it is 0 because the memory is
//     new. Small messages normally find the next header 0, because a block ahead of them was cleared
//     [ClearAhead].
// I2  The producer writes a byte only below limit_, and only after it has stored R (reserved) above that byte
//     [R6, R7].
// I3  R and limit_ never decrease, not even across a take-over.
// I4  The producer never overtakes a live lossless seat at p: R <= p + capacity, or the seat was evicted
//     first [E1].
// I5  A mark is recorded at the tail, while no frame is unpublished. So a mark never lies above the tail.
// I6  While a batch is open, its first header is 0 and the tail pair points to that header. No frame of the
//     batch is visible.
// I7  No message ends at the very end of the ring, so the header after it lies in the same lap. The straight
//     path therefore adds to a pointer and masks nothing.
// I8  straight_end_ <= ready_end_ <= granted_end_. Up to straight_end_ a claim takes the straight path. Up to
//     ready_end_ a claim needs no work before it. Up to granted_end_ the producer may write in this lap. The
//     gap between the first two lets the work run after a message instead of before one.
#ifndef MILLRACE_INTERNAL_RING_PRODUCER_H_
#define MILLRACE_INTERNAL_RING_PRODUCER_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_batch.h"
#include "millrace/internal/ring_scan.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

template <class A>
class RingProducer {
  using W = Words<A>;

 public:
  // ---- straight path -------------------------------------------------------------------------------------

  // Returns whether a message of `n` bytes fits on the straight path. If not, call ClaimSlow. Requires
  // Allows(n).
  bool Fits(size_t n) const noexcept { return EndOf(n) <= straight_end_; }
  // Returns whether `n` bytes at Place() are still granted. This is true for a claim, unless the handle was
  // stranded since (closed, or in a forked child).
  bool Holds(size_t n) const noexcept { return EndOf(n) <= granted_end_; }
  bool Allows(size_t n) const noexcept { return n <= max_message_; }
  // Returns the address of the next frame's payload.
  std::byte* Place() const noexcept { return cursor_ + kFrameHeader; }

  // Publishes the claimed frame with `used` bytes of payload. Returns true if a consumer may be asleep or
  // work is due: then call AfterCommit and, after the sleepers have been woken, PrepareNext.
  // Each member is loaded once, because the compiler must assume that a store to shared memory changes
  // members.
  bool Commit(size_t used) noexcept {
    std::byte* const at = cursor_;
    const uint64_t frame = FrameBytes(used);
    std::byte* const next = at + frame;
    const uint64_t tag = tag_;
    const SleeperWords* sleepers = sleepers_;
    fill_ += frame - kFrameHeader - used;  // compiles to nothing if `used` is a constant multiple of 8
    cursor_ = next;
    tag_ = tag + kNextTag;
    if (frame > kMostSmallFrame) {
      W::StoreStopSign(HeaderOf(next));  // I1
    } else if (!W::StopSignStands(HeaderOf(next))) [[unlikely]] {
      W::StoreStopSign(HeaderOf(next));
      clear_due_ = true;
      sleepers = &kLookEveryTime;  // so that PrepareNext is called
    }
    W::StoreHeader(HeaderOf(at), tag + used);
    W::CompilerBarrierBeforeSleepers();
    return W::AnySleeper(*sleepers);
  }

  // Returns whether a message of `n` bytes fits in the batch on the straight path. If not, the caller checks
  // BatchHasRoomFor and then calls ClaimSlow.
  bool BatchFits(size_t n) const noexcept { return EndOf(n) <= batch_.straight_end; }
  // Adds the claimed frame to the batch, with `used` bytes of payload.
  void AddToBatch(uint64_t used) noexcept {
    std::byte* const at = cursor_;
    const uint64_t tag = tag_;
    const uint64_t frame = FrameBytes(used);
    fill_ += frame - kFrameHeader - used;
    cursor_ = at + frame;
    tag_ = tag + kNextTag;
    batch_.StoreHeader(at, tag + used);
    // Only the end of a batch needs a stop sign. Inside the batch, a 0 shows that the block ahead is already
    // cleared.
    if (frame <= kMostSmallFrame && !W::StopSignStands(HeaderOf(at + frame))) [[unlikely]]
      ClearAhead();
  }

  // ---- slow path -----------------------------------------------------------------------------------------

  // Binds this object to a ring. R stays as it is (I3).
  // `at`: the start that creation chose, or the end of what is published, found by take-over.
  // `asym`: this process has registered for membarrier, and the flags of this epoch say so.
  void Attach(const RingMemory& memory, const SeatTable& seats, Point at, bool asym, uint64_t (*wall_ns)()) {
    control_ = memory.control;
    data_ = memory.data;
    mask_ = memory.capacity - 1;
    capacity_ = memory.capacity;
    max_message_ = memory.max_message;
    asym_ = asym;
    wall_ns_ = wall_ns;
    position_ = first_.position = at.position;
    sequence_ = first_.sequence = at.sequence;
    tail_ = ~position_;  // unknown: the next comparison with position_ differs
    fill_ = 0;
    limit_ = W::LoadReserved(control_->room);
    scan_.Attach(control_, seats, capacity_);
    last_mark_chunk_ = ~uint64_t{0};
    batch_ = {};
    clear_due_ = false;
    usual_frame_ = 0;
    NothingDue();
    SetStraightEnd();
  }

  // Serves the last message of the usual size that fits in the ready room, and postpones the work that is due
  // until that message is out (PrepareNext). Otherwise about one small message in a few hundred would be
  // delayed [NOTES room-after]. Returns nullptr if the message does not fit; then call ClaimSlow.
  std::byte* ClaimReady(size_t n) noexcept {
    const uint64_t frame = FrameBytes(n);
    usual_frame_ = frame <= capacity_ / kMarks / 2 ? frame : 0;
    if (EndOf(n) > ready_end_) return nullptr;
    room_due_ = true;
    sleepers_ = &kLookEveryTime;  // so that Commit returns true
    return Place();
  }
  // Claims a frame for `n` bytes: pads to the end of the ring and makes room as needed. Requires Allows(n).
  // Returns nullptr if the ring is full; HoldingBack then reports the blockers. May publish a padding frame:
  // if `*wake` becomes true, the caller must call AfterCommit.
  std::byte* ClaimSlow(size_t n, bool* wake) {
    if (std::byte* const ready = ClaimReady(n)) return ready;
    const uint64_t frame = FrameBytes(n);
    NothingDue();
    Settle();
    if (!batch_.open) StoreTail();
    const uint64_t to_end = capacity_ - (position_ & mask_);
    // The header after the message must lie in this lap too (I7).
    const uint64_t pad = frame + kFrameHeader > to_end ? to_end : 0;
    wanted_end_ = position_ + pad + frame + kFrameHeader;
    if (Ahead(wanted_end_, limit_) > 0 && !MakeRoom(wanted_end_)) return nullptr;
    if (pad != 0) *wake |= Pad(pad);
    SetStraightEnd();
    return Place();
  }

  // Stores the tail pair. Called before room is made, so that R never rises above tail + capacity, and when
  // the producer closes or leaves. During a batch the pair stays at the beginning of the batch.
  void StoreTail() noexcept { StoreTail({batch_.open ? batch_.start.position : position(), sequence()}); }

  // Takes the announcement of sleepers and raises the wake epoch. Call it after a publication that returned
  // true. Returns true if the caller must call FUTEX_WAKE on the wake epoch.
  bool AfterCommit() noexcept {
    if (!asym_) W::FencePublishBeforeSleepers();
    if (!W::AnySleeper(scan_.seats().control->sleeper)) return false;
    if (!W::TakeSleepers(scan_.seats().control->sleeper)) return false;
    W::BumpWakeEpoch(control_->wake);
    return true;
  }
  // Does the work that was postponed until the message is visible and the sleepers have been woken. Clears
  // ahead, and makes room for the next message of the usual size. Returns true if it has stored the tail
  // pair.
  bool PrepareNext() noexcept {
    if (std::exchange(clear_due_, false)) ClearAhead();
    if (!room_due_) return false;
    MakeRoomAhead();
    return true;
  }

  // ---- batch: several frames, one publication. protocol/publish.md "Batches" ------------------------------

  // Begins a batch. Requires that no claim and no batch is open. Until the batch ends, Fits returns false, so
  // that a publication outside the batch takes the slow path.
  void BeginBatch() {
    if ((W::Peek(control_->room.flags) & kFlagBatches) == 0)
      W::StoreFlags(control_->room, W::Peek(control_->room.flags) | kFlagBatches);
    Settle();
    if (tail_ != position_) StoreTail({position_, sequence_});  // the pair stays there while R may rise
    batch_ = {.open = true, .first = cursor_, .start = {position_, sequence_}, .fill = fill_};
    SetStraightEnd();
  }
  bool batch_open() const noexcept { return batch_.open; }
  uint64_t batched() const noexcept {
    return batch_.open ? static_cast<uint32_t>((tag_ >> 32) - batch_.start.sequence) : 0;
  }

  // Returns whether the batch may grow by a message of `n` bytes.
  bool BatchHasRoomFor(size_t n) const noexcept {
    return batch_.HasRoomFor(FrameBytes(n), position(), capacity_);
  }

  // Publishes the batch and ends it. Returns true in the cases in which Commit does.
  bool CommitBatch() noexcept {
    EndBatch();
    if (position_ == batch_.start.position) return false;
    W::StoreStopSign(HeaderAt(position_));  // I1
    const bool wake = Reveal(HeaderAt(batch_.start.position), batch_.first_header);
    if (batch_.mark_due) RecordMark();
    return wake;
  }
  // Discards the batch and ends it. No reader has seen any of its frames.
  void AbortBatch() noexcept {
    EndBatch();
    position_ = batch_.start.position;
    sequence_ = batch_.start.sequence;
    fill_ = batch_.fill;
    SetStraightEnd();
  }

  // ---- blockers. protocol/room.md ------------------------------------------------------------------------

  // Calls f(Blocker) for each blocker that leaves no room for the last claim. Call it after ClaimSlow
  // returned nullptr. The same blocker may be reported more than once.
  template <class F>
  void HoldingBack(F f) {
    scan_.HoldingBack(Here(), wanted_end_, f);
  }
  // Calls f(seat, state) for each joining or live member of this group.
  template <class F>
  void ForEachMember(GroupPlace place, F f) const {
    scan_.ForEachMember(place, f);
  }
  // Evicts seat `i` for the reason `why`, by CAS from `state` (joining or live) [E1]. Returns false if the
  // seat's state word is no longer `state`.
  bool Evict(uint32_t i, uint64_t state, EvictedWhy why) { return scan_.Evict(i, state, why, sequence()); }
  // Forgets the last scan, so that the next slow path scans again. Called after a seat was emptied or freed
  // outside this class.
  void ForgetScan() { scan_.Forget(); }

  // Detaches this object from the ring, in a forked child and after closing. Afterwards each claim takes the
  // slow path, and each store goes to scratch memory.
  void Strand(const RingMemory& scratch, const SeatTable& seats) noexcept {
    Settle();
    control_ = scratch.control;
    data_ = cursor_ = scratch.data;
    mask_ = 0;
    max_message_ = 0;
    scan_.Strand(control_, seats);
    asym_ = true;
    batch_ = {};
    clear_due_ = false;
    usual_frame_ = 0;
    NothingDue();
    limit_ = position_;
    straight_end_ = ready_end_ = granted_end_ = 0;
  }

  uint64_t position() const {  // position of the next frame
    return position_ + static_cast<uint64_t>(cursor_ - (data_ + (position_ & mask_)));
  }
  uint64_t sequence() const {  // sequence after what is published
    return batch_.open ? batch_.start.sequence : claimed_sequence();
  }
  uint64_t payload_bytes() const {  // bytes of payload that this producer published
    const Point end = batch_.open ? batch_.start : Point{position(), sequence()};
    return end.position - first_.position - kFrameHeader * (end.sequence - first_.sequence) -
           (batch_.open ? batch_.fill : fill_);
  }
  uint64_t evictions() const { return scan_.evictions(); }  // evictions by this producer
  uint64_t wanted_end() const { return wanted_end_; }       // end of the last claim that made or wanted room
  uint64_t max_message() const { return max_message_; }
  uint64_t capacity() const { return capacity_; }
  RingControl& control() const { return *control_; }
  const SeatTable& seats() const { return scan_.seats(); }

 private:
  static constexpr uint64_t kNextTag = uint64_t{1} << 32;
  // Bytes that ClearAhead zeroes [NOTES block-size]. Only messages up to kMostSmallFrame clear ahead: for
  // larger ones, writing everything twice costs more than it saves.
  static constexpr uint64_t kClearedAhead = 2048;
  static constexpr uint64_t kMostTailLag = uint64_t{16} << 10;  // bytes; see SetStraightEnd

  void StoreTail(Point to) noexcept {
    W::StoreTailSequence(control_->tail, to.sequence);
    W::StoreTailPosition(control_->tail, to.position);
    tail_ = to.position;
  }

  // Returns the address of the end of the header that would follow a message of `n` bytes at cursor_.
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

  // Returns by what a scan judges. Requires that position_ and sequence_ are up to date (Settle).
  ProducerPlace Here() const { return {position_, batch_.open ? batch_.start.sequence : sequence_, limit_}; }

  // Brings position_ and sequence_ up to date. The straight path moves cursor_ and tag_ only, within one lap
  // and by fewer than 2^32 messages between two calls of Settle.
  void Settle() noexcept {
    position_ = position();
    sequence_ = claimed_sequence();
  }

  // Zeroes the block ahead, within the granted room and this lap, so that the next small messages find their
  // stop sign. Runs after a small message that found none. Taking the cache lines of a block together costs a
  // fraction of taking each line when its message is published, because no other store waits in between
  // [NOTES clear-ahead].
  // Also prefetches the lines of the block after that one. Otherwise that block's zeros would wait for their
  // lines, and all messages after the zeros would wait with them [NOTES prefetch].
  // protocol/publish.md "Publish"
  [[gnu::cold, gnu::noinline]] void ClearAhead() noexcept {
    const uint64_t here = position(), granted = Earlier(limit_, (here | mask_) + 1);
    const uint64_t from = here + kFrameHeader, end = Earlier(here + kClearedAhead, granted);
    if (Ahead(end, from) > 0) A::Clear(cursor_ + kFrameHeader, end - from);
    const uint64_t fetched = Earlier(end + kClearedAhead, granted);
    for (uint64_t at = end; Ahead(at, fetched) < 0; at += kCacheLine) FetchToWrite(cursor_ + (at - here));
  }

  void NothingDue() noexcept {
    room_due_ = false;
    sleepers_ = asym_ ? &scan_.seats().control->sleeper : &kLookEveryTime;
  }
  // Makes room for the next message now, as ClaimSlow would do when it is claimed. If there is no room now,
  // the next claim finds that out.
  [[gnu::cold, gnu::noinline]] void MakeRoomAhead() noexcept {
    NothingDue();
    Settle();
    StoreTail();
    // If a padding is needed first, the message after it ends in the chunk of `end`, and MakeRoom rounds up
    // to chunks.
    const uint64_t end = position_ + usual_frame_ + kFrameHeader;
    if (Ahead(end, limit_) > 0) MakeRoom(end);
    SetStraightEnd();
  }

  // Publishes a padding or a batch that ends at position_: stores its first header, then the tail pair.
  // Returns true if a consumer may be asleep.
  bool Reveal(uint64_t& header, uint64_t value) noexcept {
    W::StoreHeader(header, value);
    StoreTail({position_, sequence_});
    W::CompilerBarrierBeforeSleepers();
    return W::AnySleeper(*sleepers_);
  }

  // Adds a padding frame of `bytes` bytes, which ends at the end of the ring. Outside a batch the padding is
  // published immediately. Returns true if a consumer may be asleep.
  bool Pad(uint64_t bytes) noexcept {
    std::byte* const at = cursor_;
    const uint64_t header = MakeFrameHeader(sequence_, bytes - kFrameHeader, /*padding=*/true);
    position_ += bytes;
    fill_ += bytes;
    if (batch_.open) {
      batch_.padding += bytes;
      batch_.StoreHeader(at, header);
      return false;
    }
    W::StoreStopSign(HeaderAt(position_));  // I1
    return Reveal(HeaderOf(at), header);
  }

  // Closes the straight path of the batch and opens that of single messages.
  void EndBatch() noexcept {
    Settle();
    batch_.Close();
    SetStraightEnd();
  }

  // Derives cursor_, tag_ and the bounds (I8) from position_ and sequence_. The straight path makes a single
  // comparison, so one bound combines four limits. A claim may not end above limit_ or after the end of the
  // lap (I7). It may not let the tail pair lag more than kMostTailLag. And the straight path stops one
  // message of the usual size earlier, which ClaimReady then serves.
  void SetStraightEnd() {
    cursor_ = data_ + (position_ & mask_);
    tag_ = MakeFrameHeader(sequence_, 0);
    const auto address = [this](uint64_t of) {
      return reinterpret_cast<uintptr_t>(cursor_) + (of - position_);
    };
    const uint64_t end = Earlier(limit_, (position_ | mask_) + 1);
    if (batch_.open) {
      batch_.straight_end = address(Earlier(end, batch_.LastEnd(capacity_)));
      straight_end_ = ready_end_ = granted_end_ = 0;  // nothing fits
    } else {
      granted_end_ = address(end);
      ready_end_ = address(Earlier(end, position_ + kMostTailLag));
      straight_end_ = ready_end_ - usual_frame_;
    }
  }

  // Raises R so that a claim may end at `end`. Returns false if a blocker leaves no room for it.
  // protocol/room.md "Making room"
  bool MakeRoom(uint64_t end) {
    const uint64_t chunk = capacity_ / kMarks;
    const uint64_t allow = scan_.Allow(Here(), (end + chunk - 1) & ~(chunk - 1));
    if (Ahead(allow, end) < 0) {
      scan_.Forget();
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

  // Records a mark at position_, at most once per chunk: a boundary where an overrun or late reader can start
  // (I5).
  void RecordMark() {
    const uint64_t chunk = position_ / (capacity_ / kMarks);
    if (chunk == last_mark_chunk_) return;
    last_mark_chunk_ = chunk;
    Mark& mark = control_->marks[chunk % kMarks];
    W::VoidMark(mark);
    W::FenceMarkVoid();
    W::StoreMarkSequence(mark, sequence_);
    W::StoreMarkTime(mark, wall_ns_());  // everything before the mark is published, nothing after it is
    W::StoreMarkPosition(mark, position_);
  }

  // Hot: one cache line.
  // Commit stores to two of these members per message. The two are not adjacent, because g++ would merge the
  // stores into one wide store, and the next call would wait for it. A third store per message would take
  // room in the CPU's store buffer from the stores to the ring [NOTES pointer-and-tag].
  std::byte* cursor_ = nullptr;  // address of the next frame
  // A claim on the straight path, with the header after it, ends here at most.
  uintptr_t straight_end_ = 0;
  uint64_t tag_ = 0;                        // header of the next message, with length 0
  const SleeperWords* sleepers_ = nullptr;  // &kLookEveryTime if Commit must return true each time
  uint64_t max_message_ = 0;
  uintptr_t granted_end_ = 0;  // what is claimed, with the header after it, ends here at most
  uint64_t fill_ = 0;          // bytes other than payloads and their headers: rounding, padding frames
  // Slow path only.
  static constexpr SleeperWords kLookEveryTime{1};
  bool asym_ = false;
  std::byte* data_ = nullptr;
  uint64_t mask_ = 0;
  RingControl* control_ = nullptr;
  uint64_t position_ = 0;  // position of the next frame, as of the last slow call (Settle)
  uint64_t sequence_ = 0;  // sequence of the next message, as of the last slow call
  Point first_;            // where this producer began
  OpenBatch<A> batch_;
  uintptr_t ready_end_ = 0;   // a claim that needs no work before it ends here at most
  uint64_t usual_frame_ = 0;  // bytes, frame of the last slow claim; 0: too large to make room in advance
  bool room_due_ = false;     // PrepareNext makes room
  uint64_t limit_ = 0;        // the limit: R as this producer stored it
  uint64_t capacity_ = 0;
  RoomScan<A> scan_;
  uint64_t wanted_end_ = 0;
  uint64_t last_mark_chunk_ = ~uint64_t{0};
  uint64_t tail_ = 0;       // position of the tail pair, as this producer stored it
  bool clear_due_ = false;  // a small message found no stop sign: PrepareNext clears ahead
  uint64_t (*wall_ns_)() = nullptr;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_PRODUCER_H_
