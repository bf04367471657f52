// SPDX-License-Identifier: Apache-2.0
#include "millrace/internal/ring_consumer.h"

#include <gtest/gtest.h>

#include "tests/support/heap_ring.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/origins.h"

namespace millrace::internal {
namespace {

using testing::AccessLog;
using testing::CopyBuffer;
using testing::HeapRing;
using testing::Hook;
using testing::HookedAtomics;
using testing::Oracle;
using testing::Origin;
using testing::Publish;
using testing::PublishBytes;

class UnitRingConsumer : public ::testing::TestWithParam<Origin> {
 protected:
  const uint64_t capacity_ = GetParam().capacity;
  const Point start_ = GetParam().start;
  const Oracle oracle_{7, 0, MaxPayloadFor(GetParam().capacity)};
  HeapRing<> ring_{capacity_, start_};
  RingProducer<RealAtomics> producer_ = ring_.Attach();
  CopyBuffer buffer_;

  Point End() const { return {producer_.position(), producer_.sequence()}; }
  template <class A>
  bool Check(const Lent& lent) {
    return oracle_.Check(lent.sequence, {lent.data, lent.bytes});
  }
  // Publishes until the producer has moved by at least `bytes`.
  template <class A>
  void PublishFor(RingProducer<A>& producer, uint64_t bytes) {
    const uint64_t from = producer.position();
    while (producer.position() - from < bytes) ASSERT_TRUE(Publish(producer, oracle_));
  }
  void PublishFor(uint64_t bytes) { PublishFor(producer_, bytes); }
};
INSTANTIATE_TEST_SUITE_P(, UnitRingConsumer, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

template <class A>
Read ReadInPlace(RingConsumer<A>& consumer, Lent* lent) {
  return consumer.Next(lent) ? Read::kMessage : consumer.NextSlow(lent);
}

// ---- lossless, in place ----------------------------------------------------------------------------------

TEST_P(UnitRingConsumer, LosslessSeesEveryMessageInPlaceOverManyLaps) {
  auto consumer = ring_.Lossless(0);
  uint64_t expected = start_.sequence;
  for (int round = 0; round < 60; ++round) {
    PublishFor(capacity_ / 2);
    Lent lent;
    while (ReadInPlace(consumer, &lent) == Read::kMessage) {
      ASSERT_GE(lent.data, ring_.data());
      ASSERT_LE(lent.data + lent.bytes, ring_.data() + capacity_);
      ASSERT_EQ(lent.sequence, expected++);
      ASSERT_EQ(lent.lost, 0u);
      ASSERT_TRUE(oracle_.Check(lent.sequence, {lent.data, lent.bytes}));
      EXPECT_TRUE(consumer.StillIntact());
      if (consumer.OwesPosition()) consumer.StorePosition();
    }
    ASSERT_EQ(expected, producer_.sequence());
    consumer.StorePosition();
  }
  EXPECT_EQ(consumer.counts().received, expected - start_.sequence);
  EXPECT_EQ(ring_.seat(0).words.received, expected - start_.sequence);
  EXPECT_EQ(ring_.seat(0).words.sequence, expected);
}

TEST_P(UnitRingConsumer, EmptyRingReadsAsEmpty) {
  auto consumer = ring_.Lossless(0);
  Lent lent;
  EXPECT_FALSE(consumer.Next(&lent));
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kEmpty);
  EXPECT_FALSE(consumer.SomethingThere());
  ASSERT_TRUE(PublishBytes(producer_, 0));
  EXPECT_TRUE(consumer.SomethingThere());
  ASSERT_TRUE(consumer.Next(&lent));
  EXPECT_EQ(lent.bytes, 0u);
}

TEST_P(UnitRingConsumer, PaddingIsPassedAndNotCounted) {
  while ((producer_.position() & (capacity_ - 1)) != capacity_ - 16) ASSERT_TRUE(PublishBytes(producer_, 0));
  auto consumer = ring_.Lossless(0);
  bool wake = false;
  ASSERT_NE(producer_.ClaimSlow(16, &wake), nullptr);
  Lent lent;
  EXPECT_FALSE(consumer.Next(&lent));
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kEmpty);
  EXPECT_EQ(consumer.at().position, producer_.position()) << "it stands behind the padding";
  EXPECT_FALSE(consumer.PositionStored());
  producer_.Commit(16);
  ASSERT_TRUE(consumer.Next(&lent));
  EXPECT_TRUE(consumer.at() == End());
  EXPECT_EQ(consumer.counts().received, 1u);
}

TEST_P(UnitRingConsumer, NextOfSizeTakesThatSizeAndNoOther) {
  auto consumer = ring_.Lossless(0);
  ASSERT_TRUE(PublishBytes(producer_, 24));
  Lent lent;
  for (const uint64_t other : {uint64_t{0}, uint64_t{23}, uint64_t{25}, ring_.max_message()}) {
    EXPECT_FALSE(consumer.NextOfSize(other, &lent));
  }
  ASSERT_TRUE(consumer.NextOfSize(24, &lent));
  EXPECT_EQ(lent.bytes, 24u);
  EXPECT_FALSE(consumer.NextOfSize(24, &lent));
}

TEST_P(UnitRingConsumer, ALengthThatIsTooLargeIsDamage) {
  RingMemory memory = ring_.memory();
  memory.max_message = 7;
  ring_.WordAt(start_.position) = MakeFrameHeader(start_.sequence, 8);
  RingConsumer<RealAtomics> consumer;
  consumer.Attach(memory, ring_.SeatOf(0, 0), start_, start_.sequence, false);
  Lent lent;
  EXPECT_FALSE(consumer.Next(&lent));
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kDamaged);
}

