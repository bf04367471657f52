// SPDX-License-Identifier: Apache-2.0
// Evictions by an operator, and by a producer that was held back too long;
// and what the evicted consumer sees.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"
#include "tests/support/child.h"
#include "tests/support/shared_page.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using ::testing::HasSubstr;
using testing::Must;
using testing::Oracle;
using testing::QueueWords;
using testing::Scene;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

SeatInfo OnlySeat(const Scene& scene) {
  const RingInfo info = scene.Inspect("ring");
  if (info.consumers.size() != 1) abort();
  return info.consumers.front();
}

TEST(CleanupEvict, ReportsByWhomWhyAndWhereToTheVictim) {
  const Scene scene;
  Producer producer = scene.Create("ring");
  Consumer victim = scene.Join("ring");
  for (int i = 0; i < 7; ++i) ASSERT_EQ(producer.TryPublish("unread"), Sent::kOk);
  const SeatInfo seat = OnlySeat(scene);
  ASSERT_TRUE(scene.manager().Evict("ring", seat.seat, seat.generation).ok());
  EXPECT_TRUE(OnlySeat(scene).evicted);
  EXPECT_TRUE(OnlySeat(scene).alive);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(victim.TryNext().why(), Got::kEvicted);
  EXPECT_EQ(victim.Next().why(), Got::kEvicted);
  EXPECT_EQ(ErrorOf(victim.status()), Error::kEvicted);
  const std::string said(victim.status().message());
  EXPECT_THAT(said, HasSubstr("\"ring\""));
  EXPECT_THAT(said, HasSubstr("an operator"));
  EXPECT_THAT(said, HasSubstr("on request"));
  EXPECT_THAT(said, HasSubstr("at sequence 7"));
  EXPECT_THAT(said, HasSubstr("open the ring again"));
}

TEST(CleanupEvict, AffectsOnlyTheGenerationItNames) {
  const Scene scene;
  Producer producer = scene.Create("ring");
  std::optional<Consumer> first = scene.Join("ring");
  const SeatInfo seat = OnlySeat(scene);
  const auto evict = [&](uint32_t number, uint32_t generation) {
    return ErrorOf(scene.manager().Evict("ring", number, generation));
  };
  EXPECT_EQ(evict(seat.seat, seat.generation - 1), Error::kNotFound);
  EXPECT_EQ(evict(seat.seat, seat.generation + 1), Error::kNotFound);
  EXPECT_EQ(evict(seat.seat + 1, seat.generation), Error::kNotFound) << "no consumer has that seat";
  EXPECT_EQ(evict(seat.seat + 1, 0), Error::kNotFound);
  EXPECT_EQ(evict(4, 0), Error::kNotFound) << "there is no such seat";
  EXPECT_EQ(evict(UINT32_MAX, 0), Error::kNotFound);
  EXPECT_EQ(ErrorOf(scene.manager().Evict("none", 0, 0)), Error::kNotFound);
  ASSERT_EQ(producer.TryPublish("for the first"), Sent::kOk);
  ASSERT_TRUE(first->TryNext());

  first.reset();
  EXPECT_EQ(evict(seat.seat, seat.generation), Error::kNotFound) << "it has left";
  Consumer second = scene.Join("ring");
  ASSERT_EQ(OnlySeat(scene).seat, seat.seat) << "the seat is reused";
  EXPECT_EQ(evict(seat.seat, seat.generation), Error::kNotFound);
  EXPECT_TRUE(second.TryNext());

  EXPECT_EQ(evict(seat.seat, OnlySeat(scene).generation), Error::kNone);
  EXPECT_EQ(evict(seat.seat, OnlySeat(scene).generation), Error::kNotFound) << "twice";
  EXPECT_EQ(second.TryNext().why(), Got::kEvicted);
}

TEST(CleanupEvict, WakesAParkedVictim) {
  const Watchdog watchdog("parked victim");
  const Scene scene;
  Producer producer = scene.Create("ring");
  const QueueWords words(scene.File("ring"));
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy()}) {
    Child victim([&](const Child::Line&) {
      ConsumerOptions options = scene.From(Start::End());
      options.wait = Wait::kPark;
      Consumer consumer = Must(Consumer::Open("ring", delivery, options));
      return consumer.Next().why() == Got::kEvicted ? 0 : 1;
    });
    words.AwaitSleeper();
    const SeatInfo seat = OnlySeat(scene);
    ASSERT_TRUE(scene.manager().Evict("ring", seat.seat, seat.generation).ok());
    EXPECT_EQ(victim.Wait(), 0);
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(producer.TryPublish("clears who sleeps, fills the ring"), Sent::kOk);
  }
}

