// SPDX-License-Identifier: Apache-2.0
// What an operator needs to know when nothing moves: which process waits, for
// what, how long, and what blocks it.
#include <sys/wait.h>

#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::QueueWords;
using testing::Scene;
using testing::Watchdog;

const std::string kMessage(100, 'x');

// Inspects until `so` is true. The test's watchdog bounds the wait.
RingInfo InspectUntil(const Scene& scene, const std::function<bool(const RingInfo&)>& so) {
  for (;;) {
    RingInfo info = scene.Inspect("ring");
    if (so(info)) return info;
  }
}

// Publishes until the parent ends it. It blocks when a consumer leaves no room.
int PublishForEver(const Scene& scene, const Child::Line& line) {
  Producer producer = scene.Create("ring");
  line.Say("created");
  if (line.Hear() != "joined") return 1;
  while (producer.Publish(kMessage) == Sent::kOk) {
  }
  return 2;
}

TEST(CleanupInspectNow, ABlockedProducerIsShownWithTheConsumersInItsWay) {
  const Watchdog watchdog("blocked now");
  const Scene scene;
  Child producer([&](const Child::Line& line) { return PublishForEver(scene, line); });
  ASSERT_EQ(producer.Hear(), "created");
  EXPECT_EQ(scene.Inspect("ring").waits_for, "");
  EXPECT_EQ(scene.Inspect("ring").held_bytes, std::nullopt) << "nobody holds anything";
  Consumer slow = scene.Join("ring");
  Consumer lossy = scene.Join("ring", Delivery::Lossy());
  producer.Say("joined");
  const RingInfo info = InspectUntil(scene, [](const RingInfo& now) { return now.waits_for == "room"; });
  ASSERT_TRUE(info.waits_ns.has_value());
  EXPECT_EQ(info.full_ns, info.waits_ns);
  EXPECT_GT(InspectUntil(scene, [&](const RingInfo& now) { return now.waits_ns > info.waits_ns; }).waits_ns,
            info.waits_ns);
  ASSERT_EQ(info.consumers.size(), 2u);
  for (const SeatInfo& seat : info.consumers) EXPECT_EQ(seat.holds_back, seat.delivery == "lossless");
  ASSERT_TRUE(info.held_bytes.has_value());
  EXPECT_GT(*info.held_bytes, info.capacity / 2);
  EXPECT_LE(*info.held_bytes, info.capacity);

  ASSERT_TRUE(scene.manager().Evict("ring", 0, info.consumers[0].generation).ok());
  InspectUntil(scene, [](const RingInfo& now) { return now.waits_for.empty() && !now.full_ns; });
  EXPECT_EQ(scene.Inspect("ring").held_bytes, std::nullopt);
}

// The notes of a killed producer do not belong to its successor or to any other process.
TEST(CleanupInspectNow, AKilledProducerIsNotBlocked) {
  const Watchdog watchdog("killed while blocked");
  const Scene scene;
  Child producer([&](const Child::Line& line) { return PublishForEver(scene, line); });
  ASSERT_EQ(producer.Hear(), "created");
  const Consumer slow = scene.Join("ring");
  producer.Say("joined");
  InspectUntil(scene, [](const RingInfo& now) { return now.waits_for == "room"; });
  producer.Kill();
  producer.Wait();
  EXPECT_EQ(scene.Inspect("ring").waits_for, "");
  EXPECT_EQ(scene.Inspect("ring").full_ns, std::nullopt);
  Producer successor = Must(Producer::Open("ring", scene.Here()));
  EXPECT_EQ(scene.Inspect("ring").waits_for, "");
  EXPECT_EQ(scene.Inspect("ring").full_ns, std::nullopt);
  EXPECT_EQ(successor.TryPublish(kMessage), Sent::kFull);
  EXPECT_NE(scene.Inspect("ring").full_ns, std::nullopt);
}

