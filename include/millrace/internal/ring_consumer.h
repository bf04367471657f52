// SPDX-License-Identifier: Apache-2.0
// A consumer's half of the ring: reads frames in place (lossless) or as checked copies (lossy).
//
// Purpose: finds the next whole message in memory that its caller hands to it, and counts every loss. It
// knows no descriptor and no clock. parking.h waits, ring_join.h takes a seat.
// Threads: one at a time. For an observer `seat` and the room words are scratch memory, so that no path has
// to distinguish an observer.
//
// I1  position() is a frame boundary and sequence() is its sequence, unless the ring was overrun (lossy) or
//     the seat was evicted (lossless). Both are detected before a byte is believed.
// I2  The stored position of a lossless consumer never passes a payload that is still handed out.
// I3  start + received + lost + skipped = sequence().
// I4  A frame that the straight path returns ends before straight_end_: within the lap, and at most two
//     chunks above the stored position. The slow path serves what needs a mask or has a loss to report. It
//     also stores the position if a chunk was read since, so storing costs one slow call in up to two chunks.
//     If all messages must be copied, or if 8 bytes exceed the largest message, the straight path always
//     refuses.
#ifndef MILLRACE_INTERNAL_RING_CONSUMER_H_
#define MILLRACE_INTERNAL_RING_CONSUMER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

struct Lent {
  const std::byte* data;
  uint64_t bytes;
  uint64_t sequence;
  uint64_t lost;
};

// What a look for the next message found.
enum class Read : uint8_t {
  kMessage,
  kEmpty,
  kEvicted,
  kDamaged,
  kOvertaken,  // lossy: overrun again and again; there is a message, try again
  kNoMemory,   // no memory for the copy; nothing has changed, try again
};

struct ConsumerCounts {
  uint64_t received = 0, lost = 0, overruns = 0, skipped = 0, late_wakeups = 0;
};

// Takes the request of a producer that waits for room, and raises the room epoch. Call it after room was
// freed: a position was stored, a seat was left or has moved. Returns true if the caller must call FUTEX_WAKE
// on the room epoch. protocol/room.md "Parking the producer"
template <class A>
bool OfferRoom(RoomWaitingWords& waiting, RoomEpochWords& epoch) {
  using W = Words<A>;
  W::FencePositionBeforeWaiter();
  if (!W::RoomWanted(waiting) || !W::TakeRoomWaiter(waiting)) return false;
  W::BumpRoomEpoch(epoch);
  return true;
}

// The shared words through which the producer knows a consumer.
struct ConsumerSeat {
  Seat* seat = nullptr;
  RoomWaitingWords* room_waiting = nullptr;
  RoomEpochWords* room_epoch = nullptr;
  uint64_t live_state = 0;
  bool holds_back = false;  // a lossless consumer: the producer waits for it
};

template <class A>
class RingConsumer : public RingView<A> {
  using W = Words<A>;
  using View = RingView<A>;

 public:
  // Binds this object to a ring and a seat.
  // `wanted`: the sequence that the caller wanted; messages between it and `at` count as lost.
  // `in_place`: if false, Next and NextOfSize refuse before they look at anything, and the slow path copies
  // all messages.
  void Attach(const RingMemory& memory, const ConsumerSeat& seat, Point at, uint64_t wanted,
              bool resume_newest, bool in_place = true) {
    static_cast<View&>(*this) = View(memory);
    seat_ = seat;
    room_waiting_ = in_place && this->max_message_ >= kWord ? seat.room_waiting : &kAskTheSlowPath;
    identity_ = &seat.seat->identity;
    live_state_ = seat.live_state;
    stored_ = at.position;
    pending_lost_ = counts_.lost = at.sequence - wanted;
    start_ = wanted;
    chunk_ = this->chunk();
    resume_newest_ = resume_newest;
    MoveTo(at);
    current_ = cursor_;
    W::Note(seat_.seat->words.start_sequence, start_);
    NoteProgress();
  }

  // ---- lossless, in place --------------------------------------------------------------------------------

  // Returns whether the slow path must store the position now: a chunk was read since it was stored, or the
  // producer waits for room and a message was read.
  bool OwesPosition() const noexcept {
    const uint64_t unstored = position() - stored_;
    return unstored >= chunk_ || (W::RoomWanted(*seat_.room_waiting) && unstored != 0);
  }