TEST_P(UnitRingConsumer, HeadersThatNoProducerWritesAreDamage) {
  const uint64_t s = start_.sequence;
  const uint64_t to_end = capacity_ - (start_.position & (capacity_ - 1));
  for (const uint64_t header :
       {uint64_t{1}, MakeFrameHeader(s + 1, 8), MakeFrameHeader(s - 1, 8),
        MakeFrameHeader(s, ring_.max_message() + 1), MakeFrameHeader(s, kFrameLengthMask),
        MakeFrameHeader(s, 8) | kFrameReservedBits, MakeFrameHeader(s, 8) & ~kFramePublished,
        MakeFrameHeader(s, to_end, true), MakeFrameHeader(s, to_end - 16, true)}) {
    ring_.WordAt(start_.position) = header;
    for (const uint8_t delivery : {kDeliveryLossless, kDeliveryLossy}) {
      Lent lent;
      RingConsumer<RealAtomics> consumer;
      consumer.Attach(ring_.memory(), ring_.SeatOf(0, 0), start_, s, false);
      if (delivery == kDeliveryLossless) {
        EXPECT_FALSE(consumer.Next(&lent)) << header;
      }
      EXPECT_EQ(delivery == kDeliveryLossless ? consumer.NextSlow(&lent)
                                              : consumer.NextCopy(&lent, std::ref(buffer_)),
                Read::kDamaged)
          << header;
      EXPECT_TRUE(consumer.at() == start_);
    }
  }
}

TEST_P(UnitRingConsumer, TwoPaddingsInARowAreDamage) {
  HeapRing<> ring(capacity_, {(start_.position | (capacity_ - 1)) - 7, start_.sequence});
  ring.WordAt(ring.start().position) = MakeFrameHeader(start_.sequence, 0, true);
  ring.WordAt(ring.start().position + 8) = MakeFrameHeader(start_.sequence, capacity_ - 8, true);
  RingConsumer<RealAtomics> consumer;
  consumer.Attach(ring.memory(), ring.SeatOf(0, 0), ring.start(), start_.sequence, false);
  Lent lent;
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kDamaged);
}

TEST_P(UnitRingConsumer, EvictionIsNoticedBeforeBytesAreUsed) {
  auto consumer = ring_.Lossless(0);
  PublishFor(capacity_ / 4);
  Lent lent;
  ASSERT_EQ(ReadInPlace(consumer, &lent), Read::kMessage);
  ASSERT_TRUE(producer_.Evict(0, consumer.seat().live_state, EvictedWhy::kRequest));
  EXPECT_TRUE(consumer.StillIntact()) << "evicted, but not yet overwritten";
  const Point at = consumer.at();
  EXPECT_FALSE(consumer.Next(&lent));
  EXPECT_FALSE(consumer.NextOfSize(lent.bytes, &lent));
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kEvicted);
  EXPECT_TRUE(consumer.at() == at);
  EXPECT_FALSE(consumer.Live());
  PublishFor(2 * capacity_);
  EXPECT_FALSE(consumer.StillIntact());
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kEvicted) << "whatever lies there now";
}