TEST(CleanupInspectNow, AProducerThatPollsAFullRingIsNotWaiting) {
  const Scene scene;
  Producer producer = scene.Create("ring");
  Consumer slow = scene.Join("ring");
  while (producer.TryPublish(kMessage) == Sent::kOk) {
  }
  RingInfo info = scene.Inspect("ring");
  EXPECT_EQ(info.waits_for, "");
  EXPECT_NE(info.full_ns, std::nullopt);
  EXPECT_TRUE(info.consumers.at(0).holds_back);
  while (slow.TryNext()) {
  }
  info = scene.Inspect("ring");
  EXPECT_EQ(info.full_ns, std::nullopt) << "there is room, although the producer has not looked";
  EXPECT_FALSE(info.consumers.at(0).holds_back);
  EXPECT_EQ(info.held_bytes, 0u);
}

// A caller that waits in slices has been blocked since its first slice.
TEST(CleanupInspectNow, TheTimeContinuesAcrossSeveralWaits) {
  const Scene scene;
  Producer producer = scene.Create("ring");
  const Consumer slow = scene.Join("ring");
  while (producer.TryPublish(kMessage) == Sent::kOk) {
  }
  const QueueWords words(scene.File("ring"));
  const uint64_t since_ns = words.control().counters.since_ns;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(producer.Publish(kMessage, milliseconds(1)), Sent::kTimedOut);
    EXPECT_EQ(words.control().counters.since_ns, since_ns);
  }
  EXPECT_FALSE(producer.WaitForConsumers(3, milliseconds(1)));
  const uint64_t waits_since_ns = words.control().counters.since_ns;
  EXPECT_GT(waits_since_ns, since_ns);
  EXPECT_FALSE(producer.WaitForConsumers(3, milliseconds(1)));
  EXPECT_EQ(words.control().counters.since_ns, waits_since_ns);
}

TEST(CleanupInspectNow, AGroupBlocksByItsCursorAndByALease) {
  const Scene scene;
  Producer producer = scene.Create("ring");
  Consumer member = scene.Join("ring", Delivery::Group("workers"));
  ASSERT_EQ(producer.TryPublish(kMessage), Sent::kOk);
  const Received in_hand = member.TryNext();
  ASSERT_TRUE(in_hand);
  while (producer.TryPublish(kMessage) == Sent::kOk) {
  }
  const RingInfo info = scene.Inspect("ring");
  EXPECT_TRUE(info.consumers.at(0).holds_back);
  EXPECT_GT(*info.held_bytes, info.capacity / 2);
  while (member.TryNext()) {
  }
  Consumer lossless = scene.Join("ring");
  while (producer.TryPublish(kMessage) == Sent::kOk) {
    while (lossless.TryNext()) {
    }
  }
  const RingInfo idle = scene.Inspect("ring");
  EXPECT_TRUE(idle.groups.at(0).holds_back || idle.consumers.at(0).holds_back);
}