// An eviction also reaches a lossy consumer on a busy ring, which never has to
// find out why there is no message.
TEST(CleanupEvict, ReachesALossyVictimThatAlwaysHasMessages) {
  const Watchdog watchdog("busy victim");
  const Scene scene;
  Producer producer = scene.Create("ring");
  Consumer victim = scene.Join("ring", Delivery::Lossy());
  for (int i = 0; i < 20; ++i) ASSERT_EQ(producer.TryPublish("there is more"), Sent::kOk);
  ASSERT_TRUE(victim.TryNext());
  const SeatInfo seat = OnlySeat(scene);
  ASSERT_TRUE(scene.manager().Evict("ring", seat.seat, seat.generation).ok());
  EXPECT_EQ(victim.TryNext().why(), Got::kEvicted);
}

TEST(CleanupEvict, UnblocksAProducer) {
  const Watchdog watchdog("blocked producer");
  const Scene scene;
  Child producer([&](const Child::Line& line) {
    Producer p = scene.Create("ring");
    line.Say("created");
    if (line.Hear() != "joined") return 1;
    for (int i = 0; i < 1000; ++i) {
      if (p.Publish("waits for as long as it takes") != Sent::kOk) return 2;
    }
    return p.stats().blocked == 1 ? 0 : 3;
  });
  ASSERT_EQ(producer.Hear(), "created");
  const Consumer consumer = scene.Join("ring");
  const QueueWords words(scene.File("ring"));
  producer.Say("joined");
  words.AwaitBlockedProducer();
  const SeatInfo seat = OnlySeat(scene);
  ASSERT_TRUE(scene.manager().Evict("ring", seat.seat, seat.generation).ok());
  EXPECT_EQ(producer.Wait(), 0);
}

// Eviction ends the protection of a message. Its bytes stay intact until the producer reserves them again.
TEST(CleanupEvict, AnInPlaceMessageStaysIntactUntilItsBytesAreReservedAgain) {
  const Scene scene;
  const Oracle oracle;
  Producer producer = scene.Create("ring");
  Consumer victim = scene.Join("ring");
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 1), Sent::kOk);
  const Received lent = victim.TryNext();
  ASSERT_TRUE(lent);
  const SeatInfo seat = OnlySeat(scene);
  ASSERT_TRUE(scene.manager().Evict("ring", seat.seat, seat.generation).ok());
  EXPECT_TRUE(victim.StillIntact());
  EXPECT_TRUE(oracle.Check(0, lent->payload));
  bool intact = true;
  for (uint64_t end = 2; end < 200; ++end) {
    ASSERT_EQ(testing::PublishUntil(producer, oracle, end), Sent::kOk);
    const bool whole = oracle.Check(0, lent->payload);
    const bool now_intact = victim.StillIntact();
    ASSERT_TRUE(whole || !now_intact) << "torn, and not told so, at " << end;
    ASSERT_TRUE(intact || !now_intact) << "intact again at " << end;
    intact = now_intact;
  }
  EXPECT_FALSE(intact);
  EXPECT_EQ(victim.TryNext().why(), Got::kEvicted);
}

// A producer without patience evicts a slow reader many times. Copies are always whole. StillIntact returns
// false for every message in place that is torn.
struct Slow {
  uint64_t evictions = 0, whole = 0, torn = 0, told = 0;
};

int ReadSlowly(const Scene& scene, const Oracle& oracle, bool copy, Slow& count, const Child::Line& line) {
  ConsumerOptions options = scene.From(Start::Oldest());
  options.copy = copy;
  line.Say("here");
  for (;;) {
    absl::StatusOr<Consumer> consumer = Consumer::Open("ring", Delivery::Lossless(), options);
    if (ErrorOf(consumer.status()) == Error::kEvicted) continue;  // evicted while it joined
    if (!consumer.ok()) return 1;
    for (;;) {
      const Received got = consumer->Next();
      if (got.why() == Got::kClosed) return 0;
      if (got.why() == Got::kEvicted) {
        ++count.evictions;
        break;
      }
      if (!got) return 2;
      // Waits until the producer has evicted this consumer and written over its message.
      const uint64_t until = got->sequence % 50 == 0
                                 ? Must(SegmentManager(scene.path()).Inspect("ring")).next_sequence + 100
                                 : 0;
      while (until != 0 && consumer->producer().alive && !consumer->producer().closed &&
             Must(SegmentManager(scene.path()).Inspect("ring")).next_sequence < until) {
      }
      const bool whole = oracle.Check(got->sequence, got->payload);
      const bool intact = copy || consumer->StillIntact();
      if (whole)
        ++count.whole;
      else if (intact)
        ++count.torn;
      else
        ++count.told;
    }
  }
}

