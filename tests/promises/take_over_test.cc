// SPDX-License-Identifier: Apache-2.0
// Promise: the next producer takes the ring over in place. The sequence
// continues, and consumers keep running.
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>

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

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

TEST(PromiseTakeOver, SequencesContinueThroughManyProducersAndConsumersStay) {
  const Watchdog watchdog("take-over");
  const ScratchName name;
  const Oracle oracle;
  constexpr uint64_t kProducers = 60, kEach = 500;
  struct Tallies {
    Tally lossless, observer;
  };
  const SharedPage<Tallies> tallies;
  Must(SegmentManager().Create(name, {.capacity = 8192}));
  const auto reader = [&](Delivery delivery, Tally& tally) {
    return [&, delivery](const Child::Line& line) {
      Consumer consumer = Must(Consumer::Open(name, delivery));
      tally.Begin(consumer);
      line.Say("joined");
      tally.ReadUntilEnd(consumer, oracle);
      return consumer.producer().epoch == kProducers ? 0 : 1;
    };
  };
  Child lossless(reader(Delivery::Lossless(), tallies->lossless)),
      observer(reader(Delivery::Observer(), tallies->observer));
  ASSERT_EQ(lossless.Hear(), "joined");
  ASSERT_EQ(observer.Hear(), "joined");
  for (uint64_t i = 0; i < kProducers; ++i) {
    Child producer([&](const Child::Line&) {
      Producer p = Must(Producer::Open(name));
      if (p.next_sequence() != i * kEach) return 1;
      if (testing::PublishUntil(p, oracle, (i + 1) * kEach) != Sent::kOk) return 2;
      if (i + 1 == kProducers) return p.Close().ok() ? 0 : 3;
      if (i % 2 == 0) return 0;  // some detach; the others die with a claim open
      const Claim open = p.WaitClaim(100);
      oracle.Fill((i + 1) * kEach, open.bytes());
      _exit(0);
    });
    ASSERT_EQ(producer.Wait(), 0) << i;
  }
  EXPECT_EQ(lossless.Wait(), 0);
  EXPECT_EQ(observer.Wait(), 0);
  EXPECT_EQ(tallies->lossless.received, kProducers * kEach);
  tallies->lossless.ExpectConserved(kProducers * kEach, 0);
  tallies->observer.ExpectConserved(kProducers * kEach, 0);
}

