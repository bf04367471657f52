// A consumer's half of the ring: reading frames in place (lossless) or as checked copies (lossy).
//
// Purpose: finds the next whole message in memory handed to it, counts every loss; knows no descriptor and no
// clock. Waiting is parking.h, taking a seat ring_join.h.
// Threads: one at a time. `seat` and `room` are scratch memory for an observer, so that no path asks.
//
// I1  position() is a frame boundary and sequence() its sequence, or the ring has been overrun (lossy) or the
//     seat was evicted (lossless): both are seen before a byte is believed.
// I2  A lossless consumer's stored position never passes a payload it has handed out.
// I3  start + received + lost + skipped = sequence().
// I4  A frame that the straight path hands out ends before straight_end_: within the lap, at most two chunks
//     behind the stored position. What needs a mask or a loss to be told goes the slow way, which stores the
//     position if a chunk was read since: so storing costs one slow call in up to two chunks. Who needs a
//     copy of everything, and where a word is too large a message, the straight path refuses at once.
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
  kOvertaken,  // lossy: overrun again and again; there is something, try again
  kNoMemory,   // for the copy; nothing has changed, try again
};

struct ConsumerCounts {
  uint64_t received = 0, lost = 0, overruns = 0, skipped = 0, late_wakeups = 0;
};

// After room was freed (a position stored, a seat left or moved on): is the producer waiting for it? true:
// FUTEX_WAKE the room epoch. PROTOCOL.md "Parking the producer".
template <class A>
bool OfferRoom(RoomWaitingWords& waiting, RoomEpochWords& epoch) {
  using W = Words<A>;
  W::FencePositionBeforeWaiter();
  if (!W::RoomWanted(waiting) || !W::TakeRoomWaiter(waiting)) return false;
  W::BumpRoomEpoch(epoch);
  return true;
}

// Where a consumer announces itself.
struct ConsumerSeat {
  Seat* seat = nullptr;
  RoomWaitingWords* room_waiting = nullptr;
  RoomEpochWords* room_epoch = nullptr;
  uint64_t live_state = 0;
  bool holds_back = false;  // lossless
};

template <class A>
class RingConsumer : public RingView<A> {
  using W = Words<A>;
  using View = RingView<A>;

 public:
  // `wanted`: the sequence asked for; what lies between it and `at` is lost already.
  // `in_place`: else Next and NextOfSize refuse before they look at anything, and all messages are copied, by
  // the slow path.
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

  // Asked by the slow path before it goes on: a chunk was read, or the producer wants room.
  bool OwesPosition() const noexcept {
    const uint64_t unstored = position() - stored_;
    return unstored >= chunk_ || (W::RoomWanted(*seat_.room_waiting) && unstored != 0);
  }

  // Straight path. false: store the position if it is owed, then ask NextSlow.
  [[gnu::always_inline]] inline bool Next(Lent* out) noexcept {
    if (W::RoomWanted(*room_waiting_)) [[unlikely]]
      return false;
    const std::byte* const at = cursor_;
    const uint64_t tag = tag_;
    // As unsigned numbers: anything but the header of this sequence is further away than any length.
    const uint64_t payload = W::LoadHeader(HeaderOf(at)) - tag;
    // A word is the commonest small message, and the CPU predicts this branch: where the next header is does
    // not wait for this one then. No more than the largest message: Attach.
    if (payload == kWord) return DeliverStraight(at, at + FrameBytes(kWord), tag, kWord, out);
    if (payload > this->max_message_) [[unlikely]]
      return false;
    // at + FrameBytes(payload), with one step less from the header to where the next one is.
    const auto* const next = reinterpret_cast<const std::byte*>(
        (reinterpret_cast<uintptr_t>(at) + kFrameHeader + 7 + payload) & ~uintptr_t{7});
    return DeliverStraight(at, next, tag, payload, out);
  }

  // The same for messages of one size: a single comparison settles sequence and length.
  [[gnu::always_inline]] inline bool NextOfSize(uint64_t payload, Lent* out) noexcept {
    if (W::RoomWanted(*room_waiting_)) [[unlikely]]
      return false;
    const std::byte* const at = cursor_;
    const uint64_t tag = tag_;
    if (W::LoadHeader(HeaderOf(at)) != tag + payload) [[unlikely]]
      return false;
    return DeliverStraight(at, at + FrameBytes(payload), tag, payload, out);
  }