  // Reads the next message on the straight path. Returns false if it cannot: then the caller stores the
  // position if OwesPosition() returns true, and calls NextSlow.
  [[gnu::always_inline]] inline bool Next(Lent* out) noexcept {
    if (W::RoomWanted(*room_waiting_)) [[unlikely]]
      return false;
    const std::byte* const at = cursor_;
    const uint64_t tag = tag_;
    // Any word other than a header of this sequence gives an unsigned difference above every length.
    const uint64_t payload = W::LoadHeader(HeaderOf(at)) - tag;
    // 8 bytes is the most common length of small messages. The CPU predicts this branch, so it can find the
    // next header without waiting for this one [NOTES word-size]. Attach has checked that 8 bytes do not
    // exceed the largest message.
    if (payload == kWord) return DeliverStraight(at, at + FrameBytes(kWord), tag, kWord, out);
    if (payload > this->max_message_) [[unlikely]]
      return false;
    // Equals at + FrameBytes(payload), with one instruction less between the header and the address of the
    // next one.
    const auto* const next = reinterpret_cast<const std::byte*>(
        (reinterpret_cast<uintptr_t>(at) + kFrameHeader + 7 + payload) & ~uintptr_t{7});
    return DeliverStraight(at, next, tag, payload, out);
  }

  // Reads the next message of exactly `payload` bytes on the straight path. A single comparison checks
  // sequence and length. Returns false in the cases in which Next does, and for any other length.
  [[gnu::always_inline]] inline bool NextOfSize(uint64_t payload, Lent* out) noexcept {
    if (W::RoomWanted(*room_waiting_)) [[unlikely]]
      return false;
    const std::byte* const at = cursor_;
    const uint64_t tag = tag_;
    if (W::LoadHeader(HeaderOf(at)) != tag + payload) [[unlikely]]
      return false;
    return DeliverStraight(at, at + FrameBytes(payload), tag, payload, out);
  }

  // Reads the next message on the slow path: passes padding, and reports an empty ring, an eviction or
  // damage.
  Read NextSlow(Lent* out) {
    for (int i = 0; i < 2; ++i) {  // no producer writes two paddings in a row
      const uint64_t position = this->position();
      const uint64_t header = W::LoadHeader(HeaderOf(cursor_));
      if (!Live()) return Read::kEvicted;
      const Frame frame = this->Judge(header, position, sequence());
      switch (frame.kind) {
        case FrameKind::kNothing:
          return Read::kEmpty;
        case FrameKind::kDamaged:
          return Read::kDamaged;
        case FrameKind::kPadding:
          MoveTo({frame.next, sequence()});
          break;
        case FrameKind::kMessage:
          Deliver(cursor_ + kFrameHeader, frame, out);
          return Read::kMessage;
      }
    }
    return Read::kDamaged;
  }

  // Copies the message that was handed out last. Returns kMessage if the copy is whole. R decides that, as
  // for a lossy reader: a peer that can write the seats file can move our position, and then the producer
  // overwrites these bytes although the seat is live. Such a peer is the only cause of kDamaged.
  Read CopyChecked(const Lent& lent, std::byte* to) {
    A::CopyOut(to, lent.data, lent.bytes);
    if (!this->IntactAfterReads(CurrentPosition())) return WhyNotIntact();
    return Live() ? Read::kMessage : Read::kEvicted;
  }

  // Undoes the last delivery after its handler threw. Does nothing if the handler has read on or has given
  // the message back (by Ack or by a look for the next one): bytes below the stored position may be
  // overwritten.
  void Undeliver(const Lent& lent) noexcept {
    if (sequence() != lent.sequence + 1 || Ahead(stored_, CurrentPosition()) > 0) return;
    pending_lost_ = lent.lost;
    MoveTo({CurrentPosition(), lent.sequence});
  }

  // ---- lossy ---------------------------------------------------------------------------------------------

  // Copies the next message. `copy_buffer(bytes)` returns room for that many bytes or null; for null the
  // result is kNoMemory. The call is bounded: after an overrun it retries with more head-room each time, and
  // finally from the end.
  template <class CopyBuffer>
  Read NextCopy(Lent* out, CopyBuffer copy_buffer) {
    constexpr int kRounds = 24;
    for (int i = 0; i < kRounds; ++i) {
      const uint64_t position = this->position();
      const uint64_t header = W::LoadHeader(HeaderOf(cursor_));
      if (!this->Intact(position)) {
        if (!Resume()) return Read::kDamaged;
        continue;
      }
      const Frame frame = this->Judge(header, position, sequence());
      if (frame.kind == FrameKind::kNothing) return Live() ? Read::kEmpty : Read::kEvicted;
      if (frame.kind == FrameKind::kDamaged) return Read::kDamaged;
      if (frame.kind == FrameKind::kPadding) {
        MoveTo({frame.next, sequence()});
        continue;
      }
      std::byte* const copy = copy_buffer((frame.payload + 7) & ~uint64_t{7});
      if (copy == nullptr) return Read::kNoMemory;
      A::CopyOut(copy, cursor_ + kFrameHeader, frame.payload);
      if (!this->IntactAfterReads(position)) {
        if (!Resume()) return Read::kDamaged;
        continue;
      }
      overruns_in_a_row_ = 0;
      if (!Live()) return Read::kEvicted;
      Deliver(copy, frame, out);
      return Read::kMessage;
    }
    return Read::kOvertaken;
  }

