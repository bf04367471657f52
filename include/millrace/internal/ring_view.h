// SPDX-License-Identifier: Apache-2.0
// What any process that can read a ring may find out: where it ends, where it can be joined, what is intact.
//
// Purpose: reads positions and boundaries of a ring while a producer writes it.
// Threads: any number of views of one ring. A view itself belongs to one thread.
// The memory may be hostile: every word is loaded once, checked, then used. Every loop has a bound.
//
// I1  A Point that was handed out was a frame boundary with that sequence at the moment of the last check.
// I2  A position p is intact while R - p <= capacity: none of its bytes has been given up for overwriting.
#ifndef MILLRACE_INTERNAL_RING_VIEW_H_
#define MILLRACE_INTERNAL_RING_VIEW_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// A frame boundary: its position and the sequence of the message there (or of the next one).
struct Point {
  uint64_t position = 0;
  uint64_t sequence = 0;
};

// The bytes of one ring, and its sizes, which are those of the private copy of the header.
struct RingMemory {
  RingControl* control = nullptr;  // consumers never write through it: their mapping is read-only
  std::byte* data = nullptr;
  uint64_t capacity = 0;
  uint64_t max_message = 0;
};

enum class FrameKind : uint8_t { kNothing, kMessage, kPadding, kDamaged };

struct Frame {
  FrameKind kind;
  uint64_t payload;  // bytes
  uint64_t next;     // position of the following frame
};

template <class A>
class RingView {
  using W = Words<A>;

 public:
  RingView() = default;
  explicit RingView(const RingMemory& memory)
      : control_(memory.control),
        data_(memory.data),
        mask_(memory.capacity - 1),
        capacity_(memory.capacity),
        max_message_(memory.max_message) {}

  uint64_t capacity() const { return capacity_; }
  uint64_t chunk() const { return capacity_ / kMarks; }
  const RingControl& control() const { return *control_; }

  const uint64_t& HeaderAt(uint64_t position) const {
    return *reinterpret_cast<const uint64_t*>(data_ + (position & mask_));
  }
  const std::byte* PayloadAt(uint64_t position) const { return data_ + (position & mask_) + kFrameHeader; }

  // Returns what a header word means at this position and sequence. Every reader judges every header here.
  Frame Judge(uint64_t header, uint64_t position, uint64_t sequence) const {
    if (header == 0) return {FrameKind::kNothing, 0, position};
    const uint64_t payload = header & kFrameLengthMask;
    const uint64_t bytes = FrameBytes(payload);
    const uint64_t room = capacity_ - (position & mask_);
    if (FrameTag(header) == ExpectedTag(sequence)) {
      if (payload <= max_message_ && bytes <= room) return {FrameKind::kMessage, payload, position + bytes};
    } else if (FrameTag(header) == FrameTag(MakeFrameHeader(sequence, 0, /*padding=*/true))) {
      if (payload % 8 == 0 && bytes == room) return {FrameKind::kPadding, payload, position + bytes};
    }
    return {FrameKind::kDamaged, payload, position};
  }

  // Returns whether a position is intact (I2). Call it after an acquire load that read a byte at this
  // position, or as a first look.
  bool Intact(uint64_t position) const {
    return W::LoadReservedAfterHeader(control_->room) - position <= capacity_;
  }
  // Returns whether a position is intact (I2). Call it after plain or relaxed loads of the bytes at this
  // position.
  bool IntactAfterReads(uint64_t position) const {
    W::FenceAfterCopy();
    return W::LoadReservedAfterFence(control_->room) - position <= capacity_;
  }

  // Returns whether a reader would find something at this boundary: a header, or that its bytes were given
  // up.
  bool SomethingAt(uint64_t position) const {
    return W::LoadHeader(HeaderAt(position)) != 0 || !Intact(position);
  }

  bool HeaderThereAt(uint64_t position) const { return W::LoadHeader(HeaderAt(position)) != 0; }
  // Returns true if the file has lost bytes: nothing is at a reader's position although the producer has
  // published there, or R lies below what this reader has read. The tail position is loaded first, because
  // everything below it was published before it was stored.
  bool Missing(uint64_t position) const {
    const uint64_t tail = W::LoadTailPosition(control_->tail);
    if (HeaderThereAt(position)) return false;
    const uint64_t reserved = W::LoadReservedAfterHeader(control_->room);
    if (Ahead(reserved, position) < 0) return true;
    return reserved - position <= capacity_ && Ahead(tail, position) > 0;
  }