TEST(PromiseTakeOver, IsRefusedWhileTheProducerLives) {
  const Watchdog watchdog("refused");
  const ScratchName name;
  Child producer([&](const Child::Line& line) {
    const Producer p = Must(Producer::Create(name, {}, {.label = "the first"}));
    line.Say("here");
    return line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(producer.Hear(), "here");
  for (const auto& refused :
       {Producer::Open(name, {.take_over_timeout = milliseconds(5)}).status(),
        Producer::OpenOrCreate(name, {}, {.take_over_timeout = Nanos::zero()}).status()}) {
    EXPECT_EQ(ErrorOf(refused), Error::kProducerAlive);
    EXPECT_NE(refused.ToString().find("the first"), std::string::npos) << refused;
    EXPECT_NE(refused.ToString().find(std::to_string(producer.pid())), std::string::npos) << refused;
  }
  producer.Say("end");
  EXPECT_EQ(producer.Wait(), 0);
  EXPECT_TRUE(Producer::Open(name).ok());
}

TEST(PromiseTakeOver, TwoSuccessorsNeverBothSucceed) {
  const Watchdog watchdog("two successors");
  const ScratchName name;
  Must(SegmentManager().Create(name, {}));
  constexpr int kRounds = 200;
  const auto rival = [&](const Child::Line& line) {
    for (std::string go = line.Hear(); go == "go"; go = line.Hear()) {
      absl::StatusOr<Producer> producer = Producer::Open(name, {.take_over_timeout = Nanos::zero()});
      line.Say(producer.ok()                                         ? "won"
               : ErrorOf(producer.status()) == Error::kProducerAlive ? "lost"
                                                                     : "wrong");
      (void)line.Hear();
    }
    return 0;
  };
  const Child a(rival), b(rival), c(rival);
  for (int i = 0; i < kRounds; ++i) {
    int won = 0, lost = 0;
    for (const Child* child : {&a, &b, &c}) child->Say("go");
    for (const Child* child : {&a, &b, &c}) {
      const std::string said = child->Hear();
      won += said == "won";
      lost += said == "lost";
    }
    ASSERT_EQ(won, 1) << "round " << i;
    ASSERT_EQ(lost, 2) << "round " << i;
    for (const Child* child : {&a, &b, &c}) child->Say("release");
  }
}

// Bug: a reader held a read lock on the ring during a take-over. After that the ring counted as alive
// forever, also for its owner.
TEST(PromiseTakeOver, TheOwnerLearnsOfTheDeathWhileAReaderBlocksTheLock) {
  const Watchdog watchdog("a reader denies a lock");
  const ScratchName name;
  { const Producer first = Must(Producer::Create(name, {.capacity = 4096})); }
  const int reader = open((name.path() + ".ring").c_str(), O_RDONLY | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  ASSERT_EQ(fcntl(reader, F_OFD_SETLK, &lock), 0);
  std::optional<Producer> producer = Must(Producer::Open(name));
  close(reader);
  const Consumer consumer = Must(Consumer::Open(name, Delivery::Observer()));
  const SegmentManager manager;
  EXPECT_TRUE(Must(manager.Inspect(name)).producer.alive);
  EXPECT_FALSE(Must(manager.Inspect(name)).producer.alive_unknown);
  EXPECT_TRUE(consumer.producer().alive);
  EXPECT_EQ(ErrorOf(manager.Unlink(name)), Error::kInUse);
  producer.reset();
  EXPECT_FALSE(Must(manager.Inspect(name)).producer.alive);
  EXPECT_FALSE(consumer.producer().alive);
  bool found = false;
  for (const Stale& stale : Must(manager.FindStale(Nanos::zero()))) {
    if (stale.name != std::string(name)) continue;
    found = true;
    EXPECT_TRUE(manager.Prune(stale).ok());
  }
  EXPECT_TRUE(found);
}

TEST(PromiseClose, DrainedConsumersSeeClosedAndANewProducerContinues) {
  const Watchdog watchdog("close and reopen");
  const ScratchName name;
  const Oracle oracle;
  struct Tallies {
    Tally stays, leaves;
  };
  const SharedPage<Tallies> tallies;
  Producer producer = Must(Producer::Create(name, {.capacity = 8192}));
  Child stays([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.follow_reopen = true}));
    tallies->stays.Begin(consumer);
    line.Say("joined");
    while (tallies->stays.received < 1000) {
      const Received got = consumer.Next();
      if (!got) return 1;
      tallies->stays.Take(*got, oracle);
    }
    tallies->stays.Finish(consumer);
    return 0;
  });
  Child leaves([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    tallies->leaves.Begin(consumer);
    line.Say("joined");
    tallies->leaves.ReadUntilEnd(consumer, oracle);
    if (ErrorOf(consumer.status()) != Error::kClosed || !consumer.producer().closed) return 1;
    if (consumer.TryNext().why() != Got::kClosed) return 2;
    line.Say("closed");
    if (line.Hear() != "reopened") return 3;
    const Received got = consumer.Next();  // the ring may be reopened by a later producer
    return got && got->sequence == 500 && got->lost == 0 ? 0 : 4;
  });
  ASSERT_EQ(stays.Hear(), "joined");
  ASSERT_EQ(leaves.Hear(), "joined");
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 500), Sent::kOk);
  ASSERT_TRUE(producer.Close().ok());
  EXPECT_EQ(ErrorOf(producer.Close()), Error::kClosed);
  EXPECT_EQ(producer.TryPublish("x"), Sent::kClosed);
  EXPECT_EQ(producer.Publish("x"), Sent::kClosed);
  EXPECT_EQ(producer.TryClaim(1).why(), Sent::kClosed);
  EXPECT_FALSE(producer.WaitForConsumers(1));
  ASSERT_EQ(leaves.Hear(), "closed");
  EXPECT_EQ(tallies->leaves.end, Got::kClosed);
  tallies->leaves.ExpectConserved(500, 0);
  EXPECT_EQ(Must(SegmentManager().Inspect(name)).state, "closed");
  // The producer that closed the ring is still there.
  Child successor([&](const Child::Line& line) {
    Producer next = Must(Producer::Open(name));
    line.Say("open");
    if (next.next_sequence() != 500) return 1;
    return testing::PublishUntil(next, oracle, 1000) == Sent::kOk ? 0 : 2;
  });
  ASSERT_EQ(successor.Hear(), "open");
  leaves.Say("reopened");
  EXPECT_EQ(successor.Wait(), 0);
  EXPECT_EQ(leaves.Wait(), 0);
  EXPECT_EQ(stays.Wait(), 0);
  tallies->stays.ExpectConserved(1000, 0);
}

TEST(PromiseClose, WakesConsumersThatSleep) {
  for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark}) {
    const Watchdog watchdog("close wakes");
    const ScratchName name;
    Producer producer = Must(Producer::Create(name));
    Child waiter([&](const Child::Line& line) {
      Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.wait = wait}));
      line.Say("waiting");
      return consumer.Next().why() == Got::kClosed ? 0 : 1;
    });
    ASSERT_EQ(waiter.Hear(), "waiting");
    ASSERT_TRUE(producer.Close().ok());
    EXPECT_EQ(waiter.Wait(), 0);
  }
}

TEST(PromiseDetach, IsNotTheEndOfTheStream) {
  const ScratchName name;
  Child producer([&](const Child::Line&) {
    Producer p = Must(Producer::Create(name));
    return p.TryPublish("only one") == Sent::kOk ? 0 : 1;  // the producer is destroyed without Close
  });
  ASSERT_EQ(producer.Wait(), 0);
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.start = Start::Oldest()}));
  EXPECT_TRUE(consumer.TryNext());
  EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
  EXPECT_FALSE(consumer.producer().alive);
  EXPECT_FALSE(consumer.producer().closed);
}

}  // namespace
}  // namespace millrace
