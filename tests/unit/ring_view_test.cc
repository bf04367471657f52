// SPDX-License-Identifier: Apache-2.0
#include "millrace/internal/ring_view.h"

#include <gtest/gtest.h>

#include "tests/support/heap_ring.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/origins.h"

namespace millrace::internal {
namespace {

using testing::HeapRing;
using testing::Hook;
using testing::HookedAtomics;
using testing::Origin;
using testing::PublishBytes;

class UnitRingView : public ::testing::TestWithParam<Origin> {
 protected:
  const uint64_t capacity_ = GetParam().capacity;
  const uint64_t lap_start_ = GetParam().start.position & ~(capacity_ - 1);
  const uint64_t sequence_ = GetParam().start.sequence;
  HeapRing<> ring_{capacity_, GetParam().start};
  RingView<RealAtomics> view_ = ring_.view();

  FrameKind KindAt(uint64_t header, uint64_t position) {
    return view_.Judge(header, position, sequence_).kind;
  }
};
INSTANTIATE_TEST_SUITE_P(, UnitRingView, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

// ---- Judge -----------------------------------------------------------------------------------------------

TEST_P(UnitRingView, JudgeAcceptsWhatAProducerWrites) {
  for (const uint64_t payload : {uint64_t{0}, uint64_t{1}, uint64_t{8}, ring_.max_message()}) {
    const Frame frame = view_.Judge(MakeFrameHeader(sequence_, payload), lap_start_, sequence_);
    EXPECT_EQ(frame.kind, FrameKind::kMessage);
    EXPECT_EQ(frame.payload, payload);
    EXPECT_EQ(frame.next, lap_start_ + FrameBytes(payload));
  }
}

TEST_P(UnitRingView, JudgeTakesAZeroForNoFrame) {
  const Frame frame = view_.Judge(0, lap_start_ + 8, sequence_);
  EXPECT_EQ(frame.kind, FrameKind::kNothing);
  EXPECT_EQ(frame.next, lap_start_ + 8);
}

TEST_P(UnitRingView, JudgeRefusesALengthAboveTheMaximum) {
  for (const uint64_t payload :
       {ring_.max_message() + 1, capacity_ - 8, capacity_, kMaxPayload, kFrameLengthMask}) {
    EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, payload), lap_start_), FrameKind::kDamaged) << payload;
  }
}

TEST_P(UnitRingView, JudgeRefusesAFrameAcrossTheEnd) {
  const uint64_t end = lap_start_ + capacity_;
  EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, 24), end - 32), FrameKind::kMessage) << "exact fit";
  EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, 25), end - 32), FrameKind::kDamaged);
  EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, 0), end - 8), FrameKind::kMessage);
  EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, 1), end - 8), FrameKind::kDamaged);
}

TEST_P(UnitRingView, JudgeAcceptsPaddingOnlyIfItEndsAtTheEnd) {
  const uint64_t end = lap_start_ + capacity_;
  const Frame frame = view_.Judge(MakeFrameHeader(sequence_, 56, true), end - 64, sequence_);
  EXPECT_EQ(frame.kind, FrameKind::kPadding);
  EXPECT_EQ(frame.next, end);
  EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, 0, true), end - 8), FrameKind::kPadding);
  for (const uint64_t payload : {0, 48, 49, 55, 57, 64}) {
    EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, payload, true), end - 64), FrameKind::kDamaged) << payload;
  }
  EXPECT_EQ(KindAt(MakeFrameHeader(sequence_, capacity_, true), lap_start_), FrameKind::kDamaged);
}

TEST_P(UnitRingView, JudgeRefusesAnotherSequence) {
  for (const uint64_t off : {uint64_t{1}, ~uint64_t{0}, uint64_t{64}, uint64_t{1} << 31}) {
    EXPECT_EQ(KindAt(MakeFrameHeader(sequence_ + off, 8), lap_start_), FrameKind::kDamaged) << off;
    EXPECT_EQ(KindAt(MakeFrameHeader(sequence_ + off, 56, true), lap_start_ + capacity_ - 64),
              FrameKind::kDamaged);
  }
  EXPECT_EQ(KindAt(MakeFrameHeader(sequence_ + (1ull << 32), 8), lap_start_), FrameKind::kMessage)
      << "the header holds the low half only";
}

TEST_P(UnitRingView, JudgeRefusesReservedBitsAndUnpublishedBits) {
  const uint64_t header = MakeFrameHeader(sequence_, 8);
  EXPECT_EQ(KindAt(header | 1ull << 28, lap_start_), FrameKind::kDamaged);
  EXPECT_EQ(KindAt(header | 1ull << 29, lap_start_), FrameKind::kDamaged);
  EXPECT_EQ(KindAt(header & ~kFramePublished, lap_start_), FrameKind::kDamaged);
  EXPECT_EQ(KindAt(1, lap_start_), FrameKind::kDamaged);
  EXPECT_EQ(KindAt(~0ull, lap_start_), FrameKind::kDamaged);
}