  // Returns the tail pair, made consistent (protocol/publish.md "Tail pair"). Returns nullopt if it was
  // lapped kTries times in a row, or for contents that no producer writes.
  std::optional<Point> Tail() const {
    constexpr int kTries = 1000;
    for (int i = 0; i < kTries; ++i) {
      const uint64_t p = W::LoadTailPosition(control_->tail);
      const uint64_t s = W::LoadTailSequence(control_->tail);
      if (p % 8 != 0) return std::nullopt;
      const uint64_t h = W::LoadHeader(HeaderAt(p));
      if (W::LoadReserved(control_->room) - p > capacity_) continue;
      if ((h & kFramePublished) == 0) return Point{p, s};
      return Point{p, WidenSequence(static_cast<uint32_t>(h >> 32), s)};
    }
    return std::nullopt;
  }

  // Walks published frames from a boundary to the first that is not there, or to sequence `until`, whichever
  // is first. Walks at most capacity / 8 frames, because no more fit in the ring. Returns nullopt if it was
  // lapped or met damage; then `*reached` is that place.
  std::optional<Point> Walk(Point from, std::optional<uint64_t> until = std::nullopt,
                            Point* reached = nullptr) const {
    const uint64_t bound = capacity_ / kFrameHeader;
    for (uint64_t i = 0; i <= bound; ++i) {
      if (until && Ahead(from.sequence, *until) >= 0) return from;
      if (reached != nullptr) *reached = from;
      const uint64_t header = W::LoadHeader(HeaderAt(from.position));
      if (!Intact(from.position)) return std::nullopt;
      const Frame frame = Judge(header, from.position, from.sequence);
      if (frame.kind == FrameKind::kNothing) return from;
      if (frame.kind == FrameKind::kDamaged) return std::nullopt;
      from.position = frame.next;
      if (frame.kind == FrameKind::kMessage) ++from.sequence;
    }
    return from;  // the producer was as fast as this walk: a boundary, but no longer the newest
  }

  // Returns the boundary at `position` with its sequence: that of the message there or, if there is none yet,
  // that of the end.
  Point PlaceAt(uint64_t position) const {
    const uint64_t header = W::LoadHeader(HeaderAt(position));
    const uint64_t near = W::LoadTailSequence(control_->tail);
    if (header != 0) return {position, WidenSequence(static_cast<uint32_t>(header >> 32), near)};
    return {position, End().value_or(Point{position, near}).sequence};
  }

  // Returns the sequence of the message at a boundary, or that of `end` if no message is there. Loads one
  // header only, so that a tool can look at all seats of a ring without a walk for each.
  uint64_t SequenceAt(uint64_t position, const Point& end) const {
    const uint64_t header = W::LoadHeader(HeaderAt(position));
    return header == 0 ? end.sequence : WidenSequence(static_cast<uint32_t>(header >> 32), end.sequence);
  }

  // Returns the boundary after everything that was published before this call (the tail pair lags).
  // `here`: a boundary that may lie above the tail pair; the walk then begins there.
  // `*most`: how many messages may still be walked; lowered by those that were. If 0 are left, the result is
  // a boundary that need not be the end.
  std::optional<Point> End(std::optional<Point> here = std::nullopt, uint64_t* most = nullptr) const {
    constexpr int kTries = 100;
    for (int i = 0; i < kTries; ++i) {
      const std::optional<Point> tail = Tail();
      if (!tail) return std::nullopt;
      const Point from = here && Ahead(here->position, tail->position) > 0 ? *here : *tail;
      if (const std::optional<Point> end = WalkToEnd(from, tail->position, most)) return end;
      if (Intact(from.position)) return std::nullopt;  // not lapped, so damaged
    }
    return std::nullopt;
  }

  // Returns whether there are two publications, at this position and after it. A single one may still be on
  // its way to its wake-up. A second one can only follow after the first one's look for sleepers.
  bool SecondPublication(uint64_t position, uint64_t sequence) const {
    const Frame first = Judge(W::LoadHeader(HeaderAt(position)), position, sequence);
    if (first.kind != FrameKind::kMessage && first.kind != FrameKind::kPadding) return false;
    const uint64_t tail = W::LoadTailPosition(control_->tail);
    uint64_t first_end = first.next;
    if ((W::LoadFlags(control_->room) & kFlagBatches) != 0) {  // the bit is set before the first batch
      if (tail % 8 != 0 || Ahead(tail, position) <= 0) return false;
      first_end = tail;  // a batch is one publication and may reach that far
    }
    if (Ahead(tail, first_end) > 0) return true;
    return W::LoadHeader(HeaderAt(first_end)) != 0 && Intact(first_end);
  }

