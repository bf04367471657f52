// SPDX-License-Identifier: Apache-2.0
// Tests batches of the ring: several frames that one publication makes visible.
#include <gtest/gtest.h>

#include "millrace/internal/ring_producer.h"
#include "tests/support/heap_ring.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/origins.h"

namespace millrace::internal {
namespace {

using testing::HeapRing;
using testing::Origin;
using testing::PublishBytes;

class UnitRingBatch : public ::testing::TestWithParam<Origin> {
 protected:
  const uint64_t capacity_ = GetParam().capacity;
  HeapRing<> ring_{capacity_, GetParam().start};
  RingProducer<RealAtomics> producer_ = ring_.Attach();

  const RingControl& control() { return ring_.control(); }
  Point Tail() { return {control().tail.position, control().tail.sequence}; }
  std::optional<Point> End() { return RingView<RealAtomics>(ring_.memory()).End(); }

  // Adds a message like the compiled half does. Returns false if there is no room.
  bool Add(uint64_t n) {
    bool wake = false;
    if (!producer_.BatchFits(n) &&
        (!producer_.BatchHasRoomFor(n) || producer_.ClaimSlow(n, &wake) == nullptr))
      return false;
    EXPECT_FALSE(wake) << "a batch that is not there wakes nobody";
    producer_.AddToBatch(n);
    return true;
  }
};
INSTANTIATE_TEST_SUITE_P(, UnitRingBatch, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

// Runs through three laps, so that padding occurs first, inside and last in a batch.
TEST_P(UnitRingBatch, NothingIsVisibleBeforeTheCommitAndAllOfItAfter) {
  const uint64_t from = producer_.position();
  uint64_t padded = 0;
  for (uint64_t round = 0; producer_.position() - from < 3 * capacity_; ++round) {
    const Point before = *End();
    const uint64_t messages = 1 + round % 5;
    producer_.BeginBatch();
    for (uint64_t i = 0; i < messages; ++i) {
      ASSERT_TRUE(Add((round * 7 + i * 13) % 90));
      EXPECT_EQ(producer_.batched(), i + 1);
      EXPECT_TRUE(*End() == before) << "visible before its time";
      EXPECT_TRUE(Tail() == before);
      EXPECT_EQ(producer_.sequence(), before.sequence) << "what is published";
    }
    const uint64_t end = producer_.position();
    EXPECT_FALSE(producer_.CommitBatch()) << "nobody sleeps";
    EXPECT_TRUE(*End() == (Point{end, before.sequence + messages}));
    EXPECT_TRUE(Tail() == *End());
    EXPECT_EQ(ring_.WordAt(end), 0u) << "the stop sign";
    uint64_t frames = 0;
    for (uint64_t i = 0; i < messages; ++i) frames += FrameBytes((round * 7 + i * 13) % 90);
    if (end - before.position != frames) ++padded;
  }
  EXPECT_GE(padded, 2u);
}

TEST_P(UnitRingBatch, AnAbortedBatchLeavesNothingAndTheNextMessageTakesItsPlace) {
  const uint64_t from = producer_.position();
  for (uint64_t round = 0; producer_.position() - from < 2 * capacity_; ++round) {
    const Point before = *End();
    producer_.BeginBatch();
    for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(Add(40 + i * 16));
    producer_.AbortBatch();
    EXPECT_TRUE(*End() == before);
    EXPECT_EQ(producer_.position(), before.position);
    EXPECT_EQ(ring_.WordAt(before.position), 0u);
    ASSERT_TRUE(PublishBytes(producer_, round % 64));
    EXPECT_EQ(End()->sequence, before.sequence + 1);
  }
}

TEST_P(UnitRingBatch, AnEmptyBatchPublishesNothing) {
  const Point before = *End();
  producer_.BeginBatch();
  EXPECT_FALSE(producer_.CommitBatch());
  EXPECT_TRUE(*End() == before);
}

TEST_P(UnitRingBatch, AQuarterOfTheRingFitsWhereverItStarts) {
  for (uint64_t begin = 0; begin < 40; ++begin) {
    ASSERT_TRUE(PublishBytes(producer_, 8 * (begin % 9)));
    producer_.BeginBatch();
    uint64_t added = 0;
    while (producer_.BatchHasRoomFor(56)) {
      ASSERT_TRUE(Add(56));
      ++added;
    }
    EXPECT_EQ(added, capacity_ / 4 / 64);
    (void)producer_.CommitBatch();
  }
}

TEST_P(UnitRingBatch, SingleMessagesDoNotFitWhileABatchIsOpen) {
  ASSERT_TRUE(PublishBytes(producer_, 8));
  producer_.BeginBatch();
  EXPECT_FALSE(producer_.Fits(0));
  ASSERT_TRUE(Add(8));
  EXPECT_FALSE(producer_.Fits(0));
  (void)producer_.CommitBatch();
  EXPECT_FALSE(producer_.BatchFits(0)) << "it is over";
  ASSERT_TRUE(PublishBytes(producer_, 8));
}

// A mark must not lie above the tail. A stream that consists of batches only must still have marks.
TEST_P(UnitRingBatch, MarksAreRecordedAfterTheBatch) {
  const uint64_t from = producer_.position();
  while (producer_.position() - from < 2 * capacity_) {
    producer_.BeginBatch();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(Add(48));
      for (const Mark& mark : control().marks)
        EXPECT_TRUE(mark.position == ~uint64_t{0} || Ahead(mark.position, control().tail.position) <= 0);
    }
    (void)producer_.CommitBatch();
  }
  const RingView<RealAtomics> view(ring_.memory());
  const std::optional<Point> oldest = view.OldestMark();
  ASSERT_TRUE(oldest);
  EXPECT_GT(producer_.position() - oldest->position, capacity_ / 2);
  ASSERT_TRUE(view.Walk(*oldest));
  EXPECT_TRUE(*view.Walk(*oldest) == *End());
}

TEST_P(UnitRingBatch, ABatchMakesOneWake) {
  ASSERT_TRUE(PublishBytes(producer_, 8));
  ring_.seats_control().sleeper.sleepers = 1;
  producer_.BeginBatch();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Add(16));
  EXPECT_EQ(ring_.seats_control().sleeper.sleepers, 1u);
  EXPECT_TRUE(producer_.CommitBatch());
  EXPECT_TRUE(producer_.AfterCommit());
}

// A batch is one publication, however many messages it has. The producer may not have reached its wake yet.
TEST_P(UnitRingBatch, ABatchAloneIsNoMissedWake) {
  auto consumer = ring_.Lossless(0);
  producer_.BeginBatch();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Add(16));
  const Point before = Tail();
  (void)producer_.CommitBatch();
  EXPECT_FALSE(consumer.MissedWake());
  const Point after = Tail();
  // The header is stored, the tail pair is not yet.
  ring_.control().tail = {before.position, before.sequence};
  EXPECT_FALSE(consumer.MissedWake());
  ring_.control().tail = {after.position, after.sequence};
  ASSERT_TRUE(PublishBytes(producer_, 8));
  ring_.control().tail = {after.position, after.sequence};
  EXPECT_TRUE(consumer.MissedWake()) << "the second has begun: the first has woken";
}

}  // namespace
}  // namespace millrace::internal
