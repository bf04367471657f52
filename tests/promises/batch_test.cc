// SPDX-License-Identifier: Apache-2.0
// Promise: the messages of a batch appear all together or not at all, and every refusal states its reason.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/oracle.h"
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

uint64_t VisibleIn(const ScratchName& name) { return Must(SegmentManager().Inspect(name)).next_sequence; }

TEST(PromiseBatch, AClaimStaysOpenBesideAnEmptyBatch) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  uint64_t published = 0;
  for (const size_t bytes : {size_t{24}, size_t{100'000}, size_t{24}}) {
    for (const bool commit : {true, false}) {
      Claim claim = producer.TryClaim(bytes);
      ASSERT_TRUE(claim);
      MessageBatch batch = producer.Batch();
      if (commit)
        EXPECT_EQ(batch.Commit(), Sent::kOk);
      else
        batch.Abort();
      claim.Commit();
      EXPECT_EQ(producer.next_sequence(), ++published) << bytes;
    }
  }
}

// Random batches, small and large, one after the other. A consumer of each
// kind reads them in its own process.
TEST(PromiseBatch, ReachesEveryKindOfConsumerInAnotherProcess) {
  const Watchdog watchdog("batches");
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
    const ScratchName name;
    const Oracle oracle(21, 0, 300);
    constexpr uint64_t kMessages = 30'000;
    const SharedPage<Tally> tally;
    Producer producer = Must(Producer::Create(name, {.capacity = 16384}));
    Consumer pace = Must(Consumer::Open(name, Delivery::Lossless()));  // read by the producer's own process
    Child reader([&](const Child::Line& line) {
      Consumer consumer = Must(Consumer::Open(name, delivery, {.start = Start::Oldest()}));
      tally->Begin(consumer);
      line.Say("there");
      tally->ReadUntilEnd(consumer, oracle);
      return 0;
    });
    ASSERT_EQ(reader.Hear(), "there");
    uint64_t sequence = 0;
    for (uint64_t i = 0; sequence < kMessages; ++i) {
      const uint64_t round = testing::Mix(i);
      MessageBatch batch =
          producer.Batch(round % 2 == 0 ? OnLargeBatch::kRefuse : OnLargeBatch::kPublishInParts);
      for (uint64_t added = 0; added < 1 + round % 12; ++added) {
        for (;;) {
          const Sent sent = batch.Add(oracle.Make(sequence + added), milliseconds(1));
          while (pace.TryNext()) {
          }
          if (sent == Sent::kOk) break;
          ASSERT_EQ(sent, Sent::kTimedOut);
        }
      }
      if (round % 5 == 0 && batch.size() == 1 + round % 12) {
        batch.Abort();  // the next batch takes the same sequence numbers
        continue;
      }
      ASSERT_EQ(batch.Commit(), Sent::kOk);
      sequence += 1 + round % 12;
      ASSERT_EQ(producer.next_sequence(), sequence);
    }
    EXPECT_TRUE(producer.Close().ok());
    EXPECT_EQ(reader.Wait(), 0);
    EXPECT_EQ(tally->end, Got::kClosed);
    tally->ExpectConserved(sequence, 0);
  }
}

TEST(PromiseBatch, IsInvisibleUntilItsCommit) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  {
    MessageBatch batch = producer.Batch();
    for (int i = 0; i < 10; ++i) ASSERT_EQ(batch.TryAdd("part"), Sent::kOk);
    EXPECT_EQ(batch.size(), 10u);
    EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
    EXPECT_EQ(VisibleIn(name), 0u);
    EXPECT_EQ(producer.next_sequence(), 0u);
    EXPECT_EQ(batch.Commit(), Sent::kOk);
    EXPECT_EQ(batch.size(), 0u);
    EXPECT_EQ(batch.Commit(), Sent::kBadArgument) << "it is over";
    EXPECT_EQ(batch.TryAdd("late"), Sent::kBadArgument);
  }
  EXPECT_EQ(VisibleIn(name), 10u);
  const Polled polled = consumer.Poll([](const Message& message) { EXPECT_EQ(message.text(), "part"); });
  EXPECT_EQ(polled.handled, 10u);
  {
    MessageBatch dropped = producer.Batch();
    ASSERT_EQ(dropped.TryAdd("never"), Sent::kOk);
  }  // an exception would abort the batch too
  EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
  ASSERT_EQ(producer.TryPublish("next"), Sent::kOk);
  const Received next = consumer.TryNext();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->text(), "next");
  EXPECT_EQ(next->sequence, 10u);
  EXPECT_EQ(producer.stats().bytes, 44u);
}

