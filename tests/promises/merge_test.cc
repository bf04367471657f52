// SPDX-License-Identifier: Apache-2.0
// Promise: a Merge reads many rings as one stream, keeps the order of each ring, favours none, and reports
// each end once.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/oracle.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::Watchdog;

Delivery KindOf(int i) {
  return i % 4 == 0   ? Delivery::Lossless()
         : i % 4 == 1 ? Delivery::Lossy()
         : i % 4 == 2 ? Delivery::Observer()
                      : Delivery::Group("workers");
}

TEST(PromiseMerge, EightRingsThatAreAlwaysReadyTakeTurns) {
  const Watchdog watchdog("fair merge");
  constexpr int kRings = 8;
  constexpr uint64_t kMessages = 1'000'000;
  std::vector<std::unique_ptr<ScratchName>> names;
  std::vector<Producer> producers;
  Merge merge;
  for (int i = 0; i < kRings; ++i) {
    names.push_back(std::make_unique<ScratchName>());
    producers.push_back(Must(Producer::Create(*names[i], {.capacity = 65536})));
    ASSERT_EQ(Must(merge.Add(Must(Consumer::Open(*names[i], KindOf(i))))), static_cast<uint32_t>(i));
  }
  std::vector<uint64_t> got(kRings), next(kRings);
  for (uint64_t n = 0; n < kMessages; ++n) {
    if (n % 256 == 0) {  // keeps every ring supplied
      for (Producer& producer : producers) {
        for (int i = n == 0 ? -64 : 0; i < 256 / kRings; ++i) (void)producer.TryPublish("12345678");
      }
    }
    const Merged merged = merge.TryNext();
    ASSERT_TRUE(merged) << ToString(merged.why());
    ++got[*merged.source()];
    ASSERT_EQ(merged->sequence, next[*merged.source()]++) << "of ring " << *merged.source();
  }
  for (int i = 0; i < kRings; ++i) {
    EXPECT_GE(got[i], kMessages / 10) << i;
    EXPECT_LE(got[i], kMessages * 15 / 100) << i;
  }
}

TEST(PromiseMerge, ProcessesOnSeveralRingsAreReadToTheirEnds) {
  const Watchdog watchdog("merge of processes");
  constexpr int kRings = 5;
  constexpr uint64_t kMessages = 20'000;
  const Oracle oracle;
  std::vector<std::unique_ptr<ScratchName>> names;
  std::vector<std::unique_ptr<Child>> producers;
  for (int i = 0; i < kRings; ++i) {
    names.push_back(std::make_unique<ScratchName>());
    Must(SegmentManager().Create(*names[i], {.capacity = 65536}));
  }
  Merge merge;
  for (int i = 0; i < kRings; ++i) {
    const Delivery delivery = i % 2 == 0 ? Delivery::Lossless() : Delivery::Group("workers");
    ASSERT_TRUE(
        merge.Add(Must(Consumer::Open(*names[i], delivery, {.wait = i == 0 ? Wait::kPark : Wait::kAdaptive})))
            .ok());
  }
  for (int i = 0; i < kRings; ++i) {
    producers.push_back(std::make_unique<Child>([&, i](const Child::Line&) {
      Producer producer = Must(Producer::Open(*names[i]));
      if (testing::PublishUntil(producer, oracle, kMessages * (i + 1) / kRings) != Sent::kOk) return 1;
      return producer.Close().ok() ? 0 : 2;
    }));
  }
  std::vector<uint64_t> next(kRings);
  int ended = 0;
  for (;;) {
    const Merged got = merge.Next();
    if (!got && !got.source()) {
      EXPECT_EQ(got.why(), Got::kEmpty);
      break;
    }
    const uint32_t ring = *got.source();
    if (!got) {
      EXPECT_EQ(got.why(), Got::kClosed);
      EXPECT_EQ(next[ring], kMessages * (ring + 1) / kRings);
      EXPECT_EQ(ErrorOf(merge.consumer(ring)->status()), Error::kClosed);
      EXPECT_EQ(merge.consumer(ring)->stats().late_wakeups, 0u);
      ++ended;
      continue;
    }
    ASSERT_EQ(got->sequence, next[ring]++);
    ASSERT_TRUE(oracle.Check(got->sequence, got->payload));
  }
  EXPECT_EQ(ended, kRings);
  for (auto& producer : producers) EXPECT_EQ(producer->Wait(), 0);
}

