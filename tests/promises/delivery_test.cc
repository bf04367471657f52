// SPDX-License-Identifier: Apache-2.0
// Promise: each consumer of a ring has its own contract, and every loss is counted:
// received + lost + skipped + unread = published since the consumer's start.
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/shared_page.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

// Starts a child that joins, reports that it has joined, and reads to the end of a closed ring.
std::unique_ptr<Child> Reader(const std::string& name, Delivery delivery, const Oracle& oracle, Tally& tally,
                              ConsumerOptions options = {}) {
  auto child = std::make_unique<Child>([&, delivery, options](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, delivery, options));
    tally.Begin(consumer);
    line.Say("joined");
    tally.ReadUntilEnd(consumer, oracle);
    return 0;
  });
  EXPECT_EQ(child->Hear(), "joined");
  return child;
}

TEST(PromiseDelivery, AllKindsShareOneRing) {
  const Watchdog watchdog("mixed ring");
  const ScratchName name;
  const Oracle oracle(3, 8, 400);
  constexpr uint64_t kMessages = 100'000;
  Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
  struct Tallies {
    Tally of[6];
  };
  const SharedPage<Tallies> tallies;
  std::vector<std::unique_ptr<Child>> readers;
  readers.push_back(Reader(name, Delivery::Lossless(), oracle, tallies->of[0]));
  readers.push_back(Reader(name, Delivery::Lossless(), oracle, tallies->of[1], {.copy = true}));
  readers.push_back(Reader(name, Delivery::Lossy(), oracle, tallies->of[2]));
  readers.push_back(
      Reader(name, Delivery::Lossy(), oracle, tallies->of[3], {.on_overrun = Overrun::kResumeNewest}));
  readers.push_back(Reader(name, Delivery::Observer(), oracle, tallies->of[4]));
  readers.push_back(Reader(name, Delivery::Lossless(), oracle, tallies->of[5], {.wait = Wait::kPark}));
  EXPECT_EQ(testing::PublishUntil(producer, oracle, kMessages), Sent::kOk);
  EXPECT_TRUE(producer.Close().ok());
  for (size_t i = 0; i < readers.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(readers[i]->Wait(), 0);
    EXPECT_EQ(tallies->of[i].end, Got::kClosed);
    tallies->of[i].ExpectConserved(kMessages, 0);
  }
  for (const int i : {0, 1, 5}) EXPECT_EQ(tallies->of[i].received, kMessages) << i;
  std::printf("lossy received %llu and %llu, observer %llu of %llu\n",
              static_cast<unsigned long long>(tallies->of[2].received),
              static_cast<unsigned long long>(tallies->of[3].received),
              static_cast<unsigned long long>(tallies->of[4].received),
              static_cast<unsigned long long>(kMessages));
}