  // Padding, nothing, eviction, damage.
  Read NextSlow(Lent* out) {
    for (int i = 0; i < 2; ++i) {  // two paddings in a row are not written
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

  // Copies what was handed out last. kMessage: the copy is whole. R decides that, as for a lossy reader: a peer
  // that may write the seats can move our position, and then the producer writes over these bytes although the
  // seat is live. Such a peer is the only cause of kDamaged.
  Read CopyChecked(const Lent& lent, std::byte* to) {
    A::CopyOut(to, lent.data, lent.bytes);
    if (!this->IntactAfterReads(CurrentPosition())) return WhyNotIntact();
    return Live() ? Read::kMessage : Read::kEvicted;
  }

  // Undoes the last delivery: the handler threw. Not if it had gone on itself, or had given the message back
  // (Ack, a look for the next one): what is behind the stored position may be written over.
  void Undeliver(const Lent& lent) noexcept {
    if (sequence() != lent.sequence + 1 || Ahead(stored_, CurrentPosition()) > 0) return;
    pending_lost_ = lent.lost;
    MoveTo({CurrentPosition(), lent.sequence});
  }

  // ---- lossy ---------------------------------------------------------------------------------------------

  // `reserve(bytes)` returns room for a copy of that many bytes, or null: kNoMemory. Bounded: after an overrun it retries with
  // more head-room each time, at last from the tail.
  template <class Reserve>
  Read NextCopy(Lent* out, Reserve reserve) {
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
      std::byte* const copy = reserve((frame.payload + 7) & ~uint64_t{7});
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

  // Is there a message in hand: one that was handed out last, and neither given back nor skipped?
  bool InHand() const { return current_ != cursor_ && Ahead(stored_, CurrentPosition()) <= 0; }
  // Is the message in hand still whole where it lies? Acquire fence, then R: ask before acting on it.
  bool StillIntact() const { return InHand() && this->IntactAfterReads(CurrentPosition()); }

  // Stores the own position: everything handed out before is done with. true: the producer waits for room,
  // FUTEX_WAKE its epoch.
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

  // While nothing is there: asks for the lines of the next message, if that is as small as the last one. Else
  // those behind the header's would be asked for when the header has come, and take as long again. (Large
  // ones would be taken from the producer while it fills them.)
  void FetchNext() const noexcept {
    const auto frame = static_cast<uint64_t>(cursor_ - current_);  // behind the end of a lap: no length
    if (frame > kMostSmallFrame) return;
    const uintptr_t end = reinterpret_cast<uintptr_t>(cursor_) + frame;
    __builtin_prefetch(reinterpret_cast<const void*>(end - 1));
    __builtin_prefetch(reinterpret_cast<const void*>(end - 1 - kCacheLine));
  }
  bool HeaderThere() const { return W::LoadHeader(HeaderOf(cursor_)) != 0; }
  // Anything at this consumer's place: a header, or the bytes are gone.
  bool SomethingThere() const { return HeaderThere() || !this->Intact(position()); }

  // After a time-out with an unchanged epoch: was a wake-up missed?
  bool MissedWake() const { return this->SecondPublication(position(), sequence()); }
  void CountLateWakeup() { ++counts_.late_wakeups; }

  // Moves forward to a boundary found before; what lies between is skipped.
  void SkipTo(Point to) {
    counts_.skipped += to.sequence - sequence();
    MoveTo(to);
    current_ = cursor_;
  }

  // In a forked child: header 0 everywhere, so that every call goes the slow way.
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
  // R was seen beyond our position. An eviction comes before the R that it allows [E1, R6]: after a fence it is
  // seen.
  Read WhyNotIntact() const {
    W::FenceAfterCopy();
    return Live() ? Read::kDamaged : Read::kEvicted;
  }
  static const uint64_t& HeaderOf(const std::byte* frame) {
    return *reinterpret_cast<const uint64_t*>(frame);
  }
  uint64_t position() const { return lap_ + static_cast<uint64_t>(cursor_ - this->data_); }
  // The straight path moves tag_ only, by fewer than 2^32 messages between two slow calls.
  static uint64_t SequenceOf(uint64_t tag, uint64_t before) {
    return before + static_cast<uint32_t>(static_cast<uint32_t>(tag >> 32) - static_cast<uint32_t>(before));
  }
  uint64_t sequence() const { return SequenceOf(tag_, sequence_); }
  // The message handed out last lies before cursor_, in this lap or the one before.
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
  // I4.
  void SetStraightEnd() noexcept {
    const uint64_t lap_end = lap_ + this->capacity_, owed = stored_ + 2 * chunk_;
    straight_end_ =
        reinterpret_cast<uintptr_t>(this->data_) + ((Ahead(owed, lap_end) < 0 ? owed : lap_end) - lap_);
    if (pending_lost_ != 0) straight_end_ = 0;
  }

  // Overrun: goes on at the oldest intact mark, in a row with 0, 1, 2, 4 ... 32 chunks of head-room, then at
  // the end. false: there is nothing a producer would have left.
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
  const std::byte* cursor_ = nullptr;  // the next frame
  uintptr_t straight_end_ = 0;         // I4
  uint64_t tag_ = 0;                   // header of the next message, but for its length
  const RoomWaitingWords* room_waiting_ = nullptr;
  const SeatIdentity* identity_ = nullptr;
  uint64_t live_state_ = 0;
  const std::byte* current_ = nullptr;  // the message handed out last
  uint64_t sequence_ = 0;               // of the next message, as of the last slow call
  // Slow path only.
  uint64_t lap_ = 0;     // position of the first byte of the ring in this lap
  uint64_t stored_ = 0;  // position as the producer sees it
  uint64_t chunk_ = 0;
  uint64_t pending_lost_ = 0;  // to be told with the next message
  ConsumerSeat seat_;
  ConsumerCounts counts_;  // but for `received`
  uint64_t start_ = 0;
  int overruns_in_a_row_ = 0;
  bool resume_newest_ = false;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_CONSUMER_H_