TEST(PromiseBatch, OfMoreThanAQuarterOfTheRingIsRefusedOrPublishedInParts) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 8192}));
  const std::string message(120, 'm');  // a frame of 128 bytes: 16 frames are a quarter of the ring
  {
    MessageBatch whole = producer.Batch(OnLargeBatch::kRefuse);
    for (int i = 0; i < 16; ++i) ASSERT_EQ(whole.TryAdd(message), Sent::kOk);
    EXPECT_EQ(whole.TryAdd(message), Sent::kTooLarge);
    EXPECT_EQ(whole.Add(message), Sent::kTooLarge);
    EXPECT_EQ(whole.size(), 16u) << "as it was";
    EXPECT_EQ(VisibleIn(name), 0u);
    EXPECT_EQ(whole.Commit(), Sent::kOk);
    EXPECT_EQ(VisibleIn(name), 16u);
  }
  MessageBatch parts = producer.Batch();
  for (int i = 0; i < 40; ++i) ASSERT_EQ(parts.TryAdd(message), Sent::kOk);
  EXPECT_EQ(VisibleIn(name), 16u + 32) << "two parts are there already";
  EXPECT_EQ(parts.size(), 8u);
  EXPECT_EQ(parts.TryAdd(std::string(producer.max_message() + 1, 'x')), Sent::kTooLarge);
  EXPECT_EQ(parts.Commit(), Sent::kOk);
  EXPECT_EQ(VisibleIn(name), 56u);
}

TEST(PromiseBatch, FindsTheRingFull) {
  const Watchdog watchdog("a full ring");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  const std::string message(56, 'm');
  uint64_t published = 0;
  while (producer.TryPublish(message) == Sent::kOk) ++published;
  ASSERT_TRUE(consumer.TryNext());
  ASSERT_TRUE(consumer.TryNext());
  ASSERT_TRUE(consumer.TryNext());  // this read lets the consumer give back two messages
  (void)consumer.Next(milliseconds(0));
  {
    MessageBatch whole = producer.Batch(OnLargeBatch::kRefuse);
    uint64_t added = 0;
    Sent sent = Sent::kOk;
    while ((sent = whole.TryAdd(message)) == Sent::kOk) ++added;
    EXPECT_EQ(sent, Sent::kFull);
    EXPECT_EQ(whole.Add(message, milliseconds(5)), Sent::kTimedOut);
    EXPECT_EQ(whole.size(), added);
    EXPECT_EQ(VisibleIn(name), published) << "all or nothing: nothing yet";
    EXPECT_EQ(whole.Add(message, milliseconds(-1)), Sent::kFull) << "a deadline that has passed: as TryAdd";
  }
  MessageBatch parts = producer.Batch();
  while (parts.TryAdd(message) == Sent::kOk) {
  }
  EXPECT_EQ(parts.size(), 0u) << "what was added is there: nobody waits for the rest";
  EXPECT_GT(VisibleIn(name), published - 1);
}