// The reader stops in the middle while the producer laps it, several times.
void Overrun(Delivery delivery, enum Overrun policy) {
  const Watchdog watchdog("overrun");
  const ScratchName name;
  const Oracle oracle(5, 8, 300);
  constexpr size_t kCapacity = 32768;
  Producer producer = Must(Producer::Create(name, {.capacity = kCapacity}));
  const SharedPage<Tally> tally;
  Child reader([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, delivery, {.on_overrun = policy}));
    tally->Begin(consumer);
    line.Say("joined");
    for (std::string order = line.Hear(); order != "end"; order = line.Hear()) {
      (void)tally->Drain(consumer, oracle, std::stoull(order));
      tally->Finish(consumer);
      line.Say("read");
    }
    return 0;
  });
  ASSERT_EQ(reader.Hear(), "joined");
  uint64_t told_lost = 0, overruns = 0;
  for (int round = 0; round < 300; ++round) {
    const uint64_t more = testing::Mix(static_cast<uint64_t>(round)) % 1000;
    ASSERT_EQ(testing::PublishUntil(producer, oracle, producer.next_sequence() + more), Sent::kOk);
    const bool all = round % 5 == 0;
    reader.Say(all ? "1000000" : "7");
    ASSERT_EQ(reader.Hear(), "read");
    if (tally->lost > told_lost) {
      ++overruns;
      told_lost = tally->lost;
      if (all && policy == Overrun::kResumeOldest) {
        // The consumer did not restart at the newest message: it found most of the ring (about 200 messages
        // of 160 bytes).
        EXPECT_GE(producer.next_sequence() - (tally->next - tally->received), 100u);
      }
    }
    if (all) tally->ExpectConserved(producer.next_sequence(), 0);
  }
  reader.Say("1000000");
  ASSERT_EQ(reader.Hear(), "read");
  tally->ExpectConserved(producer.next_sequence(), 0);
  EXPECT_GT(overruns, 30u);
  EXPECT_GT(tally->received, 0u);
  EXPECT_EQ(tally->said.overruns >= overruns, true);
  std::printf("%llu overruns, %llu received, %llu lost of %llu\n", static_cast<unsigned long long>(overruns),
              static_cast<unsigned long long>(tally->received), static_cast<unsigned long long>(tally->lost),
              static_cast<unsigned long long>(producer.next_sequence()));
}
TEST(PromiseLossy, OverrunResumesAtTheOldestAndCountsExactly) {
  Overrun(Delivery::Lossy(), Overrun::kResumeOldest);
}
TEST(PromiseLossy, OverrunResumesAtTheNewestIfChosen) { Overrun(Delivery::Lossy(), Overrun::kResumeNewest); }
TEST(PromiseObserver, OverrunResumesAtTheOldestAndCountsExactly) {
  Overrun(Delivery::Observer(), Overrun::kResumeOldest);
}

TEST(PromiseLossy, AfterAnOverrunMostOfTheRingIsStillRead) {
  const ScratchName name;
  const Oracle oracle(5, 24, 24);  // frames of 32 bytes
  Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossy()));
  Tally tally;
  tally.Begin(consumer);
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 50'000), Sent::kOk);
  EXPECT_EQ(tally.Drain(consumer, oracle), Got::kEmpty);
  tally.Finish(consumer);
  tally.ExpectConserved(50'000, 0);
  EXPECT_GE(tally.received, 2048u * 61 / 64) << "of 2048 messages in the ring, all but about three chunks";
}

TEST(PromiseObserver, IsInvisibleAndTakesNoSeat) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096, .seats = 1}));
  Child looker([&](const Child::Line& line) {
    const Consumer a = Must(Consumer::Open(name, Delivery::Observer())),
                   b = Must(Consumer::Open(name, Delivery::Observer()));
    line.Say("looking");
    return line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(looker.Hear(), "looking");
  EXPECT_TRUE(Must(SegmentManager().Inspect(name)).consumers.empty());
  EXPECT_TRUE(Consumer::Open(name, Delivery::Lossless()).ok());
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(producer.TryPublish("never held back"), Sent::kOk);
}

TEST(PromiseConsumer, SkipToConflatesAndCountsWhatItPassesOver) {
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
    const ScratchName name;
    const Oracle oracle;
    Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
    Consumer consumer = Must(Consumer::Open(name, delivery));
    Tally tally;
    tally.Begin(consumer);
    ASSERT_EQ(testing::PublishUntil(producer, oracle, 100), Sent::kOk);
    (void)tally.Drain(consumer, oracle, 10);
    EXPECT_TRUE(consumer.SkipTo(Start::Oldest()).ok());
    EXPECT_TRUE(consumer.SkipTo(Start::Last(95)).ok());
    EXPECT_EQ(consumer.next_sequence(), 10u) << "never goes back";
    EXPECT_EQ(ErrorOf(consumer.SkipTo(Start::Sequence(9))), Error::kBadArgument);
    EXPECT_EQ(ErrorOf(consumer.SkipTo(Start::Sequence(101))), Error::kBadArgument);
    ASSERT_TRUE(consumer.SkipTo(Start::Sequence(50)).ok());
    tally.Skipped(consumer);
    EXPECT_EQ(tally.next, 50u);
    (void)tally.Drain(consumer, oracle, 5);
    ASSERT_TRUE(consumer.SkipTo(Start::Last(1)).ok());
    tally.Skipped(consumer);
    EXPECT_EQ(tally.next, 99u);
    (void)tally.Drain(consumer, oracle);
    ASSERT_EQ(testing::PublishUntil(producer, oracle, 120), Sent::kOk);
    ASSERT_TRUE(consumer.SkipTo(Start::End()).ok());
    tally.Skipped(consumer);
    ASSERT_EQ(testing::PublishUntil(producer, oracle, 125), Sent::kOk);
    EXPECT_EQ(tally.Drain(consumer, oracle), Got::kEmpty);
    tally.Finish(consumer);
    tally.ExpectConserved(125, 0);
    EXPECT_EQ(tally.skipped, 40u + 44u + 20u);
  }
}