// ---- the tail pair and the walk --------------------------------------------------------------------------

TEST_P(UnitRingView, TailOfAFreshRingIsItsStart) {
  EXPECT_TRUE(view_.Tail() == GetParam().start);
  EXPECT_TRUE(view_.End() == GetParam().start);
}

TEST_P(UnitRingView, ALaggingTailPairIsMadeConsistent) {
  auto producer = ring_.Attach();
  ASSERT_TRUE(PublishBytes(producer, 8));
  const Point before{producer.position(), producer.sequence()};
  ASSERT_TRUE(PublishBytes(producer, 24));
  const Point end{producer.position(), producer.sequence()};

  ring_.control().tail = {before.position, before.sequence};  // the producer stopped after the header
  EXPECT_TRUE(view_.Tail() == before);
  EXPECT_TRUE(view_.End() == end);
  // The producer stopped between sequence and position.
  ring_.control().tail = {before.position, end.sequence};
  EXPECT_TRUE(view_.Tail() == before);
  EXPECT_TRUE(view_.End() == end);
  // A reader stopped between its two loads.
  ring_.control().tail = {GetParam().start.position, end.sequence};
  EXPECT_TRUE(view_.Tail() == GetParam().start);
  EXPECT_TRUE(view_.End() == end);
}

TEST_P(UnitRingView, TailThatNoProducerWritesIsRefused) {
  const Point start = GetParam().start;
  ring_.control().tail.position = start.position + 4;
  EXPECT_FALSE(view_.Tail());
  ring_.control().tail.position = start.position + 8 * capacity_;  // above R
  EXPECT_FALSE(view_.Tail());
  ring_.control().tail.position = start.position - capacity_ - 8;  // given up long ago
  EXPECT_FALSE(view_.Tail());
  EXPECT_FALSE(view_.End());
}

TEST_P(UnitRingView, WalkStopsAtTheFirstFrameThatIsNotThere) {
  auto producer = ring_.Attach();
  std::vector<Point> points = {GetParam().start};
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(PublishBytes(producer, 8 * (i % 5)));
    points.push_back({producer.position(), producer.sequence()});
  }
  for (const Point& from : points) EXPECT_TRUE(view_.Walk(from) == points.back());
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(view_.Walk(points[0], points[i].sequence)->sequence, points[i].sequence);
  }
  EXPECT_TRUE(view_.Walk(points[5], points[2].sequence) == points[5]) << "already beyond";
  ring_.WordAt(points[7].position) ^= 1ull << 40;
  EXPECT_FALSE(view_.Walk(points[0])) << "damaged on the way";
  EXPECT_TRUE(view_.Walk(points[8]) == points.back());
}

TEST_P(UnitRingView, WalkPassesPaddingWithoutCountingIt) {
  auto producer = ring_.Attach();
  const uint64_t lap_end = producer.position() - (producer.position() & (capacity_ - 1)) + capacity_;
  while (lap_end - producer.position() > 64) ASSERT_TRUE(PublishBytes(producer, 0));
  const Point before{producer.position(), producer.sequence()};
  ASSERT_TRUE(PublishBytes(producer, 64));
  ASSERT_EQ(producer.position(), lap_end + FrameBytes(64));
  EXPECT_TRUE(view_.Walk(before) == (Point{producer.position(), before.sequence + 1}));
}

TEST_P(UnitRingView, AWalkFromAnOverwrittenPlaceFails) {
  auto producer = ring_.Attach();
  while (producer.position() - ring_.start().position < 2 * capacity_)
    ASSERT_TRUE(PublishBytes(producer, 56));
  EXPECT_FALSE(view_.Walk(ring_.start()));
}

TEST_P(UnitRingView, WalkOfARingFullOfHostileFramesEnds) {
  for (uint64_t p = 0; p < capacity_; p += 8) {
    ring_.WordAt(ring_.start().position + p) = MakeFrameHeader(sequence_ + p / 8, 0);
  }
  ring_.control().room.reserved = ring_.start().position + capacity_;
  const auto end = view_.Walk(ring_.start());
  EXPECT_FALSE(end) << "a whole lap of frames leaves no room for the stop sign";
}

// ---- marks -----------------------------------------------------------------------------------------------