// The lossless consumer sleeps while the batch waits for room. It has given back everything it has read.
TEST(PromiseBatch, WaitsForRoomWithoutShowingAPart) {
  const Watchdog watchdog("a waiting batch");
  const ScratchName name;
  const Oracle oracle(5, 100, 400);
  const SharedPage<Tally> tally;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  Child reader([&](const Child::Line&) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.wait = Wait::kPark}));
    tally->Begin(consumer);
    tally->ReadUntilEnd(consumer, oracle);
    return 0;
  });
  ASSERT_TRUE(producer.WaitForConsumers(1));
  for (uint64_t sequence = 0; sequence < 6000;) {
    MessageBatch batch = producer.Batch(OnLargeBatch::kRefuse);
    uint64_t added = 0;
    while (batch.Add(oracle.Make(sequence + added)) == Sent::kOk) ++added;  // until it returns kTooLarge
    ASSERT_GE(added, 2u);
    ASSERT_EQ(batch.Commit(), Sent::kOk);
    sequence += added;
  }
  const uint64_t published = producer.next_sequence();
  EXPECT_TRUE(producer.Close().ok());
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_EQ(tally->end, Got::kClosed);
  tally->ExpectConserved(published, 0);
}

TEST(PromiseBatch, DiesWithItsProcess) {
  const Watchdog watchdog("a dead batch");
  const ScratchName name;
  Child writer([&](const Child::Line& line) {
    Producer producer = Must(Producer::Create(name));
    if (producer.TryPublish("before") != Sent::kOk) return 1;
    MessageBatch batch = producer.Batch();
    for (int i = 0; i < 5; ++i) {
      if (batch.TryAdd("in the batch") != Sent::kOk) return 1;
    }
    line.Say("open");
    for (;;) pause();
  });
  ASSERT_EQ(writer.Hear(), "open");
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.start = Start::Oldest()}));
  writer.Kill();
  writer.Wait();
  Producer successor = Must(Producer::Open(name));
  EXPECT_EQ(successor.next_sequence(), 1u);
  ASSERT_EQ(successor.TryPublish("after"), Sent::kOk);
  EXPECT_EQ(consumer.TryNext()->text(), "before");
  EXPECT_EQ(consumer.TryNext()->text(), "after");
  EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
}

TEST(PromiseBatch, InAForkedChildAnswersForked) {
  const Watchdog watchdog("fork in a batch");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  MessageBatch batch = producer.Batch();
  ASSERT_EQ(batch.TryAdd("the parent's"), Sent::kOk);
  Child child([&](const Child::Line&) {
    if (batch.TryAdd("the child's") != Sent::kForked) return 1;
    return batch.Commit() == Sent::kForked ? 0 : 2;
  });
  EXPECT_EQ(child.Wait(), 0);
  ASSERT_EQ(batch.TryAdd("and more"), Sent::kOk);
  EXPECT_EQ(batch.Commit(), Sent::kOk);
  EXPECT_EQ(VisibleIn(name), 2u);
}

TEST(PromiseBatch, CanBeTyped) {
  const ScratchName name;
  TypedProducer<uint64_t> producer = Must(TypedProducer<uint64_t>::Create(name));
  TypedConsumer<uint64_t> consumer = Must(TypedConsumer<uint64_t>::Open(name, Delivery::Lossless()));
  TypedBatch<uint64_t> batch = producer.Batch();
  for (uint64_t i = 0; i < 16; ++i) ASSERT_EQ(batch.TryAdd(i), Sent::kOk);
  ASSERT_EQ(batch.Commit(), Sent::kOk);
  for (uint64_t i = 0; i < 16; ++i) EXPECT_EQ(*consumer.TryNext(), i);
}

#ifdef NDEBUG
// A debug build asserts. Without asserts the stream must stay intact: the batch is published first.
TEST(PromiseBatch, ASinglePublicationKeepsTheOrder) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  MessageBatch batch = producer.Batch();
  ASSERT_EQ(batch.TryAdd("one"), Sent::kOk);
  ASSERT_EQ(producer.TryPublish("two"), Sent::kOk);
  EXPECT_EQ(batch.TryAdd("three"), Sent::kBadArgument);
  EXPECT_EQ(batch.Commit(), Sent::kBadArgument);
  ASSERT_EQ(producer.TryPublish("four"), Sent::kOk);
  for (const char* expected : {"one", "two", "four"}) {
    const Received received = consumer.TryNext();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->text(), expected);
  }
}
#endif

}  // namespace
}  // namespace millrace