// Bug: SkipTo(Last(n)) computed "end - n" without checking that n messages lie ahead. For the largest n,
// "everything retained", it skipped to the end.
TEST(PromiseConsumer, SkipToMoreThanThereIsSkipsNothing) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(producer.TryPublish("x"), Sent::kOk);
  for (const uint64_t n :
       {uint64_t{11}, uint64_t{1} << 32, uint64_t{1} << 63, (uint64_t{1} << 63) + 11, ~uint64_t{0}}) {
    EXPECT_TRUE(consumer.SkipTo(Start::Last(n)).ok());
    EXPECT_EQ(consumer.next_sequence(), 0u) << "Last(" << n << ")";
  }
}

TEST(PromiseConsumer, UnreadMessagesAreCountedAsLag) {
  const ScratchName name;
  const Oracle oracle;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  Tally tally;
  tally.Begin(consumer);
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 100), Sent::kOk);
  (void)tally.Drain(consumer, oracle, 37);
  tally.Finish(consumer);
  EXPECT_EQ(tally.said.approximate_lag_messages, 63u);
  tally.ExpectConserved(100, tally.said.approximate_lag_messages);
}

TEST(PromisePoll, StopsAtItsMaximumOrByTheHandlerAndKeepsAMessageWhoseHandlerThrew) {
  const ScratchName name;
  const Oracle oracle;
  Producer producer = Must(Producer::Create(name));
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy()}) {
    Consumer consumer = Must(Consumer::Open(name, delivery, {.start = Start::End()}));
    const uint64_t first = producer.next_sequence();
    Tally tally;
    tally.Begin(consumer);
    ASSERT_EQ(testing::PublishUntil(producer, oracle, first + 100), Sent::kOk);
    const Polled by_max = consumer.Poll([&](const Message& m) { tally.Take(m, oracle); }, 10);
    EXPECT_EQ(by_max.handled, 10u);
    EXPECT_EQ(by_max.why, Got::kMessage);
    const Polled by_handler = consumer.Poll([&](const Message& m) {
      tally.Take(m, oracle);
      return m.sequence < first + 14;
    });
    EXPECT_EQ(by_handler.handled, 5u);
    EXPECT_EQ(by_handler.why, Got::kMessage);
    EXPECT_THROW((void)consumer.Poll([&](const Message& m) {
      if (m.sequence == first + 20) throw 1;
      tally.Take(m, oracle);
    }),
                 int);
    const Polled rest = consumer.Poll([&](const Message& m) { tally.Take(m, oracle); }, 1000);
    EXPECT_EQ(rest.handled, 80u);
    EXPECT_EQ(rest.why, Got::kEmpty);
    tally.Finish(consumer);
    tally.ExpectConserved(first + 100, 0);
  }
}

}  // namespace
}  // namespace millrace