  // Reads mark `i` [K5 to K8], and its time if `time_ns` is not null. Returns nullopt if the mark is void,
  // torn, above the tail or no longer intact.
  std::optional<Point> ReadMark(uint32_t i, uint64_t tail, uint64_t* time_ns = nullptr) const {
    const Mark& mark = control_->marks[i % kMarks];
    const uint64_t position = W::LoadMarkPosition(mark);
    const uint64_t sequence = W::LoadMarkSequence(mark);
    if (time_ns != nullptr) *time_ns = W::LoadMarkTime(mark);
    W::FenceMarkRead();
    if (W::ReloadMarkPosition(mark) != position || position == ~uint64_t{0} || position % 8 != 0)
      return std::nullopt;
    if (tail - position > capacity_ || !Intact(position)) return std::nullopt;
    return Point{position, sequence};
  }

  // Returns the best intact mark, by the order `better`, among those that pass. Returns nullopt if none does.
  template <class Passes, class Better>
  std::optional<Point> FindMark(Passes passes, Better better) const {
    const uint64_t tail = W::LoadTailPosition(control_->tail);
    std::optional<Point> best;
    for (uint32_t i = 0; i < kMarks; ++i) {
      const std::optional<Point> mark = ReadMark(i, tail);
      if (mark && passes(*mark) && (!best || better(*mark, *best))) best = mark;
    }
    return best;
  }

  // Returns the oldest mark that has at least `headroom` bytes left before it is given up.
  std::optional<Point> OldestMark(uint64_t headroom = 0) const {
    const uint64_t reserved = W::LoadReserved(control_->room);
    if (headroom > capacity_) return std::nullopt;
    return FindMark([&](const Point& m) { return reserved - m.position <= capacity_ - headroom; },
                    [](const Point& a, const Point& b) { return Ahead(a.position, b.position) < 0; });
  }
  // Returns the newest mark whose sequence is not above this one.
  std::optional<Point> MarkAtOrBelow(uint64_t sequence) const {
    return FindMark([&](const Point& m) { return Ahead(m.sequence, sequence) <= 0; },
                    [](const Point& a, const Point& b) { return Ahead(a.position, b.position) > 0; });
  }
  // Returns the newest mark such that nothing before it was published at `time_ns` (CLOCK_REALTIME) or later,
  // as far as marks show that. It lies below every mark of that time or later. So if the clock was set back,
  // the result moves towards the oldest mark. Returns nullopt if no mark qualifies.
  std::optional<Point> MarkBefore(uint64_t time_ns) const {
    const uint64_t tail = W::LoadTailPosition(control_->tail);
    std::array<Point, kMarks> earlier;
    size_t count = 0;
    std::optional<uint64_t> too_late;  // position of the oldest mark of that time or later
    for (uint32_t i = 0; i < kMarks; ++i) {
      uint64_t marked_ns = 0;
      const std::optional<Point> mark = ReadMark(i, tail, &marked_ns);
      if (!mark) continue;
      if (marked_ns < time_ns) {
        earlier[count++] = *mark;
      } else if (!too_late || Ahead(mark->position, *too_late) < 0) {
        too_late = mark->position;
      }
    }
    std::optional<Point> best;
    for (size_t i = 0; i < count; ++i) {
      if (too_late && Ahead(earlier[i].position, *too_late) > 0) continue;
      if (!best || Ahead(earlier[i].position, best->position) > 0) best = earlier[i];
    }
    return best;
  }

  // Returns the boundary before message `sequence`, found by a walk from the nearest mark. Returns nullopt if
  // the message is not retained.
  std::optional<Point> Find(uint64_t sequence) const {
    const std::optional<Point> mark = MarkAtOrBelow(sequence);
    if (!mark) return std::nullopt;
    const std::optional<Point> found = Walk(*mark, sequence);
    if (!found || found->sequence != sequence) return std::nullopt;
    return found;
  }

 private:
  // Walks to the end, but does not follow a producer that is as fast as the walk for a whole lap. When the
  // tail pair has moved from `tail_position`, it lies after everything that was published before the call.
  std::optional<Point> WalkToEnd(Point from, uint64_t tail_position, uint64_t* most) const {
    constexpr uint64_t kAtOnce = 4096;  // messages
    for (uint64_t walked = 0; walked <= capacity_ / kFrameHeader; walked += kAtOnce) {
      const uint64_t now = most == nullptr ? kAtOnce : std::min(kAtOnce, *most);
      if (now == 0) return from;
      if (most != nullptr) *most -= now;
      const std::optional<Point> reached = Walk(from, from.sequence + now);
      if (!reached || reached->sequence != from.sequence + now) return reached;
      from = *reached;
      if (W::LoadTailPosition(control_->tail) == tail_position) continue;
      const std::optional<Point> tail = Tail();
      if (!tail) return std::nullopt;
      return Ahead(from.position, tail->position) > 0 ? from : *tail;
    }
    return from;
  }

 protected:
  RingControl* control_ = nullptr;
  std::byte* data_ = nullptr;
  uint64_t mask_ = 0;
  uint64_t capacity_ = 0;
  uint64_t max_message_ = 0;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_VIEW_H_
