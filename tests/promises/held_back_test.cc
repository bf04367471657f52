// SPDX-License-Identifier: Apache-2.0
// Promise: evict_after counts only the time in which a consumer really leaves no room for a message that the
// producer wants to publish.
#include <chrono>
#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Child;
using testing::Must;
using testing::ScratchName;
using testing::Watchdog;

constexpr milliseconds kEvictAfter{600};
const std::string kLarge(8000, 'L');

void PublishSmall(Producer& producer, int n) {
  for (int i = 0; i < n; ++i) ASSERT_EQ(producer.TryPublish("12345678"), Sent::kOk) << i;
}
int Read(Consumer& consumer, int n) {
  int read = 0;
  while (read < n && consumer.TryNext()) ++read;
  consumer.Ack();
  return read;
}

// A consumer blocked a large message for 5 ms. Then it read on, and for longer than evict_after small
// messages were published without waiting: on the straight path, and with room that was made after messages.
// Then it blocks the next large message.
TEST(PromiseHeldBack, RoomMadeInBetweenRestartsTheTime) {
  const Watchdog watchdog("room in between");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 65536},
                                            {.on_full = OnFull::kEvictSlowest, .evict_after = kEvictAfter}));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  ASSERT_NO_FATAL_FAILURE(PublishSmall(producer, 2048));
  ASSERT_EQ(Read(consumer, 2048), 2048);
  ASSERT_EQ(consumer.TryNext().why(), Got::kEmpty);
  ASSERT_NO_FATAL_FAILURE(PublishSmall(producer, 4000));
  ASSERT_EQ(producer.Publish(kLarge, milliseconds(5)), Sent::kTimedOut);
  ASSERT_EQ(Read(consumer, 2400), 2400);
  int small = 0;
  for (const auto begin = steady_clock::now();
       steady_clock::now() - begin < kEvictAfter + milliseconds(100);) {
    if (small < 1764) {
      ASSERT_NO_FATAL_FAILURE(PublishSmall(producer, 1));
    }
    ++small;
  }
  EXPECT_EQ(producer.Publish(kLarge, milliseconds(50)), Sent::kTimedOut);
  EXPECT_EQ(producer.stats().evictions, 0u);
  EXPECT_TRUE(consumer.TryNext());
}

TEST(PromiseHeldBack, AConsumerInTheWayIsEvictedAcrossSeveralCalls) {
  const Watchdog watchdog("in the way");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 65536},
                                            {.on_full = OnFull::kEvictSlowest, .evict_after = kEvictAfter}));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  while (producer.TryPublish(kLarge) == Sent::kOk) {
  }
  Sent sent = Sent::kTimedOut;
  while (sent == Sent::kTimedOut) sent = producer.Publish(kLarge, milliseconds(50));
  EXPECT_EQ(sent, Sent::kOk);
  EXPECT_EQ(producer.stats().evictions, 1u);
  EXPECT_EQ(consumer.TryNext().why(), Got::kEvicted);
}

// The clock also limits how long the dead members of a group keep messages. Its time
// begins with the last member's death.
TEST(PromiseHeldBack, TheTimeOfAGroupStartsWhenItsLastMemberIsGone) {
  const Watchdog watchdog("dead group");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 65536}, {.evict_after = kEvictAfter}));
  Child member([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Group("g")));
    line.Say("joined");
    if (line.Hear() != "take" || !consumer.TryNext()) return 1;
    line.Say("taken");
    (void)line.Hear();
    return 2;
  });
  ASSERT_EQ(member.Hear(), "joined");
  while (producer.TryPublish(kLarge) == Sent::kOk) {
  }
  const uint64_t published = producer.next_sequence();
  member.Say("take");
  ASSERT_EQ(member.Hear(), "taken");
  // The live member blocks the producer for longer than evict_after.
  for (const auto begin = steady_clock::now(); steady_clock::now() - begin < kEvictAfter + milliseconds(100);)
    ASSERT_EQ(producer.Publish(kLarge, milliseconds(50)), Sent::kTimedOut);
  member.Kill();
  member.Wait();
  EXPECT_EQ(producer.Publish(kLarge, milliseconds(50)), Sent::kTimedOut);
  EXPECT_EQ(Must(SegmentManager().Inspect(name)).groups.size(), 1u);
  Consumer next = Must(Consumer::Open(name, Delivery::Group("g")));
  for (uint64_t i = 0; i < published; ++i) {
    const Received got = next.TryNext();
    ASSERT_TRUE(got) << i;
    EXPECT_EQ(got->sequence, i);
  }
  EXPECT_EQ(Must(SegmentManager().Inspect(name)).abandoned, 0u);
}

}  // namespace
}  // namespace millrace