TEST(PromiseMerge, NextAcknowledgesThePreviousMessage) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer other = Must(Consumer::Open(name, Delivery::Group("workers")));
  for (int i = 0; i < 3; ++i) ASSERT_EQ(producer.TryPublish("x"), Sent::kOk);
  {
    Merge merge;
    ASSERT_TRUE(merge.Add(Must(Consumer::Open(name, Delivery::Group("workers")))).ok());
    EXPECT_EQ(merge.Next()->sequence, 0u);
    EXPECT_EQ(merge.Next()->sequence, 1u);
    merge.Ack();
    EXPECT_EQ(merge.Next()->sequence, 2u);  // this message is lent when the merge ends
  }
  const Received got = other.TryNext();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->sequence, 2u);
  EXPECT_EQ(got->deliveries, 2u);
  EXPECT_EQ(other.TryNext().why(), Got::kEmpty);
}

TEST(PromiseMerge, RingsCanBeAddedAndRemoved) {
  const ScratchName first, second;
  Producer one = Must(Producer::Create(first)), two = Must(Producer::Create(second));
  Merge merge;
  EXPECT_EQ(merge.Next().why(), Got::kEmpty);
  EXPECT_EQ(merge.Next().source(), std::nullopt);
  const uint32_t a = Must(merge.Add(Must(Consumer::Open(first, Delivery::Lossless()))));
  EXPECT_EQ(merge.TryNext().why(), Got::kTimedOut);
  EXPECT_EQ(merge.Next(Nanos(-1)).why(), Got::kTimedOut);
  const uint32_t b = Must(merge.Add(Must(Consumer::Open(second, Delivery::Lossless()))));
  EXPECT_EQ(merge.size(), 2u);
  ASSERT_EQ(two.TryPublish("two"), Sent::kOk);
  const Merged got = merge.Next();
  EXPECT_EQ(got.source(), b);
  EXPECT_EQ(got->text(), "two");

  std::optional<Consumer> back = merge.Remove(b);
  ASSERT_TRUE(back);
  EXPECT_FALSE(merge.Remove(b));
  EXPECT_EQ(merge.consumer(b), nullptr);
  ASSERT_EQ(two.TryPublish("again"), Sent::kOk);
  EXPECT_EQ(merge.TryNext().why(), Got::kTimedOut) << "it is no longer ours";
  EXPECT_EQ(back->TryNext()->text(), "again");
  const uint32_t c = Must(merge.Add(*std::move(back)));
  EXPECT_NE(c, b) << "numbers are not given twice";

  ASSERT_TRUE(one.Close().ok());
  Merged end = merge.Next();
  EXPECT_EQ(end.source(), a);
  EXPECT_EQ(end.why(), Got::kClosed);
  EXPECT_EQ(merge.TryNext().why(), Got::kTimedOut) << "told once";
  EXPECT_EQ(merge.size(), 1u);
  ASSERT_TRUE(SegmentManager().Unlink(second, SegmentManager::Force::kYes).ok());
  end = merge.Next();
  EXPECT_EQ(end.source(), c);
  EXPECT_EQ(end.why(), Got::kRemoved);
  EXPECT_EQ(merge.Next().why(), Got::kEmpty);
}