TEST_P(UnitRingConsumer, SeatTakenByAnotherHolderIsNotOurs) {
  auto consumer = ring_.Lossless(0);
  ring_.seat(0).identity.state = MakeSeatState(99, SeatPhase::kLive, kDeliveryLossless);
  EXPECT_FALSE(consumer.Live());
  Lent lent;
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kEvicted);
}

TEST_P(UnitRingConsumer, ACheckedCopyOfALosslessConsumerReportsEviction) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  auto consumer = ring.Lossless(0);
  ASSERT_TRUE(Publish(producer, oracle_));
  ASSERT_TRUE(Publish(producer, oracle_));
  Lent lent;
  ASSERT_EQ(ReadInPlace(consumer, &lent), Read::kMessage);
  std::byte* const copy = buffer_(ring.max_message());
  ASSERT_EQ(consumer.CopyChecked(lent, copy), Read::kMessage);
  EXPECT_TRUE(oracle_.Check(lent.sequence, {copy, lent.bytes}));
  ASSERT_EQ(ReadInPlace(consumer, &lent), Read::kMessage);
  Hook hook([&](Site site) {
    if (site == Site::C4) producer.Evict(0, consumer.seat().live_state, EvictedWhy::kHeldBack);
  });
  EXPECT_EQ(consumer.CopyChecked(lent, copy), Read::kEvicted) << "during the copy";
}

// A peer that can write the seats moves this consumer's position. The seat stays
// live, and nothing protects the bytes.
TEST_P(UnitRingConsumer, ACheckedCopyOfALosslessConsumerReportsAMovedPosition) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  auto consumer = ring.Lossless(0);
  while (Publish(producer, oracle_)) {
  }
  Lent lent;
  ASSERT_EQ(ReadInPlace(consumer, &lent), Read::kMessage);
  std::byte* const copy = buffer_(ring.max_message());
  Hook hook([&](Site site) {
    if (site != Site::C4) return;
    std::atomic_ref(consumer.seat().seat->words.position)
        .store(producer.position(), std::memory_order_release);
    ASSERT_TRUE(Publish(producer, oracle_));
    while (Publish(producer, oracle_)) {  // a whole lap, over what is being copied
    }
  });
  EXPECT_EQ(consumer.CopyChecked(lent, copy), Read::kDamaged);
}

// ---- position --------------------------------------------------------------------------------------------

TEST_P(UnitRingConsumer, PositionIsOwedOnceAChunkOrWhenTheProducerWaits) {
  auto consumer = ring_.Lossless(0);
  EXPECT_FALSE(consumer.OwesPosition());
  uint64_t read = 0;
  Lent lent;
  while (read < ring_.chunk()) {
    EXPECT_FALSE(consumer.OwesPosition());
    ASSERT_TRUE(PublishBytes(producer_, 8));
    ASSERT_EQ(ReadInPlace(consumer, &lent), Read::kMessage);
    read = consumer.at().position - start_.position;
  }
  EXPECT_TRUE(consumer.OwesPosition());
  EXPECT_EQ(ring_.seat(0).words.position, start_.position);
  EXPECT_FALSE(consumer.StorePosition()) << "nobody waits";
  EXPECT_EQ(ring_.seat(0).words.position, consumer.at().position);
  EXPECT_TRUE(consumer.PositionStored());

  ring_.seats_control().room_waiting.waiting = 1;
  EXPECT_FALSE(consumer.OwesPosition()) << "nothing to give";
  ASSERT_TRUE(PublishBytes(producer_, 8));
  ASSERT_EQ(ReadInPlace(consumer, &lent), Read::kMessage);
  EXPECT_TRUE(consumer.OwesPosition());
}