  // ---- both ----------------------------------------------------------------------------------------------

  // Returns whether a message is in hand: one that was handed out last and was neither given back nor
  // skipped.
  bool InHand() const { return current_ != cursor_ && Ahead(stored_, CurrentPosition()) <= 0; }
  // Returns whether the message in hand is still whole where it lies. Makes an acquire fence and then loads
  // R, so call it after reading the message and before acting on it.
  bool StillIntact() const { return InHand() && this->IntactAfterReads(CurrentPosition()); }

  // Stores the own position: everything handed out before is given back. Returns true if the producer waits
  // for room; the caller must then call FUTEX_WAKE on the room epoch.
  bool StorePosition() {
    stored_ = position();
    NoteProgress();
    W::StorePosition(seat_.seat->words, stored_);
    SetStraightEnd();
    return OfferRoom();
  }
  bool OfferRoom() {
    return seat_.holds_back && internal::OfferRoom<A>(*seat_.room_waiting, *seat_.room_epoch);
  }
  bool PositionStored() const { return stored_ == position(); }

  // Prefetches the lines of the next message, if it is as small as the last one. Called while nothing is
  // there. Otherwise the lines after the header's are requested only after the header has arrived, which
  // doubles the latency [NOTES spin-prefetch]. Large messages are not prefetched: that would take their lines
  // from the producer while it fills them.
  void FetchNext() const noexcept {
    const auto frame = static_cast<uint64_t>(cursor_ - current_);  // not a length at the beginning of a lap
    if (frame > kMostSmallFrame) return;
    const uintptr_t end = reinterpret_cast<uintptr_t>(cursor_) + frame;
    __builtin_prefetch(reinterpret_cast<const void*>(end - 1));
    __builtin_prefetch(reinterpret_cast<const void*>(end - 1 - kCacheLine));
  }
  bool HeaderThere() const { return W::LoadHeader(HeaderOf(cursor_)) != 0; }
  // Returns whether the slow path would find something at this position: a header, or that the bytes were
  // given up.
  bool SomethingThere() const { return HeaderThere() || !this->Intact(position()); }

  // Returns whether a wake-up was missed. Call it after a time-out with an unchanged wake epoch.
  bool MissedWake() const { return this->SecondPublication(position(), sequence()); }
  void CountLateWakeup() { ++counts_.late_wakeups; }

  // Moves forward to a boundary that was found before. The messages in between count as skipped.
  void SkipTo(Point to) {
    counts_.skipped += to.sequence - sequence();
    MoveTo(to);
    current_ = cursor_;
  }

  // Detaches this object from the ring in a forked child. All headers are 0 afterwards, so each call takes
  // the slow path.
  void Strand(const RingMemory& scratch, const ConsumerSeat& seat) noexcept {
    const Point here = at();
    static_cast<View&>(*this) = View(scratch);
    this->mask_ = 0;
    seat_ = seat;
    room_waiting_ = &kAskTheSlowPath;
    identity_ = &seat.seat->identity;
    live_state_ = seat.live_state;
    stored_ = here.position;
    MoveTo(here);
    current_ = cursor_;
  }

  bool Live() const { return W::LoadOwnState(*identity_) == live_state_; }
  Point at() const { return {position(), sequence()}; }
  ConsumerCounts counts() const {  // I3
    ConsumerCounts counts = counts_;
    counts.received = sequence() - start_ - counts.lost - counts.skipped;
    return counts;
  }
  uint64_t start() const { return start_; }
  const ConsumerSeat& seat() const { return seat_; }

 private:
  // Returns why R has passed the own position: kEvicted or kDamaged. The producer evicts before it stores the
  // R that the eviction allows [E1, R6], so the eviction is visible after a fence.
  Read WhyNotIntact() const {
    W::FenceAfterCopy();
    return Live() ? Read::kDamaged : Read::kEvicted;
  }
  static const uint64_t& HeaderOf(const std::byte* frame) {
    return *reinterpret_cast<const uint64_t*>(frame);
  }
  uint64_t position() const { return lap_ + static_cast<uint64_t>(cursor_ - this->data_); }
  // Widens the sequence in a tag. The straight path moves tag_ only, by fewer than 2^32 messages between two
  // slow calls.
  static uint64_t SequenceOf(uint64_t tag, uint64_t before) {
    return before + static_cast<uint32_t>(static_cast<uint32_t>(tag >> 32) - static_cast<uint32_t>(before));
  }
  uint64_t sequence() const { return SequenceOf(tag_, sequence_); }
  // Returns the position of the message handed out last. It lies before cursor_, in this lap or in the one
  // before.
  uint64_t CurrentPosition() const {
    return lap_ + static_cast<uint64_t>(current_ - this->data_) - (current_ > cursor_ ? this->capacity_ : 0);
  }