TEST(CleanupInspectNow, AProducerThatWaitsForConsumersShowsTheirNumber) {
  const Watchdog watchdog("waits for consumers");
  const Scene scene;
  Child producer([&](const Child::Line& line) {
    Producer p = scene.Create("ring");
    line.Say("created");
    const bool came = p.WaitForConsumers(2);
    line.Say("came");
    return came && line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(producer.Hear(), "created");
  const RingInfo info = InspectUntil(scene, [](const RingInfo& now) { return now.waits_for == "consumers"; });
  EXPECT_EQ(info.awaited_consumers, 2u);
  EXPECT_TRUE(info.waits_ns.has_value());
  const Consumer one = scene.Join("ring"), other = scene.Join("ring");
  ASSERT_EQ(producer.Hear(), "came");
  EXPECT_EQ(scene.Inspect("ring").waits_for, "");
  producer.Say("end");
  EXPECT_EQ(producer.Wait(), 0);
}

TEST(CleanupInspectNow, AStoppedProcessIsShownAndCountsAsAlive) {
  const Watchdog watchdog("stopped");
  const Scene scene;
  const Producer producer = scene.Create("ring");
  Child consumer([&](const Child::Line& line) {
    const Consumer c = scene.Join("ring");
    line.Say("joined");
    return line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(consumer.Hear(), "joined");
  EXPECT_FALSE(scene.Inspect("ring").consumers.at(0).stopped);
  consumer.Kill(SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(consumer.pid(), &status, WUNTRACED), consumer.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  const RingInfo info = scene.Inspect("ring");
  EXPECT_TRUE(info.consumers.at(0).stopped);
  EXPECT_TRUE(info.consumers.at(0).alive);
  EXPECT_FALSE(info.producer_stopped);
  consumer.Kill(SIGCONT);
  consumer.Say("end");
  EXPECT_EQ(consumer.Wait(), 0);
}

TEST(CleanupInspectNow, AnEvictionByAnOperatorIsCountedToo) {
  const Scene scene;
  const Producer producer = scene.Create("ring");
  const Consumer first = scene.Join("ring"), second = scene.Join("ring");
  const RingInfo before = scene.Inspect("ring");
  EXPECT_EQ(before.evictions, 0u);
  ASSERT_TRUE(scene.manager().Evict("ring", 0, before.consumers.at(0).generation).ok());
  EXPECT_EQ(scene.Inspect("ring").evictions, 1u);
  EXPECT_FALSE(scene.manager().Evict("ring", 0, before.consumers.at(0).generation).ok()) << "twice";
  EXPECT_EQ(scene.Inspect("ring").evictions, 1u);
  ASSERT_TRUE(scene.manager().Evict("ring", 1, before.consumers.at(1).generation).ok());
  EXPECT_EQ(scene.Inspect("ring").evictions, 2u);
}

TEST(CleanupInspectNow, TheAgeOfTheLastMessageIsExactIfItWokeAConsumer) {
  const Watchdog watchdog("age of the last message");
  const Scene scene;
  Producer producer = scene.Create("ring");
  EXPECT_EQ(scene.Inspect("ring").last_message_ns, std::nullopt) << "there is none";
  ASSERT_EQ(producer.TryPublish(kMessage), Sent::kOk);
  RingInfo info = scene.Inspect("ring");
  EXPECT_FALSE(info.last_message_exact);
  ASSERT_TRUE(info.last_message_ns.has_value()) << "no older than the ring";
  const QueueWords words(scene.File("ring"));
  Child sleeper([&](const Child::Line& line) {
    ConsumerOptions options = scene.From(Start::End());
    options.wait = Wait::kPark;
    Consumer c = Must(Consumer::Open("ring", Delivery::Lossless(), options));
    const bool got = c.Next().why() == Got::kMessage;
    line.Say("got");
    return got && line.Hear() == "end" ? 0 : 1;
  });
  words.AwaitSleeper();
  ASSERT_EQ(producer.TryPublish(kMessage), Sent::kOk);
  ASSERT_EQ(sleeper.Hear(), "got");
  info = scene.Inspect("ring");
  EXPECT_TRUE(info.last_message_exact);
  const uint64_t age = info.last_message_ns.value_or(0);
  words.control().counters.last_wake -= uint64_t{3'600'000} << 22;  // one hour earlier
  EXPECT_GE(scene.Inspect("ring").last_message_ns.value_or(0), age + 3'599'000'000'000);
  ASSERT_EQ(producer.TryPublish(kMessage), Sent::kOk);  // no consumer sleeps
  info = scene.Inspect("ring");
  EXPECT_FALSE(info.last_message_exact);
  EXPECT_LT(info.last_message_ns.value_or(~uint64_t{0}), 3'600'000'000'000u) << "a mark says so";
  sleeper.Say("end");
  EXPECT_EQ(sleeper.Wait(), 0);
}

}  // namespace
}  // namespace millrace