TEST_P(UnitRingConsumer, StoringThePositionWakesAWaitingProducerOnce) {
  auto consumer = ring_.Lossless(0);
  RoomWaitingWords& waiting = ring_.seats_control().room_waiting;
  uint32_t& epoch = ring_.seats_control().room_epoch.epoch;
  epoch = ~0u;
  waiting.waiting = 1;
  EXPECT_TRUE(consumer.StorePosition());
  EXPECT_EQ(waiting.waiting, 0u);
  EXPECT_EQ(epoch, 0u) << "the word changes before the wake, across its wrap";
  EXPECT_FALSE(consumer.StorePosition());
  waiting.waiting = 1;
  EXPECT_TRUE(consumer.OfferRoom());
  EXPECT_EQ(epoch, 1u);
}

TEST_P(UnitRingConsumer, AConsumerThatBlocksNoProducerWakesNone) {
  auto consumer = ring_.Lossy(0);
  ring_.seats_control().room_waiting.waiting = 1;
  EXPECT_FALSE(consumer.StorePosition());
  EXPECT_FALSE(consumer.OfferRoom());
  EXPECT_EQ(ring_.seats_control().room_waiting.waiting, 1u);
}

TEST_P(UnitRingConsumer, StoresThePositionBeforeItLooksForAWaiter) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto consumer = ring.Lossless(0);
  ring.seats_control().room_waiting.waiting = 1;
  AccessLog log;
  EXPECT_TRUE(consumer.StorePosition());
  EXPECT_EQ(log.sites(), (std::vector<Site>{Site::C6, Site::F1, Site::F2, Site::F3, Site::F4}));
}

TEST_P(UnitRingConsumer, StoredPositionNeverPassesALentPayloadWhileReading) {
  auto consumer = ring_.Lossless(0);
  PublishFor(capacity_ / 2);
  Lent lent;
  while (consumer.OwesPosition() ? (consumer.StorePosition(), true) : true) {
    if (ReadInPlace(consumer, &lent) != Read::kMessage) break;
    const uint64_t frame = static_cast<uint64_t>(lent.data - 8 - ring_.data());
    const uint64_t stored = ring_.seat(0).words.position & (capacity_ - 1);
    EXPECT_LE((frame - stored) & (capacity_ - 1), capacity_ / 2);
  }
}

// ---- undo and skip ---------------------------------------------------------------------------------------

TEST_P(UnitRingConsumer, AnUndeliveredMessageIsReturnedAgainWithItsLoss) {
  RingConsumer<RealAtomics> consumer;
  consumer.Attach(ring_.memory(), ring_.SeatOf(0, 0), start_, start_.sequence - 5, false);
  ASSERT_TRUE(PublishBytes(producer_, 8));
  Lent first, again;
  ASSERT_EQ(ReadInPlace(consumer, &first), Read::kMessage);
  EXPECT_EQ(first.lost, 5u);
  consumer.Undeliver(first);
  EXPECT_TRUE(consumer.at() == start_);
  EXPECT_EQ(consumer.counts().received, 0u);
  ASSERT_EQ(ReadInPlace(consumer, &again), Read::kMessage);
  EXPECT_EQ(again.data, first.data);
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(again.lost, 5u);
  EXPECT_EQ(consumer.counts().received, 1u);
}

TEST_P(UnitRingConsumer, AnUndeliveredMessageAfterPaddingIsReturnedAgain) {
  while ((producer_.position() & (capacity_ - 1)) != capacity_ - 16) ASSERT_TRUE(PublishBytes(producer_, 0));
  auto consumer = ring_.Lossless(0);
  ASSERT_TRUE(PublishBytes(producer_, 16));
  Lent first, again;
  ASSERT_EQ(ReadInPlace(consumer, &first), Read::kMessage);
  consumer.Undeliver(first);
  ASSERT_EQ(ReadInPlace(consumer, &again), Read::kMessage);
  EXPECT_EQ(again.data, first.data);
  EXPECT_TRUE(consumer.at() == End());
}

TEST_P(UnitRingConsumer, SkippedMessagesAreCountedAndNotLost) {
  auto consumer = ring_.Lossless(0);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(PublishBytes(producer_, 8));
  const Point seventh = ring_.view().Walk(start_, start_.sequence + 7).value();
  consumer.SkipTo(seventh);
  EXPECT_EQ(consumer.counts().skipped, 7u);
  EXPECT_EQ(consumer.counts().lost, 0u);
  Lent lent;
  ASSERT_EQ(ReadInPlace(consumer, &lent), Read::kMessage);
  EXPECT_EQ(lent.sequence, start_.sequence + 7);
  EXPECT_EQ(lent.lost, 0u);
  EXPECT_EQ(consumer.start() + consumer.counts().received + consumer.counts().skipped,
            consumer.at().sequence);
}