// Bug: the merge remembered by its address which consumer had handed out the current message.
TEST(PromiseMerge, AnAssignedOverConsumerHasLeftTheMerge) {
  const ScratchName first, second;
  Producer producer = Must(Producer::Create(first));
  const Producer other = Must(Producer::Create(second));
  Merge merge;
  const uint32_t source = Must(merge.Add(Must(Consumer::Open(first, Delivery::Group("g")))));
  ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
  ASSERT_TRUE(merge.TryNext());
  *merge.consumer(source) = Must(Consumer::Open(second, Delivery::Group("g")));
  merge.Ack();
  EXPECT_EQ(merge.TryNext().why(), Got::kEmpty) << "no ring is left";
  EXPECT_EQ(merge.size(), 0u);
  std::optional<Consumer> replaced = merge.Remove(source);
  ASSERT_TRUE(replaced.has_value());
  Must(merge.Add(*std::move(replaced)));
  EXPECT_EQ(merge.TryNext().why(), Got::kTimedOut);
}

TEST(PromiseMerge, AConsumerThatEndedCanBeAssignedTo) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Merge merge;
  const uint32_t source = Must(merge.Add(Must(Consumer::Open(name, Delivery::Group("g")))));
  Must(producer.Close());
  EXPECT_EQ(merge.TryNext().why(), Got::kClosed);
  *merge.consumer(source) = Must(Consumer::Open(name, Delivery::Group("g")));
  EXPECT_EQ(merge.TryNext().why(), Got::kEmpty);
}

TEST(PromiseMerge, AConsumerThatWasMovedAwayIsRemoved) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Merge merge;
  const uint32_t source = Must(merge.Add(Must(Consumer::Open(name, Delivery::Lossless()))));
  Consumer mine = std::move(*merge.consumer(source));
  EXPECT_FALSE(merge.Remove(source).has_value());
  EXPECT_EQ(merge.size(), 0u);
  ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
  EXPECT_TRUE(mine.TryNext());
}

TEST(PromiseMerge, SleepsUntilAnyRingHasAMessageAndCanBeInterrupted) {
  const Watchdog watchdog("a sleeping merge");
  const ScratchName first, second;
  Producer one = Must(Producer::Create(first)), two = Must(Producer::Create(second));
  Merge merge;
  for (const ScratchName* name : {&first, &second})
    ASSERT_TRUE(merge.Add(Must(Consumer::Open(*name, Delivery::Lossless(), {.wait = Wait::kPark}))).ok());
  for (int i = 0; i < 50; ++i) {
    std::thread publisher([&] {
      testing::QueueWords(second.path()).AwaitSleeper();
      EXPECT_EQ((i % 2 == 0 ? one : two).TryPublish("x"), Sent::kOk);
    });
    const Merged got = merge.Next();
    publisher.join();
    ASSERT_TRUE(got);
    ASSERT_EQ(got.source(), i % 2 == 0 ? 0u : 1u);
  }
  std::thread caller([&] {
    testing::QueueWords(first.path()).AwaitSleeper();
    merge.Interrupt();
  });
  EXPECT_EQ(merge.Next().why(), Got::kInterrupted);
  caller.join();
  EXPECT_EQ(merge.Next().why(), Got::kInterrupted) << "it lasts";
  for (const uint32_t source : {0u, 1u}) EXPECT_EQ(merge.consumer(source)->stats().late_wakeups, 0u);
}

TEST(PromiseMerge, RefusesWhatItCannotMerge) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.seats = 200}));
  Merge merge;
  for (int i = 0; i < 128; ++i)
    ASSERT_TRUE(merge.Add(Must(Consumer::Open(name, Delivery::Observer()))).ok()) << i;
  Consumer surplus = Must(Consumer::Open(name, Delivery::Observer()));
  const auto refused = merge.Add(std::move(surplus));
  EXPECT_EQ(ErrorOf(refused.status()), Error::kBadArgument);
  EXPECT_NE(refused.status().message().find("128"), std::string::npos) << refused.status();
  EXPECT_TRUE(surplus.valid()) << "it stays the caller's";
  WaitSet set;
  ASSERT_TRUE(set.Add(surplus, [](const Received&) {}).ok());
  Merge another;
  EXPECT_EQ(ErrorOf(another.Add(std::move(surplus)).status()), Error::kInUse);
  Child child([&](const Child::Line&) { return merge.Next().why() == Got::kForked ? 0 : 1; });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace millrace
