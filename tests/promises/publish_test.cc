// SPDX-License-Identifier: Apache-2.0
// Promise: a message is published whole or not at all, and every refusal states its reason.
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
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
using testing::QueueWords;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

TEST(PromisePublish, EveryWayToEndAClaimIsSeenByAnotherProcess) {
  const Watchdog watchdog("commit");
  const ScratchName name;
  const Oracle oracle(7, 0, 500);  // the smallest message has no bytes
  constexpr uint64_t kMessages = 20'000;
  const SharedPage<Tally> tally;
  Producer producer = Must(Producer::Create(name, {.capacity = 16384}));
  Child reader([&](const Child::Line&) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    tally->Begin(consumer);
    tally->ReadUntilEnd(consumer, oracle);
    return 0;
  });
  ASSERT_TRUE(producer.WaitForConsumers(1));
  while (producer.next_sequence() < kMessages) {
    const uint64_t sequence = producer.next_sequence();
    const size_t bytes = oracle.SizeOf(sequence);
    const uint64_t way = testing::Mix(sequence) % 4;
    if (way == 1) {  // aborted, then a claim is dropped: neither is published
      Claim claim = producer.WaitClaim(300);
      ASSERT_TRUE(claim);
      oracle.Fill(sequence + 1, claim.bytes());
      claim.Abort();
      EXPECT_FALSE(claim);
      const Claim dropped = producer.WaitClaim(8);
      ASSERT_TRUE(dropped);
    }
    Claim claim = producer.WaitClaim(way == 2 ? bytes + 200 : bytes);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim.why(), Sent::kOk);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(claim.bytes().data()) % 8, 0u);
    oracle.Fill(sequence, claim.bytes().first(bytes));
    if (way == 2)
      claim.Commit(bytes);
    else
      claim.Commit();
  }
  EXPECT_TRUE(producer.Close().ok());
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_EQ(tally->end, Got::kClosed);
  EXPECT_EQ(tally->received, kMessages);
  tally->ExpectConserved(kMessages, 0);
  EXPECT_EQ(producer.stats().published, kMessages);
}

TEST(PromisePublish, MaximumMessageFitsAndOneMoreByteIsTooLarge) {
  for (const size_t capacity : {4096, 65536, 1 << 20}) {
    const ScratchName name;
    Producer producer = Must(Producer::Create(name, {.capacity = capacity}));
    ASSERT_EQ(producer.max_message(), capacity / 8);
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossy(), {.start = Start::Oldest()}));
    for (int i = 0; i < 30; ++i) {  // at every offset that padding leads to
      const std::string message(capacity / 8 - static_cast<size_t>(i % 3), static_cast<char>('a' + i % 26));
      ASSERT_EQ(producer.TryPublish(message), Sent::kOk);
      EXPECT_EQ(producer.TryPublish(std::string(capacity / 8 + 1, 'x')), Sent::kTooLarge);
      EXPECT_EQ(producer.Publish(std::string(capacity / 8 + 1, 'x')), Sent::kTooLarge);
      EXPECT_EQ(producer.TryClaim(~size_t{0}).why(), Sent::kTooLarge);
      const Received got = consumer.TryNext();
      ASSERT_TRUE(got);
      EXPECT_EQ(got->text(), message);
    }
  }
}

TEST(PromisePublish, AFullRingReturnsFullThenTimesOutThenContinues) {
  const Watchdog watchdog("full ring");
  const ScratchName name;
  const Oracle oracle;
  const SharedPage<Tally> tally;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  Child reader([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    tally->Begin(consumer);
    line.Say("joined");
    (void)line.Hear();
    tally->ReadUntilEnd(consumer, oracle);
    return 0;
  });
  ASSERT_EQ(reader.Hear(), "joined");
  EXPECT_EQ(testing::PublishWithoutWaiting(producer, oracle, 1000), Sent::kFull);
  const uint64_t fitted = producer.next_sequence();
  EXPECT_GE(fitted, 4096u / (200 + 16));
  const std::vector<std::byte> next = oracle.Make(fitted);
  EXPECT_EQ(producer.TryPublish(next), Sent::kFull);
  EXPECT_EQ(producer.TryClaim(next.size()).why(), Sent::kFull);
  EXPECT_EQ(producer.Publish(next, Nanos::zero()), Sent::kTimedOut);
  EXPECT_EQ(producer.Publish(next, milliseconds(20)), Sent::kTimedOut);
  EXPECT_EQ(producer.WaitClaim(next.size(), milliseconds(20)).why(), Sent::kTimedOut);
  EXPECT_EQ(producer.Publish(next, Nanos(-1)), Sent::kTimedOut);
  EXPECT_EQ(producer.WaitClaim(next.size(), Nanos::min()).why(), Sent::kTimedOut);
  EXPECT_EQ(producer.next_sequence(), fitted);
  EXPECT_GE(producer.stats().blocked, 2u);
  EXPECT_GE(producer.stats().blocked_time, milliseconds(40));
  reader.Say("read");
  EXPECT_EQ(testing::PublishUntil(producer, oracle, 5000), Sent::kOk);
  EXPECT_TRUE(producer.Close().ok());
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_EQ(tally->lost, 0u);
  tally->ExpectConserved(5000, 0);
}