// ---- lossy -----------------------------------------------------------------------------------------------

// Reads all visible messages. Checks payloads and order, and that every gap is exactly the reported loss.
class UnitRingConsumerLossy : public UnitRingConsumer {
 protected:
  template <class A>
  Read Drain(RingConsumer<A>& consumer, uint64_t at_most = ~uint64_t{0}) {
    for (uint64_t i = 0; i < at_most; ++i) {
      const uint64_t before = expected_;
      Lent lent;
      const Read read = consumer.NextCopy(&lent, std::ref(buffer_));
      if (read != Read::kMessage) return read;
      EXPECT_EQ(lent.sequence - before, lent.lost);
      EXPECT_TRUE(oracle_.Check(lent.sequence, {lent.data, lent.bytes})) << lent.sequence;
      expected_ = lent.sequence + 1;
      const ConsumerCounts& counts = consumer.counts();
      EXPECT_EQ(consumer.start() + counts.received + counts.lost + counts.skipped, consumer.at().sequence);
    }
    return Read::kMessage;
  }
  uint64_t expected_ = start_.sequence;
};
INSTANTIATE_TEST_SUITE_P(, UnitRingConsumerLossy, ::testing::ValuesIn(testing::Origins()),
                         testing::OriginName());

TEST_P(UnitRingConsumerLossy, AConsumerThatKeepsUpLosesNothing) {
  auto consumer = ring_.Lossy(0);
  for (int i = 0; i < 40; ++i) {
    PublishFor(capacity_ / 3);
    EXPECT_EQ(Drain(consumer), Read::kEmpty);
    EXPECT_EQ(expected_, producer_.sequence());
  }
  EXPECT_EQ(consumer.counts().lost, 0u);
  EXPECT_EQ(consumer.counts().overruns, 0u);
}

TEST_P(UnitRingConsumerLossy, OverrunResumesAtTheOldestMarkAndReportsTheExactLoss) {
  auto consumer = ring_.Lossy(0);
  for (int i = 0; i < 20; ++i) {
    PublishFor(capacity_ + (static_cast<uint64_t>(i) % 7) * capacity_ / 3 + ring_.chunk() * 20);
    const Point oldest = ring_.view().OldestMark().value();
    EXPECT_EQ(Drain(consumer, 1), Read::kMessage);
    EXPECT_EQ(expected_ - 1, oldest.sequence);
    EXPECT_EQ(consumer.counts().overruns, static_cast<uint64_t>(i) + 1);
    EXPECT_EQ(Drain(consumer), Read::kEmpty);
    EXPECT_EQ(expected_, producer_.sequence()) << "nothing after the resume point is lost";
  }
}

TEST_P(UnitRingConsumerLossy, ResumeAtTheNewestLosesEverythingBetween) {
  auto consumer = ring_.Lossy(0, StartAt::kEnd, /*resume_newest=*/true);
  PublishFor(2 * capacity_);
  EXPECT_EQ(Drain(consumer), Read::kEmpty);
  EXPECT_TRUE(consumer.at() == End());
  EXPECT_EQ(consumer.counts().lost, producer_.sequence() - start_.sequence);
  ASSERT_TRUE(Publish(producer_, oracle_));
  EXPECT_EQ(Drain(consumer), Read::kEmpty);
  EXPECT_EQ(consumer.counts().received, 1u);
}

TEST_P(UnitRingConsumerLossy, EveryLaggingReadIsIntactOrCounted) {
  for (uint64_t lag = 0; lag <= 2 * capacity_; lag += capacity_ / 16) {
    auto consumer = ring_.Lossy(0);
    expected_ = consumer.at().sequence;
    PublishFor(lag);
    EXPECT_EQ(Drain(consumer), Read::kEmpty);
    EXPECT_EQ(expected_, producer_.sequence());
    if (lag <= capacity_ / 2) {
      EXPECT_EQ(consumer.counts().lost, 0u) << lag;
    }
    ring_.Leave(0);
  }
}