class UnitRingMarks : public UnitRingView {
 protected:
  void Publish(uint64_t bytes) {
    const uint64_t until = producer_.position() + bytes;
    while (Ahead(until, producer_.position()) > 0) ASSERT_TRUE(PublishBytes(producer_, 24));
  }
  Mark& MarkAt(uint64_t position) { return ring_.control().marks[position / ring_.chunk() % kMarks]; }
  RingProducer<RealAtomics> producer_ = ring_.Attach();
};
INSTANTIATE_TEST_SUITE_P(, UnitRingMarks, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

TEST_P(UnitRingMarks, CreationLeavesAMarkAtTheStart) {
  EXPECT_TRUE(view_.OldestMark() == GetParam().start);
  EXPECT_TRUE(view_.MarkAtOrBelow(sequence_) == GetParam().start);
  EXPECT_FALSE(view_.MarkAtOrBelow(sequence_ - 1));
}

TEST_P(UnitRingMarks, EveryMarkIsABoundaryWithItsSequence) {
  Publish(3 * capacity_ + 8 * 11);
  int found = 0;
  for (uint32_t i = 0; i < kMarks; ++i) {
    const auto mark = view_.ReadMark(i, ring_.control().tail.position);
    if (!mark) continue;
    ++found;
    EXPECT_TRUE(view_.Walk(*mark) == (Point{producer_.position(), producer_.sequence()})) << i;
  }
  EXPECT_GE(found, 56) << "about one a chunk over the retained part";
}

TEST_P(UnitRingMarks, OldestKeepsTheRequestedHeadroom) {
  Publish(3 * capacity_);
  const uint64_t reserved = ring_.control().room.reserved;
  uint64_t last = 0;
  for (uint64_t headroom = 0; headroom <= capacity_ / 2; headroom += ring_.chunk()) {
    const auto mark = view_.OldestMark(headroom);
    ASSERT_TRUE(mark);
    const uint64_t spare = capacity_ - (reserved - mark->position);
    EXPECT_GE(spare, headroom);
    EXPECT_GE(spare, last);
    EXPECT_LE(spare, headroom + 3 * ring_.chunk()) << "and not much more";
    last = spare;
  }
  EXPECT_FALSE(view_.OldestMark(capacity_ + 1));
  EXPECT_FALSE(view_.OldestMark(capacity_)) << "no mark is that new: R is always beyond the tail";
}

TEST_P(UnitRingMarks, OverwrittenMarksAreNotUsed) {
  Publish(2 * capacity_);
  const Point oldest = *view_.OldestMark();
  ring_.control().room.reserved = oldest.position + capacity_;
  EXPECT_TRUE(view_.OldestMark() == oldest) << "intact to the last byte";
  ring_.control().room.reserved += 8;
  EXPECT_GT(Ahead(view_.OldestMark()->position, oldest.position), 0);
}

TEST_P(UnitRingMarks, VoidUnalignedAndFutureMarksAreNotUsed) {
  Publish(capacity_ / 2);
  const Point oldest = *view_.OldestMark();
  Mark& mark = MarkAt(oldest.position);
  const uint32_t index = static_cast<uint32_t>(&mark - ring_.control().marks);
  const uint64_t tail = ring_.control().tail.position;
  ASSERT_TRUE(view_.ReadMark(index, tail));
  for (const uint64_t wrong : {~uint64_t{0}, oldest.position + 4, tail + 8, tail - capacity_ - 8}) {
    mark.position = wrong;
    EXPECT_FALSE(view_.ReadMark(index, tail)) << wrong - tail;
    EXPECT_GT(Ahead(view_.OldestMark()->position, oldest.position), 0);
  }
  mark.position = tail;
  EXPECT_TRUE(view_.ReadMark(index, tail)) << "at the tail is not above it";
}

TEST_P(UnitRingMarks, ATornMarkIsNotUsed) {
  HeapRing<HookedAtomics> ring(capacity_, GetParam().start);
  const auto view = ring.view();
  Mark& mark = ring.control().marks[GetParam().start.position / ring.chunk() % kMarks];
  const uint32_t index = static_cast<uint32_t>(&mark - ring.control().marks);
  ASSERT_TRUE(view.ReadMark(index, GetParam().start.position));
  for (const Site between : {Site::K6, Site::K10, Site::K8}) {
    const Mark saved = mark;
    {
      Hook hook([&](Site site) {
        if (site == between) mark.position = ~uint64_t{0};
      });
      uint64_t time_ns = 0;
      EXPECT_FALSE(view.ReadMark(index, GetParam().start.position, &time_ns));
    }
    mark = saved;
  }
}

TEST_P(UnitRingMarks, FindReachesEveryRetainedMessage) {
  std::vector<Point> points;
  while (producer_.position() - ring_.start().position < capacity_ * 2) {
    points.push_back({producer_.position(), producer_.sequence()});
    ASSERT_TRUE(PublishBytes(producer_, capacity_ / 512 * (points.size() % 13)));
  }
  const Point oldest = *view_.OldestMark();
  for (const Point& point : points) {
    const auto found = view_.Find(point.sequence);
    if (Ahead(point.sequence, oldest.sequence) < 0) {
      EXPECT_FALSE(found);
      continue;
    }
    ASSERT_TRUE(found) << point.sequence - ring_.start().sequence;
    EXPECT_EQ(found->sequence, point.sequence);
    EXPECT_TRUE(view_.Walk(*found) == (Point{producer_.position(), producer_.sequence()}));
  }
  EXPECT_FALSE(view_.Find(producer_.sequence() + 1)) << "not published yet";
  EXPECT_TRUE(view_.Find(producer_.sequence()) == (Point{producer_.position(), producer_.sequence()}));
}

}  // namespace
}  // namespace millrace::internal