TEST(PromisePublish, DropNewTakesNoSequenceNumberAndIsCounted) {
  const Watchdog watchdog("drop new");
  const ScratchName name;
  const Oracle oracle;
  const SharedPage<Tally> tally;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}, {.on_full = OnFull::kDropNew}));
  Child reader([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    tally->Begin(consumer);
    line.Say("joined");
    (void)line.Hear();
    tally->ReadUntilEnd(consumer, oracle);
    return 0;
  });
  ASSERT_EQ(reader.Hear(), "joined");
  uint64_t dropped = 0, published = 0;
  for (int i = 0; i < 500; ++i) {
    if (i == 250) reader.Say("read");
    const Sent sent = producer.Publish(oracle.Make(producer.next_sequence()));
    if (sent == Sent::kDropped)
      ++dropped;
    else if (sent == Sent::kOk)
      ++published;
    else
      ADD_FAILURE() << ToString(sent);
  }
  EXPECT_GT(dropped, 200u);
  EXPECT_EQ(producer.next_sequence(), published);
  EXPECT_EQ(producer.stats().dropped, dropped);
  EXPECT_EQ(Must(SegmentManager().Inspect(name)).dropped, dropped);
  EXPECT_TRUE(producer.Close().ok());
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_EQ(tally->lost, 0u);
  tally->ExpectConserved(published, 0);
}

TEST(PromiseWaitForConsumers, CountsLosslessConsumersOfOtherProcesses) {
  const Watchdog watchdog("WaitForConsumers");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  EXPECT_TRUE(producer.WaitForConsumers(0, Nanos::zero()));
  EXPECT_FALSE(producer.WaitForConsumers(1, milliseconds(5)));
  const auto join = [&](Delivery delivery) {
    return [&name, delivery](const Child::Line& line) {
      (void)line.Hear();
      const Consumer consumer = Must(Consumer::Open(name, delivery));
      line.Say("joined");
      return line.Hear() == "end" ? 0 : 1;
    };
  };
  const Child lossy(join(Delivery::Lossy())), one(join(Delivery::Lossless()));
  Child two(join(Delivery::Lossless()));
  lossy.Say("go");
  ASSERT_EQ(lossy.Hear(), "joined");
  EXPECT_FALSE(producer.WaitForConsumers(1, milliseconds(5))) << "a lossy consumer does not count";
  one.Say("go");
  two.Say("go");
  EXPECT_TRUE(producer.WaitForConsumers(2));
  two.Kill();
  two.Wait();
  EXPECT_FALSE(producer.WaitForConsumers(2, milliseconds(5))) << "a dead one does not count";
}

TEST(PromiseProducerInterrupt, EndsAWaitForRoomFromAnotherThreadAndLasts) {
  const Watchdog watchdog("interrupt");
  const ScratchName name;
  const Oracle oracle;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  Child reader([&](const Child::Line& line) {
    const Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    line.Say("joined");
    return line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(reader.Hear(), "joined");
  ASSERT_EQ(testing::PublishWithoutWaiting(producer, oracle, 1000), Sent::kFull);
  const QueueWords words(name.path());
  std::thread other([&] {
    words.AwaitBlockedProducer();
    producer.Interrupt();
  });
  EXPECT_EQ(producer.Publish("x"), Sent::kInterrupted);
  other.join();
  EXPECT_EQ(producer.Publish("x"), Sent::kInterrupted);
  EXPECT_EQ(producer.WaitClaim(1).why(), Sent::kInterrupted);
  EXPECT_FALSE(producer.WaitForConsumers(2));
  reader.Say("end");
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_EQ(producer.TryPublish("x"), Sent::kOk) << "only waits are interrupted";
}

#ifndef NDEBUG
TEST(PromiseClaim, ASecondOpenClaimAsserts) {
  const ScratchName name;
  // Runs completely in the process that dies, because a child cannot use its parent's handles.
  const auto commit_both = [&] {
    Producer producer = Must(Producer::Create(name));
    Claim first = producer.TryClaim(8), second = producer.TryClaim(8);
    first.Commit();
    second.Commit();
  };
  EXPECT_DEATH(commit_both(), "Place");
}
#endif

}  // namespace
}  // namespace millrace