void EvictsSlowest(bool copy) {
  const Watchdog watchdog("evicted again and again", 110);
  const Scene scene;
  const Oracle oracle(7, 16, 200);
  const SharedPage<Slow> count;
  ProducerOptions options = scene.Here();
  options.on_full = OnFull::kEvictSlowest;
  options.evict_after = milliseconds(1);
  Producer producer = Must(Producer::Create("ring", scene.Small(), options));
  Child reader([&](const Child::Line& line) { return ReadSlowly(scene, oracle, copy, *count, line); });
  ASSERT_EQ(reader.Hear(), "here");
  while (producer.stats().evictions < 30)
    ASSERT_EQ(testing::PublishUntil(producer, oracle, producer.next_sequence() + 100), Sent::kOk);
  ASSERT_TRUE(producer.Close().ok());
  ASSERT_EQ(reader.Wait(), 0);
  EXPECT_EQ(count->torn, 0u);
  EXPECT_GT(count->whole, 0u);
  EXPECT_GT(count->evictions, 0u);
  if (copy) {
    EXPECT_EQ(count->told, 0u);
  }
  std::printf("%s: %llu evictions, %llu messages whole, %llu torn and told so, 0 torn and not told\n",
              copy ? "copied" : "in place", static_cast<unsigned long long>(count->evictions),
              static_cast<unsigned long long>(count->whole), static_cast<unsigned long long>(count->told));
}
TEST(CleanupEvictSlowest, ACopyIsNeverTorn) { EvictsSlowest(true); }
TEST(CleanupEvictSlowest, ATornInPlaceMessageIsAlwaysReported) { EvictsSlowest(false); }

TEST(CleanupEvictSlowest, ReportsThePolicy) {
  const Watchdog watchdog("policy");
  const Scene scene;
  ProducerOptions options = scene.Here();
  options.on_full = OnFull::kEvictSlowest;
  options.evict_after = milliseconds(2);
  Producer producer = Must(Producer::Create("ring", scene.Small(), options));
  Consumer victim = scene.Join("ring");
  Sent sent = Sent::kOk;
  while ((sent = producer.TryPublish(std::string(100, 'x'))) == Sent::kOk) {
  }
  EXPECT_EQ(sent, Sent::kFull);
  EXPECT_EQ(producer.stats().evictions, 0u) << "TryPublish never evicts the living";
  const uint64_t sequence = producer.next_sequence();
  EXPECT_EQ(producer.Publish(std::string(100, 'x')), Sent::kOk);
  EXPECT_EQ(producer.stats().evictions, 1u);
  EXPECT_EQ(scene.Inspect("ring").evictions, 1u);
  EXPECT_EQ(victim.TryNext().why(), Got::kEvicted);
  const std::string said(victim.status().message());
  EXPECT_THAT(said, HasSubstr("the producer"));
  EXPECT_THAT(said, HasSubstr("held the producer back"));
  EXPECT_THAT(said, HasSubstr("at sequence " + std::to_string(sequence)));
}

TEST(CleanupDropNew, CountsDropsAndUsesNoSequenceNumber) {
  const Scene scene;
  const Oracle oracle;
  ProducerOptions options = scene.Here();
  options.on_full = OnFull::kDropNew;
  Tally tally;
  Producer producer = Must(Producer::Create("ring", scene.Small(), options));
  Consumer consumer = scene.Join("ring");
  tally.Begin(consumer);
  uint64_t dropped = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 100; ++i) {
      const uint64_t sequence = producer.next_sequence();
      const Sent sent = producer.Publish(oracle.Make(sequence));
      ASSERT_TRUE(sent == Sent::kOk || sent == Sent::kDropped) << ToString(sent);
      dropped += sent == Sent::kDropped ? 1 : 0;
      ASSERT_EQ(producer.next_sequence(), sequence + (sent == Sent::kOk ? 1 : 0));
    }
    EXPECT_EQ(tally.Drain(consumer, oracle), Got::kEmpty);
  }
  EXPECT_GT(dropped, 0u);
  EXPECT_EQ(producer.stats().dropped, dropped);
  EXPECT_EQ(producer.stats().published, 2000 - dropped);
  EXPECT_EQ(scene.Inspect("ring").dropped, dropped) << "visible to the operator";
  tally.Finish(consumer);
  EXPECT_EQ(tally.lost, 0u);
  tally.ExpectConserved(2000 - dropped, 0);
}

}  // namespace
}  // namespace millrace
