// A consumer's half of the ring: reading frames in place (lossless) or as checked copies (lossy).
//
// Purpose: finds the next whole message in memory handed to it, counts every loss; knows no descriptor and no
// clock. Waiting is parking.h, taking a seat ring_join.h.
// Threads: one at a time. `seat` and `room` are scratch memory for an observer, so that no path asks.
//
// I1  position_ is a frame boundary and sequence_ its sequence, or the ring has been overrun (lossy) or the
//     seat was evicted (lossless): both are seen before a byte is believed.
// I2  A lossless consumer's stored position never passes a payload it has handed out.
// I3  start + received + lost + skipped = sequence_.
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

enum class Read : uint8_t {
  kMessage,
  kEmpty,
  kEvicted,
  kDamaged,
  kOvertaken,  // lossy: overrun again and again; there is something, try again
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
  void Attach(const RingMemory& memory, const ConsumerSeat& seat, Point at, uint64_t wanted,
              bool resume_newest) {
    static_cast<View&>(*this) = View(memory);
    seat_ = seat;
    position_ = stored_ = current_ = at.position;
    sequence_ = at.sequence;
    pending_lost_ = counts_.lost = at.sequence - wanted;
    start_ = wanted;
    chunk_ = this->chunk();
    resume_newest_ = resume_newest;
    W::Note(seat_.seat->words.start_sequence, start_);
    NoteProgress();
  }

  // ---- lossless, in place --------------------------------------------------------------------------------

  // True when the position must be stored before going on: a chunk was read, or the producer wants room.
  bool OwesPosition() const noexcept {
    return position_ - stored_ >= chunk_ || (W::RoomWanted(*seat_.room_waiting) && position_ != stored_);
  }

  // Straight path. false: ask NextSlow.
  bool Next(Lent* out) noexcept {
    const uint64_t header = W::LoadHeader(this->HeaderAt(position_));
    if (FrameTag(header) != ExpectedTag(sequence_)) return false;
    const uint64_t payload = header & kFrameLengthMask;
    const uint64_t bytes = FrameBytes(payload);
    const uint64_t offset = position_ & this->mask_;
    if (payload > this->max_message_ || offset + bytes > this->capacity_) [[unlikely]]
      return false;
    if (W::LoadOwnState(seat_.seat->identity) != seat_.live_state) [[unlikely]]
      return false;
    Deliver(this->data_ + offset + kFrameHeader, payload, position_ + bytes, out);
    return true;
  }

  // The same for messages of one size: a single comparison settles sequence and length.
  bool NextOfSize(uint64_t payload, Lent* out) noexcept {
    const uint64_t header = W::LoadHeader(this->HeaderAt(position_));
    if (header != MakeFrameHeader(sequence_, payload)) return false;
    const uint64_t bytes = FrameBytes(payload);
    const uint64_t offset = position_ & this->mask_;
    if (offset + bytes > this->capacity_) [[unlikely]]
      return false;
    if (W::LoadOwnState(seat_.seat->identity) != seat_.live_state) [[unlikely]]
      return false;
    Deliver(this->data_ + offset + kFrameHeader, payload, position_ + bytes, out);
    return true;
  }

  // Padding, nothing, eviction, damage.
  Read NextSlow(Lent* out) {
    for (int i = 0; i < 2; ++i) {  // two paddings in a row are not written
      const uint64_t header = W::LoadHeader(this->HeaderAt(position_));
      if (!Live()) return Read::kEvicted;
      const Frame frame = this->Judge(header, position_, sequence_);
      switch (frame.kind) {
        case FrameKind::kNothing:
          return Read::kEmpty;
        case FrameKind::kDamaged:
          return Read::kDamaged;
        case FrameKind::kPadding:
          position_ = frame.next;
          break;
        case FrameKind::kMessage:
          Deliver(this->PayloadAt(position_), frame.payload, frame.next, out);
          return Read::kMessage;
      }
    }
    return Read::kDamaged;
  }

  // Copies what was handed out; false: evicted meanwhile, the copy may be torn.
  bool CopyChecked(const Lent& lent, std::byte* to) {
    A::CopyOut(to, lent.data, lent.bytes);
    W::FenceAfterCopy();
    return Live();
  }

  // Undoes the last delivery: the handler threw.
  void Undeliver(const Lent& lent) noexcept {
    position_ = current_;
    sequence_ = lent.sequence;
    pending_lost_ = lent.lost;
    --counts_.received;
  }

  // ---- lossy ---------------------------------------------------------------------------------------------