  [[gnu::always_inline]] inline bool DeliverStraight(const std::byte* at, const std::byte* next, uint64_t tag,
                                                     uint64_t payload, Lent* out) noexcept {
    if (reinterpret_cast<uintptr_t>(next) >= straight_end_) [[unlikely]]
      return false;
    if (!Live()) [[unlikely]]
      return false;
    *out = {at + kFrameHeader, payload, SequenceOf(tag, sequence_), 0};
    current_ = at;
    cursor_ = next;
    tag_ = tag + kNextTag;
    return true;
  }
  void Deliver(const std::byte* data, const Frame& frame, Lent* out) noexcept {
    const Point next{frame.next, sequence() + 1};
    *out = {data, frame.payload, sequence(), pending_lost_};
    pending_lost_ = 0;
    current_ = cursor_;
    MoveTo(next);
  }

  void MoveTo(Point to) noexcept {
    const uint64_t offset = to.position & this->mask_;
    lap_ = to.position - offset;
    cursor_ = this->data_ + offset;
    sequence_ = to.sequence;
    tag_ = MakeFrameHeader(to.sequence, 0);
    SetStraightEnd();
  }
  // Derives straight_end_ from the lap and the stored position (I4).
  void SetStraightEnd() noexcept {
    const uint64_t lap_end = lap_ + this->capacity_, owed = stored_ + 2 * chunk_;
    straight_end_ =
        reinterpret_cast<uintptr_t>(this->data_) + ((Ahead(owed, lap_end) < 0 ? owed : lap_end) - lap_);
    if (pending_lost_ != 0) straight_end_ = 0;
  }

  // Continues after an overrun at the oldest intact mark, or at the end. For overruns in a row the mark must
  // have 0, 1, 2, 4 ... 32 chunks of head-room; after that only the end is left. Returns false if no producer
  // leaves such contents.
  bool Resume() {
    ++counts_.overruns;
    std::optional<Point> to;
    if (!resume_newest_ && overruns_in_a_row_ < 7) {
      const uint64_t headroom = overruns_in_a_row_ == 0 ? 0 : chunk_ << (overruns_in_a_row_ - 1);
      to = this->OldestMark(headroom);
    }
    ++overruns_in_a_row_;
    if (!to || Ahead(to->sequence, sequence()) < 0) to = this->End();
    if (!to || Ahead(to->sequence, sequence()) < 0 || Ahead(to->position, position()) < 0) return false;
    const uint64_t lost = to->sequence - sequence();
    pending_lost_ += lost;
    counts_.lost += lost;
    MoveTo(*to);
    current_ = cursor_;
    return true;
  }

  void NoteProgress() {
    SeatWords& words = seat_.seat->words;
    const ConsumerCounts counts = this->counts();
    W::Note(words.sequence, sequence());
    W::Note(words.received, counts.received);
    W::Note(words.lost, counts.lost);
    W::Note(words.skipped, counts.skipped);
    W::Note(words.overruns, counts.overruns);
    W::Note(words.late_wakeups, counts.late_wakeups);
  }

  static constexpr uint64_t kNextTag = uint64_t{1} << 32;
  static constexpr uint64_t kWord = 8;
  static constexpr RoomWaitingWords kAskTheSlowPath{1};

  // Hot.
  const std::byte* cursor_ = nullptr;  // address of the next frame
  uintptr_t straight_end_ = 0;         // I4
  uint64_t tag_ = 0;                   // header of the next message, with length 0
  const RoomWaitingWords* room_waiting_ = nullptr;
  const SeatIdentity* identity_ = nullptr;
  uint64_t live_state_ = 0;
  const std::byte* current_ = nullptr;  // the message handed out last
  uint64_t sequence_ = 0;               // sequence of the next message, as of the last slow call
  // Slow path only.
  uint64_t lap_ = 0;     // position of the first byte of the ring in this lap
  uint64_t stored_ = 0;  // the position that the producer sees
  uint64_t chunk_ = 0;
  uint64_t pending_lost_ = 0;  // messages lost, to be reported with the next message
  ConsumerSeat seat_;
  ConsumerCounts counts_;  // all except `received`, which counts() computes
  uint64_t start_ = 0;
  int overruns_in_a_row_ = 0;
  bool resume_newest_ = false;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_CONSUMER_H_
