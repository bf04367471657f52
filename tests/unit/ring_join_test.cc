// SPDX-License-Identifier: Apache-2.0
#include "millrace/internal/ring_join.h"

#include <gtest/gtest.h>

#include "millrace/internal/ring_take_over.h"
#include "tests/support/heap_ring.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/origins.h"

namespace millrace::internal {
namespace {

using testing::AccessLog;
using testing::HeapRing;
using testing::Hook;
using testing::HookedAtomics;
using testing::Origin;
using testing::PublishBytes;

class UnitRingJoin : public ::testing::TestWithParam<Origin> {
 protected:
  const uint64_t capacity_ = GetParam().capacity;
  const Point start_ = GetParam().start;
  HeapRing<HookedAtomics> ring_{capacity_, start_};
  RingProducer<HookedAtomics> producer_ = ring_.Attach();
  JoinFailure failure_ = JoinFailure::kNone;

  Point End() const { return {producer_.position(), producer_.sequence()}; }
  void PublishFor(uint64_t bytes) {
    const uint64_t from = producer_.position();
    while (producer_.position() - from < bytes) {
      if (!PublishBytes(producer_, 8 * (producer_.sequence() % 7))) return;  // the ring is full
    }
  }
  std::optional<Beginning> Choose(StartAt start, uint64_t value = 0, int round = 0) {
    const ChosenStart chosen = ChooseStart(ring_.view(), start, value, round);
    failure_ = chosen.failure;
    return chosen ? std::optional(chosen.begin) : std::nullopt;
  }
  auto Join(StartAt start, uint64_t value = 0, uint8_t delivery = kDeliveryLossless) {
    return ring_.Join(0, delivery, start, value, false, &failure_);
  }
  uint64_t State() const { return ring_.seat(0).identity.state; }
  // Checks what every successful join guarantees: the producer does not pass the joiner's position.
  void ExpectRespected(uint64_t position) {
    EXPECT_LE(Ahead(ring_.control().room.reserved, position + capacity_), 0);
    PublishFor(3 * capacity_);
    EXPECT_LE(Ahead(ring_.control().room.reserved, position + capacity_), 0);
  }
};
INSTANTIATE_TEST_SUITE_P(, UnitRingJoin, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

// ---- where to begin --------------------------------------------------------------------------------------

TEST_P(UnitRingJoin, EndIsAfterEverythingVisible) {
  PublishFor(capacity_ / 3);
  const Point before = End();
  ASSERT_TRUE(PublishBytes(producer_, 8));
  ring_.control().tail = {before.position, before.sequence};  // the tail pair lags
  const auto begin = Choose(StartAt::kEnd);
  ASSERT_TRUE(begin);
  EXPECT_TRUE(begin->at == End());
  EXPECT_EQ(begin->wanted, producer_.sequence());
}

TEST_P(UnitRingJoin, OldestIsTheOldestMarkAndNothingIsLost) {
  EXPECT_TRUE(Choose(StartAt::kOldest)->at == start_);
  PublishFor(capacity_ / 4);
  EXPECT_TRUE(Choose(StartAt::kOldest)->at == start_);
  PublishFor(3 * capacity_);
  const auto begin = Choose(StartAt::kOldest);
  EXPECT_TRUE(begin->at == ring_.view().OldestMark());
  EXPECT_EQ(begin->wanted, begin->at.sequence);
}

TEST_P(UnitRingJoin, LastCountsBackFromTheEnd) {
  PublishFor(capacity_ / 3);
  const uint64_t published = producer_.sequence() - start_.sequence;
  for (const uint64_t n : {uint64_t{0}, uint64_t{1}, uint64_t{2}, published / 2, published}) {
    const auto begin = Choose(StartAt::kLast, n);
    ASSERT_TRUE(begin) << n;
    EXPECT_EQ(begin->at.sequence, producer_.sequence() - n);
    EXPECT_EQ(begin->wanted, begin->at.sequence);
    EXPECT_TRUE(ring_.view().Walk(begin->at) == End());
  }
}

TEST_P(UnitRingJoin, LastOfMoreThanIsRetainedIsTheOldest) {
  PublishFor(3 * capacity_);
  const Point oldest = ring_.view().OldestMark().value();
  const uint64_t retained = producer_.sequence() - oldest.sequence;
  for (const uint64_t n :
       {retained + 1, retained + 1000, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}}) {
    const auto begin = Choose(StartAt::kLast, n);
    ASSERT_TRUE(begin) << n;
    EXPECT_TRUE(begin->at == oldest) << n;
    EXPECT_EQ(begin->wanted, oldest.sequence) << "asked for what is retained: nothing is lost";
  }
}

TEST_P(UnitRingJoin, SequenceIsFoundExactly) {
  PublishFor(capacity_ / 3);
  for (uint64_t s = start_.sequence; s != producer_.sequence(); ++s) {
    if (NotYetPublished(s, producer_.sequence())) continue;  // before the wrap: see RefusesHugeNumbers
    const auto begin = Choose(StartAt::kSequence, s);
    ASSERT_TRUE(begin);
    EXPECT_EQ(begin->at.sequence, s);
    EXPECT_EQ(begin->wanted, s);
  }
  EXPECT_TRUE(Choose(StartAt::kSequence, producer_.sequence())->at == End())
      << "the next message is in range";
}

TEST_P(UnitRingJoin, AnOverwrittenSequenceStartsAtTheOldestAndCountsTheLoss) {
  PublishFor(3 * capacity_);
  const Point oldest = ring_.view().OldestMark().value();
  uint64_t wanted = oldest.sequence - 7;
  if (NotYetPublished(wanted, producer_.sequence())) return;
  const auto begin = Choose(StartAt::kSequence, wanted);
  ASSERT_TRUE(begin);
  EXPECT_TRUE(begin->at == oldest);
  EXPECT_EQ(begin->wanted, wanted);
  auto consumer = Join(StartAt::kSequence, wanted);
  ASSERT_TRUE(consumer);
  Lent lent;
  ASSERT_TRUE(consumer->Next(&lent) || consumer->NextSlow(&lent) == Read::kMessage);
  EXPECT_GE(Ahead(lent.sequence, oldest.sequence), 0) << "behind what is announced";
  EXPECT_EQ(lent.lost, lent.sequence - wanted);
  EXPECT_EQ(consumer->counts().lost, lent.lost);
  const uint64_t announced = ring_.control().room.intent - capacity_;
  const uint64_t later = announced + ring_.chunk() + kFrameHeader + ring_.max_message();
  EXPECT_LT(Ahead(consumer->at().position, later), 0) << "but not much";
}

TEST_P(UnitRingJoin, SequenceAboveTheNextIsOutOfRange) {
  PublishFor(capacity_ / 3);
  for (const uint64_t beyond : {1, 2, 1000}) {
    failure_ = JoinFailure::kNone;
    EXPECT_FALSE(Join(StartAt::kSequence, producer_.sequence() + beyond));
    EXPECT_EQ(failure_, JoinFailure::kOutOfRange);
    EXPECT_EQ(PhaseOf(State()), SeatPhase::kFree) << "the seat was never shown";
  }
}

TEST(UnitRingJoinWords, RefusesHugeSequencesOfAYoungRing) {
  EXPECT_TRUE(NotYetPublished(~uint64_t{0}, 5));
  EXPECT_TRUE(NotYetPublished(uint64_t{1} << 63, 0));
  EXPECT_TRUE(NotYetPublished(6, 5));
  EXPECT_FALSE(NotYetPublished(5, 5));
  EXPECT_FALSE(NotYetPublished(0, 5));
  EXPECT_FALSE(NotYetPublished(~uint64_t{0} - 3, ~uint64_t{0}));
  EXPECT_TRUE(NotYetPublished(2, ~uint64_t{0})) << "across the wrap";
}

TEST_P(UnitRingJoin, EachRoundTakesMoreHeadroom) {
  PublishFor(3 * capacity_);
  const uint64_t reserved = ring_.control().room.reserved;
  for (int round = 1; round < 7; ++round) {
    const auto begin = Choose(StartAt::kOldest, 0, round);
    ASSERT_TRUE(begin);
    EXPECT_GE(capacity_ - (reserved - begin->at.position), ring_.chunk() << (round - 1)) << round;
  }
  for (const int round : {7, 8, 63}) EXPECT_TRUE(Choose(StartAt::kOldest, 0, round)->at == End());
}

TEST_P(UnitRingJoin, RetriesOfASequenceNeverStartBelowIt) {
  PublishFor(3 * capacity_);
  const uint64_t wanted = producer_.sequence() - 3;
  if (NotYetPublished(wanted, producer_.sequence())) return;
  for (int round = 0; round < 64; ++round) {
    const auto begin = Choose(StartAt::kSequence, wanted, round);
    ASSERT_TRUE(begin);
    EXPECT_GE(Ahead(begin->at.sequence, wanted), 0) << round;
    EXPECT_EQ(begin->wanted, wanted);
  }
}

TEST_P(UnitRingJoin, RingWithoutMarksIsJoinedAtItsEnd) {
  PublishFor(2 * capacity_);
  for (Mark& mark : ring_.control().marks) mark.position = ~uint64_t{0};
  for (const StartAt start : {StartAt::kOldest, StartAt::kLast, StartAt::kTime})
    EXPECT_TRUE(Choose(start, 5)->at == End());
  EXPECT_EQ(Choose(StartAt::kSequence, producer_.sequence() - 0)->wanted, producer_.sequence());
}

TEST_P(UnitRingJoin, DamagedRingIsNotJoined) {
  PublishFor(capacity_ / 3);
  ring_.control().tail.position += 4;
  for (const StartAt start :
       {StartAt::kEnd, StartAt::kOldest, StartAt::kLast, StartAt::kSequence, StartAt::kTime}) {
    failure_ = JoinFailure::kNone;
    EXPECT_FALSE(Join(start, 1));
    EXPECT_EQ(failure_, JoinFailure::kDamaged);
  }
}

// ---- the seat --------------------------------------------------------------------------------------------

TEST_P(UnitRingJoin, ALiveSeatIsStoredInTheOrderThatTheProducerReliesOn) {
  PublishFor(capacity_ / 3);
  ASSERT_TRUE(Join(StartAt::kEnd));
  EXPECT_EQ(State(), MakeSeatState(1, SeatPhase::kLive, kDeliveryLossless));
  EXPECT_EQ(ring_.seat(0).words.position, producer_.position());
  EXPECT_EQ(ring_.seats_control().join.seats_used, 1u);
  ring_.Leave(0);
  std::vector<Site> sites;
  {
    AccessLog log;
    ASSERT_TRUE(Join(StartAt::kEnd));
    for (const Site site : log.sites()) {
      if (site >= Site::J1 && site <= Site::J8) sites.push_back(site);
    }
  }
  const std::vector<Site> needed = {Site::J1, Site::J2, Site::J3, Site::J4, Site::J5, Site::J6};
  ASSERT_GE(sites.size(), needed.size());
  EXPECT_TRUE(std::equal(needed.begin(), needed.end(), sites.begin()));
  EXPECT_EQ(State(), MakeSeatState(2, SeatPhase::kLive, kDeliveryLossless))
      << "each holder has its generation";
}

TEST_P(UnitRingJoin, SeatsUsedOnlyGrows) {
  ASSERT_TRUE(ring_.Join(4, kDeliveryLossy, StartAt::kEnd));
  EXPECT_EQ(ring_.seats_control().join.seats_used, 5u);
  ASSERT_TRUE(ring_.Join(1, kDeliveryLossy, StartAt::kEnd));
  EXPECT_EQ(ring_.seats_control().join.seats_used, 5u);
}

TEST_P(UnitRingJoin, AJoinedConsumerIsNeverOvertaken) {
  for (const StartAt start : {StartAt::kEnd, StartAt::kOldest, StartAt::kLast, StartAt::kTime}) {
    PublishFor(2 * capacity_ + 24);
    auto consumer = Join(start, 3);
    ASSERT_TRUE(consumer);
    ExpectRespected(consumer->at().position);
    Lent lent;
    EXPECT_TRUE(consumer->Next(&lent) || consumer->NextSlow(&lent) == Read::kMessage);
    ring_.Leave(0);
  }
}

// Between two accesses of a joiner the producer can publish until the ring is full.
TEST_P(UnitRingJoin, AProducerThatRunsBetweenAnyTwoStepsOvertakesNoConsumer) {
  const auto lap = [&] {
    const uint64_t from = producer_.position();
    while (producer_.position() - from < capacity_ + capacity_ / 4) {
      if (!PublishBytes(producer_, producer_.sequence() * 37 % ring_.max_message())) return;
    }
  };
  // Joins, and lets the producer run before access number `step`. Returns the number of accesses.
  const auto join = [&](StartAt start, long step) {
    long at = 0;
    std::optional<RingConsumer<HookedAtomics>> consumer;
    {
      Hook hook([&](Site site) {
        if (site != Site::X && at++ == step) lap();
      });
      consumer = Join(start, 3);
    }
    EXPECT_TRUE(consumer) << step << " " << static_cast<int>(failure_);
    if (!consumer) return at;
    const Point place = consumer->at();
    EXPECT_LE(Ahead(ring_.control().room.reserved, place.position + capacity_), 0) << step;
    lap();
    EXPECT_LE(Ahead(ring_.control().room.reserved, place.position + capacity_), 0) << step;
    EXPECT_TRUE(ring_.view().Walk(place) == End()) << step << ": everything from there on is whole";
    ring_.Leave(0);
    return at;
  };
  lap();
  for (const StartAt start : {StartAt::kEnd, StartAt::kOldest, StartAt::kLast, StartAt::kTime}) {
    const long steps = join(start, -1);
    constexpr long kSeatSteps =
        12;  // the last accesses publish the seat: test each; of the search before, a sample
    const long stride = std::max(1L, (steps - kSeatSteps) / 12);
    for (long step = 0; step<steps; step += steps - step> kSeatSteps ? stride : 1) join(start, step);
  }
}

TEST_P(UnitRingJoin, AnOvertakenJoinerChoosesANewerPlace) {
  PublishFor(2 * capacity_);
  const Point oldest = ring_.view().OldestMark().value();
  int rounds = 0;
  {
    Hook hook([&](Site site) {
      if (site != Site::J5 || ++rounds > 3) return;
      ring_.control().room.intent = ring_.seat(0).words.position + capacity_ + 8;
    });
    auto consumer = Join(StartAt::kOldest);
    ASSERT_TRUE(consumer);
    EXPECT_GT(Ahead(consumer->at().sequence, oldest.sequence), 0);
    EXPECT_EQ(consumer->counts().lost, 0u) << "Oldest asked for no message in particular";
  }
  EXPECT_EQ(rounds, 4);
}

TEST_P(UnitRingJoin, JoinsAreCountedInEveryRoundBeforeTheFence) {
  PublishFor(2 * capacity_);
  const uint32_t before = ring_.seats_control().join.joins;
  std::vector<uint32_t> at_fence;
  Hook hook([&](Site site) {
    if (site == Site::J4) at_fence.push_back(ring_.seats_control().join.joins - before);
    if (site == Site::J5 && at_fence.size() < 3) {
      ring_.control().room.intent = ring_.seat(0).words.position + capacity_ + 8;
    }
  });
  ASSERT_TRUE(Join(StartAt::kOldest));
  EXPECT_EQ(at_fence, (std::vector<uint32_t>{1, 2, 3}));
}

TEST_P(UnitRingJoin, AProducerThatWaitsForAJoinerIsWokenByItsNewerChoice) {
  PublishFor(2 * capacity_);
  uint32_t& waiting = ring_.seats_control().room_waiting.waiting;
  for (const bool waits : {false, true}) {
    waiting = waits ? 1 : 0;
    int rounds = 0;
    bool wake = false;
    const uint32_t epoch = ring_.seats_control().room_epoch.epoch;
    Hook hook([&](Site site) {
      if (site != Site::J5 || ++rounds > 1) return;
      ring_.control().room.intent = ring_.seat(0).words.position + capacity_ + 8;
    });
    ASSERT_TRUE(ring_.Join(0, kDeliveryLossless, StartAt::kOldest, 0, false, nullptr, &wake));
    EXPECT_EQ(rounds, 2);
    EXPECT_EQ(wake, waits);
    EXPECT_EQ(ring_.seats_control().room_epoch.epoch, epoch + (waits ? 1 : 0));
  }
}

TEST_P(UnitRingJoin, AJoinerThatIsAlwaysOvertakenGivesUp) {
  Hook hook([&](Site site) {
    if (site == Site::J5) ring_.control().room.intent = ring_.seat(0).words.position + capacity_ + 8;
  });
  EXPECT_FALSE(Join(StartAt::kEnd));
  EXPECT_EQ(failure_, JoinFailure::kOvertaken);
}

TEST_P(UnitRingJoin, ALossyJoinerDoesNotWaitForTheIntent) {
  ring_.control().room.intent = start_.position + 2 * capacity_;
  EXPECT_TRUE(Join(StartAt::kEnd, 0, kDeliveryLossy));
}

TEST_P(UnitRingJoin, EvictedWhileJoiningStartsOver) {
  PublishFor(capacity_ / 2);
  {
    Hook hook([&](Site site) {
      if (site != Site::J6) return;
      const uint64_t joining = State();
      ASSERT_EQ(PhaseOf(joining), SeatPhase::kJoining);
      ASSERT_TRUE(producer_.Evict(0, joining, EvictedWhy::kHeldBack));
    });
    EXPECT_FALSE(Join(StartAt::kEnd));
  }
  EXPECT_EQ(failure_, JoinFailure::kEvicted);
  EXPECT_EQ(PhaseOf(State()), SeatPhase::kEvicted);
  EXPECT_TRUE(Join(StartAt::kEnd)) << "with the next generation";
  EXPECT_EQ(State(), MakeSeatState(2, SeatPhase::kLive, kDeliveryLossless));
}

TEST_P(UnitRingJoin, AnEvictionAfterGoingLiveFindsAnotherState) {
  PublishFor(capacity_ / 2);
  const uint64_t joining = MakeSeatState(1, SeatPhase::kJoining, kDeliveryLossless);
  ASSERT_TRUE(Join(StartAt::kEnd));
  EXPECT_FALSE(producer_.Evict(0, joining, EvictedWhy::kHeldBack));
  EXPECT_EQ(PhaseOf(State()), SeatPhase::kLive);
}

TEST_P(UnitRingJoin, AStoppedJoinerBlocksTheProducerUntilItIsEvicted) {
  std::optional<uint64_t> seen;
  Hook hook([&](Site site) {
    if (site != Site::J6) return;  // the joiner stops forever before it is live
    PublishFor(3 * capacity_);
    EXPECT_LE(Ahead(ring_.control().room.reserved, start_.position + capacity_), 0);
    producer_.HoldingBack([&](const Blocker& blocker) {
      EXPECT_EQ(blocker.index, 0u);
      seen = blocker.state;
    });
    ASSERT_TRUE(seen);
    ASSERT_TRUE(producer_.Evict(0, *seen, EvictedWhy::kHeldBack));
    PublishFor(3 * capacity_);
  });
  EXPECT_FALSE(Join(StartAt::kEnd));
  EXPECT_EQ(failure_, JoinFailure::kEvicted);
  EXPECT_GE(producer_.position() - start_.position, 3 * capacity_);
}

TEST_P(UnitRingJoin, TheNextProducerRespectsASeatThatJoinedWithoutOne) {
  PublishFor(2 * capacity_);
  auto consumer = Join(StartAt::kOldest);
  ASSERT_TRUE(consumer);
  const auto at = FindTakeOverPoint<HookedAtomics>(ring_.memory());
  ASSERT_TRUE(at);
  producer_ = ring_.Attach(*at);
  ExpectRespected(consumer->at().position);
}

}  // namespace
}  // namespace millrace::internal