  // `reserve(bytes)` returns room for a copy of that many bytes. Bounded: after an overrun it retries with
  // more head-room each time, at last from the tail.
  template <class Reserve>
  Read NextCopy(Lent* out, Reserve reserve) {
    constexpr int kRounds = 24;
    for (int i = 0; i < kRounds; ++i) {
      const uint64_t header = W::LoadHeader(this->HeaderAt(position_));
      if (!this->Intact(position_)) {
        if (!Resume()) return Read::kDamaged;
        continue;
      }
      const Frame frame = this->Judge(header, position_, sequence_);
      if (frame.kind == FrameKind::kNothing) return Live() ? Read::kEmpty : Read::kEvicted;
      if (frame.kind == FrameKind::kDamaged) return Read::kDamaged;
      if (frame.kind == FrameKind::kPadding) {
        position_ = frame.next;
        continue;
      }
      std::byte* const copy = reserve((frame.payload + 7) & ~uint64_t{7});
      A::CopyOut(copy, this->PayloadAt(position_), frame.payload);
      if (!this->IntactAfterReads(position_)) {
        if (!Resume()) return Read::kDamaged;
        continue;
      }
      overruns_in_a_row_ = 0;
      if (!Live()) return Read::kEvicted;
      Deliver(copy, frame.payload, frame.next, out);
      return Read::kMessage;
    }
    return Read::kOvertaken;
  }

  // ---- both ----------------------------------------------------------------------------------------------

  // Is the message handed out last still whole? Acquire fence, then R: ask before acting on it.
  bool StillIntact() const { return this->IntactAfterReads(current_); }

  // Stores the own position: everything handed out before is done with. true: the producer waits for room,
  // FUTEX_WAKE its epoch.
  bool StorePosition() {
    stored_ = position_;
    NoteProgress();
    W::StorePosition(seat_.seat->words, position_);
    return OfferRoom();
  }
  bool OfferRoom() {
    return seat_.holds_back && internal::OfferRoom<A>(*seat_.room_waiting, *seat_.room_epoch);
  }
  bool PositionStored() const { return stored_ == position_; }

  // Anything at this consumer's place: a header, or the bytes are gone.
  bool SomethingThere() const { return this->SomethingAt(position_); }

  // After a time-out with an unchanged epoch: was a wake-up missed?
  bool MissedWake() const { return this->SecondPublication(position_, sequence_); }
  void CountLateWakeup() { ++counts_.late_wakeups; }

  // Moves forward to a boundary found before; what lies between is skipped.
  void SkipTo(Point to) {
    counts_.skipped += to.sequence - sequence_;
    position_ = to.position;
    sequence_ = to.sequence;
    current_ = position_;
  }

  // In a forked child: header 0 everywhere, so that every call goes the slow way.
  void Strand(const RingMemory& scratch, const ConsumerSeat& seat) noexcept {
    static_cast<View&>(*this) = View(scratch);
    this->mask_ = 0;
    seat_ = seat;
    stored_ = position_;
  }

  bool Live() const { return W::LoadOwnState(seat_.seat->identity) == seat_.live_state; }
  Point at() const { return {position_, sequence_}; }
  const ConsumerCounts& counts() const { return counts_; }
  uint64_t start() const { return start_; }
  const ConsumerSeat& seat() const { return seat_; }

 private:
  void Deliver(const std::byte* data, uint64_t payload, uint64_t next, Lent* out) noexcept {
    *out = {data, payload, sequence_, pending_lost_};
    pending_lost_ = 0;
    current_ = position_;
    position_ = next;
    ++sequence_;
    ++counts_.received;
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
    if (!to || Ahead(to->sequence, sequence_) < 0) to = this->End();
    if (!to || Ahead(to->sequence, sequence_) < 0 || Ahead(to->position, position_) < 0) return false;
    const uint64_t lost = to->sequence - sequence_;
    pending_lost_ += lost;
    counts_.lost += lost;
    position_ = to->position;
    sequence_ = to->sequence;
    return true;
  }

  void NoteProgress() {
    SeatWords& words = seat_.seat->words;
    W::Note(words.sequence, sequence_);
    W::Note(words.received, counts_.received);
    W::Note(words.lost, counts_.lost);
    W::Note(words.skipped, counts_.skipped);
    W::Note(words.overruns, counts_.overruns);
    W::Note(words.late_wakeups, counts_.late_wakeups);
  }

  uint64_t position_ = 0;  // of the next frame
  uint64_t sequence_ = 0;  // of the next message
  uint64_t stored_ = 0;    // position as the producer sees it
  uint64_t chunk_ = 0;
  uint64_t pending_lost_ = 0;  // to be told with the next message
  uint64_t current_ = 0;       // position of the message handed out last
  ConsumerSeat seat_;
  ConsumerCounts counts_;
  uint64_t start_ = 0;
  int overruns_in_a_row_ = 0;
  bool resume_newest_ = false;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_CONSUMER_H_