TEST_P(UnitRingConsumerLossy, OverrunDuringTheCopyIsNoticed) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  auto consumer = ring.Lossy(0);
  PublishFor(producer, capacity_ / 2);
  int laps = 0;
  {
    Hook hook([&](Site site) {
      if (site != Site::C4 || laps++ > 0) return;  // between the copy and its check
      PublishFor(producer, 2 * capacity_);
    });
    EXPECT_EQ(Drain(consumer, 1), Read::kMessage);
  }
  EXPECT_EQ(consumer.counts().overruns, 1u);
  EXPECT_GT(consumer.counts().lost, 0u);
  EXPECT_EQ(Drain(consumer), Read::kEmpty);
  EXPECT_EQ(expected_, producer.sequence());
}

TEST_P(UnitRingConsumerLossy, OverrunBetweenHeaderAndCheckIsNoticed) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  auto consumer = ring.Lossy(0);
  PublishFor(producer, capacity_ / 2);
  int laps = 0;
  {
    Hook hook([&](Site site) {
      if (site != Site::C3 || laps++ > 0) return;
      PublishFor(producer, 2 * capacity_);
    });
    EXPECT_EQ(Drain(consumer, 1), Read::kMessage);
  }
  EXPECT_EQ(consumer.counts().overruns, 1u);
}

TEST_P(UnitRingConsumerLossy, RepeatedOverrunsEndTheCall) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  auto consumer = ring.Lossy(0);
  PublishFor(producer, capacity_ / 2);
  {
    Hook hook([&](Site site) {
      if (site == Site::C4) PublishFor(producer, 2 * capacity_);
    });
    Lent lent;
    EXPECT_NE(consumer.NextCopy(&lent, std::ref(buffer_)), Read::kMessage);
  }
  EXPECT_GE(consumer.counts().overruns, 7u);
  EXPECT_LE(consumer.counts().overruns, 24u);
  PublishFor(producer, 64);
  EXPECT_EQ(Drain(consumer), Read::kEmpty) << "and afterwards all is well";
  EXPECT_EQ(expected_, producer.sequence());
}

TEST_P(UnitRingConsumerLossy, EachOverrunInARowTakesMoreHeadroom) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  auto consumer = ring.Lossy(0);
  PublishFor(producer, 2 * capacity_);
  std::vector<uint64_t> headrooms;
  {
    Hook hook([&](Site site) {
      if (site != Site::C4) return;
      headrooms.push_back(capacity_ - (ring.control().room.reserved - consumer.at().position));
      if (headrooms.size() < 7) PublishFor(producer, 2 * capacity_);
    });
    EXPECT_EQ(Drain(consumer, 1), Read::kMessage);
  }
  ASSERT_EQ(headrooms.size(), 7u);
  for (size_t i = 1; i < headrooms.size(); ++i) EXPECT_GE(headrooms[i], ring.chunk() << (i - 1)) << i;
}

TEST_P(UnitRingConsumerLossy, AnOverrunReaderIsNotEmpty) {
  auto consumer = ring_.Lossy(0);
  PublishFor(3 * capacity_);
  ring_.WordAt(consumer.at().position) = 0;  // any other contents
  EXPECT_TRUE(consumer.SomethingThere());
  EXPECT_EQ(Drain(consumer, 1), Read::kMessage);
  EXPECT_EQ(consumer.counts().overruns, 1u);
}

TEST_P(UnitRingConsumerLossy, WithoutAnyMarkResumesAtTheEnd) {
  auto consumer = ring_.Lossy(0);
  PublishFor(2 * capacity_);
  for (Mark& mark : ring_.control().marks) mark.position = ~uint64_t{0};
  EXPECT_EQ(Drain(consumer), Read::kEmpty);
  EXPECT_TRUE(consumer.at() == End());
  EXPECT_EQ(consumer.counts().lost, producer_.sequence() - start_.sequence);
}

TEST_P(UnitRingConsumerLossy, HostileMarksAndTailEndTheCallWithoutGoingBack) {
  auto consumer = ring_.Lossy(0);
  PublishFor(2 * capacity_);
  const Point at = consumer.at();
  for (Mark& mark : ring_.control().marks) mark.sequence = at.sequence - 1000;
  ring_.control().tail = {producer_.position(), at.sequence - 1000};
  ring_.WordAt(producer_.position()) = 0;
  Lent lent;
  EXPECT_EQ(consumer.NextCopy(&lent, std::ref(buffer_)), Read::kDamaged);
  EXPECT_TRUE(consumer.at() == at);
}

TEST_P(UnitRingConsumerLossy, EvictionEndsTheCall) {
  auto consumer = ring_.Lossy(0);
  ASSERT_TRUE(Publish(producer_, oracle_));
  ASSERT_TRUE(producer_.Evict(0, consumer.seat().live_state, EvictedWhy::kRequest));
  Lent lent;
  EXPECT_EQ(consumer.NextCopy(&lent, std::ref(buffer_)), Read::kEvicted);
}

TEST_P(UnitRingConsumerLossy, LossBeforeTheFirstMessageIsReportedWithIt) {
  RingConsumer<RealAtomics> consumer;
  consumer.Attach(ring_.memory(), ring_.SeatOf(0, 0), start_, start_.sequence - 9, false);
  EXPECT_EQ(consumer.counts().lost, 9u);
  EXPECT_EQ(ring_.seat(0).words.lost, 9u);
  EXPECT_EQ(ring_.seat(0).words.start_sequence, start_.sequence - 9);
  PublishFor(3 * capacity_);
  expected_ = start_.sequence - 9;
  EXPECT_EQ(Drain(consumer, 1), Read::kMessage) << "one number for both losses";
}

// ---- a missed wake-up ------------------------------------------------------------------------------------

TEST_P(UnitRingConsumer, TheWakeOfOnePublicationMayStillBePending) {
  auto consumer = ring_.Lossless(0);
  EXPECT_FALSE(consumer.MissedWake());
  const Point first = End();
  ASSERT_TRUE(PublishBytes(producer_, 8));
  const Point second = End();
  ring_.control().tail = {first.position, first.sequence};  // the header is stored, the tail pair is not yet
  EXPECT_FALSE(consumer.MissedWake());
  ring_.control().tail = {second.position, second.sequence};
  EXPECT_FALSE(consumer.MissedWake());
  ASSERT_TRUE(PublishBytes(producer_, 8));
  EXPECT_TRUE(consumer.MissedWake()) << "also when the producer rests after the second";
  // The second publication has begun, so the producer has finished waking for the first.
  ring_.control().tail = {second.position, second.sequence};
  EXPECT_TRUE(consumer.MissedWake());
  ring_.WordAt(first.position) = ~uint64_t{0};
  EXPECT_FALSE(consumer.MissedWake()) << "nonsense is no publication";
}

TEST_P(UnitRingConsumer, PaddingCountsAsAPublication) {
  while ((producer_.position() & (capacity_ - 1)) != capacity_ - 16) ASSERT_TRUE(PublishBytes(producer_, 0));
  auto consumer = ring_.Lossless(0);
  bool wake = false;
  ASSERT_NE(producer_.ClaimSlow(16, &wake), nullptr);
  EXPECT_FALSE(consumer.MissedWake());
  producer_.Commit(16);
  EXPECT_TRUE(consumer.MissedWake());
}

TEST_P(UnitRingConsumer, AStrandedConsumerReadsAndStoresNothing) {
  auto consumer = ring_.Lossless(0);
  PublishFor(capacity_ / 4);
  const millrace::internal::Seat before = ring_.seat(0);
  RingControl control{};
  millrace::internal::Seat seat{};
  RoomWaitingWords waiting{};
  RoomEpochWords epoch{};
  alignas(8) std::byte data[64] = {};
  consumer.Strand({&control, data, kMinCapacity, 0}, {&seat, &waiting, &epoch, 0, false});
  Lent lent;
  EXPECT_FALSE(consumer.OwesPosition());
  EXPECT_FALSE(consumer.Next(&lent));
  EXPECT_EQ(consumer.NextSlow(&lent), Read::kEmpty);
  consumer.StorePosition();
  EXPECT_EQ(std::memcmp(&before, &ring_.seat(0), sizeof before), 0);
}

}  // namespace
}  // namespace millrace::internal
