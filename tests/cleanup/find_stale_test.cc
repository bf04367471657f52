// SPDX-License-Identifier: Apache-2.0
// Which queues are stale: one test for each rule of protocol/life_cycle.md "Stale".
#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/clock.h"
#include "tests/cleanup/scene.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Child;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Must;
using testing::QueueWords;
using testing::Scene;
using testing::Watchdog;

TEST(CleanupStale, OnceNoProcessHoldsALock) {
  const Watchdog watchdog("stale");
  const Scene scene;
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  scene.LeaveDead("dead");
  ASSERT_THAT(scene.StaleNames(), ElementsAre("dead"));
  const Stale stale = scene.FindStale().front();
  EXPECT_EQ(stale.incarnation, scene.Inspect("dead").incarnation);
  EXPECT_EQ(stale.bytes, scene.Inspect("dead").bytes);
  EXPECT_THAT(stale.why, HasSubstr("no producer and no consumer"));
  EXPECT_EQ(scene.Prune(stale), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
  EXPECT_EQ(scene.Prune(stale), Error::kNotFound);
  EXPECT_THAT(scene.Entries(), IsEmpty()) << "looking for it in vain left something behind";
}

TEST(CleanupStale, AClosedQueueWithoutReadersIsStaleToo) {
  const Scene scene;
  EXPECT_TRUE(scene.Create("closed").Close().ok());
  EXPECT_THAT(scene.StaleNames(), ElementsAre("closed"));
}

TEST(CleanupStale, NotWhileItsProducerLives) {
  const Scene scene;
  {
    Producer producer = scene.Create("ring");
    EXPECT_THAT(scene.StaleNames(), IsEmpty());
    EXPECT_THAT(scene.Inspect("ring").stale_why, HasSubstr("producer is alive"));
    EXPECT_EQ(scene.Prune(scene.AsIfStale("ring")), Error::kInUse);
    EXPECT_TRUE(producer.Check().ok());
  }
  EXPECT_THAT(scene.StaleNames(), ElementsAre("ring"));
}

// The .lock file may be removed by hand while the producer lives.
TEST(CleanupStale, NotWhileItsProducerLivesWithoutLockFile) {
  const Scene scene;
  Producer producer = scene.Create("ring");
  ASSERT_EQ(unlink(scene.File("ring.lock").c_str()), 0);
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_EQ(scene.Prune(scene.AsIfStale("ring")), Error::kInUse);
  EXPECT_TRUE(producer.Check().ok());
}

TEST(CleanupStale, NotWhileAnySeatIsHeld) {
  const Scene scene;
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy()}) {
    scene.LeaveDead("ring");
    {
      Consumer consumer = scene.Join("ring", delivery);
      EXPECT_THAT(scene.StaleNames(), IsEmpty());
      EXPECT_THAT(scene.Inspect("ring").stale_why, HasSubstr("consumer is alive"));
      EXPECT_EQ(scene.Prune(scene.AsIfStale("ring")), Error::kInUse);
      const Received got = consumer.TryNext();
      ASSERT_TRUE(got);
      EXPECT_EQ(got->text(), "left behind");
    }
    ASSERT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
    EXPECT_THAT(scene.Entries(), IsEmpty());
  }
}

// An evicted consumer holds its lock until it leaves.
TEST(CleanupStale, NotWhileAnEvictedConsumerIsStillAttached) {
  const Scene scene;
  scene.LeaveDead("ring");
  const Consumer consumer = scene.Join("ring");
  const SeatInfo seat = scene.Inspect("ring").consumers.at(0);
  ASSERT_TRUE(scene.manager().Evict("ring", seat.seat, seat.generation).ok());
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_EQ(scene.Prune(scene.AsIfStale("ring")), Error::kInUse);
}

TEST(CleanupStale, ObserversDoNotKeepItAndAreNotified) {
  const Watchdog watchdog("observer of a stale queue");
  const Scene scene;
  scene.LeaveDead("ring");
  Consumer observer = scene.Join("ring", Delivery::Observer());
  ASSERT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
  ASSERT_TRUE(observer.TryNext());
  EXPECT_EQ(observer.Next().why(), Got::kRemoved);
}

TEST(CleanupStale, NotBeforeItHadAProducer) {
  const Scene scene;
  Must(scene.manager().Create("new", scene.Small()));
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_THAT(scene.Inspect("new").stale_why, HasSubstr("never had a producer"));
  { const Producer producer = Must(Producer::Open("new", scene.Here())); }
  EXPECT_THAT(scene.StaleNames(), ElementsAre("new"));
}

TEST(CleanupStale, NotWhileItIsKept) {
  const Scene scene;
  RingOptions options = scene.Small();
  options.keep = true;
  { const Producer producer = Must(Producer::Create("kept", options, scene.Here())); }
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_EQ(scene.Inspect("kept").stale_why, "kept");
  EXPECT_EQ(scene.Prune(scene.AsIfStale("kept")), Error::kInUse);
  Must(scene.Set("kept", &RingChanges::keep, false));
  const auto stale = scene.StaleOf("kept");
  ASSERT_TRUE(stale.has_value());
  Must(scene.Set("kept", &RingChanges::keep, true));  // between finding and removing
  EXPECT_EQ(scene.Prune(*stale), Error::kInUse);
  Must(scene.Set("kept", &RingChanges::keep, false));
  EXPECT_EQ(scene.Prune(*stale), Error::kNone);
}

TEST(CleanupStale, NotWhileADurableGroupKeepsItsPlace) {
  const Scene scene;
  scene.LeaveDead("ring");
  const QueueWords words(scene.File("ring"));
  uint32_t& flags = words.seats().groups[3].flags;
  flags = internal::kGroupUsed | internal::kGroupDurable;
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_THAT(scene.Inspect("ring").stale_why, HasSubstr("durable group"));
  flags = internal::kGroupUsed;  // the group was not durable
  EXPECT_THAT(scene.StaleNames(), ElementsAre("ring"));
  flags = internal::kGroupDurable;  // the group no longer exists
  EXPECT_THAT(scene.StaleNames(), ElementsAre("ring"));
}

TEST(CleanupStale, NotWithinTheGraceTime) {
  const Scene scene;
  scene.LeaveDead("ring");
  EXPECT_THAT(scene.StaleNames(minutes(1)), IsEmpty());
  EXPECT_THAT(scene.Inspect("ring").stale_why, HasSubstr("grace time"));
  scene.Age("ring", seconds(50));
  EXPECT_THAT(scene.StaleNames(minutes(1)), IsEmpty());
  EXPECT_THAT(scene.StaleNames(seconds(40)), ElementsAre("ring"));
  scene.Age("ring", seconds(20));
  EXPECT_THAT(scene.StaleNames(minutes(1)), ElementsAre("ring"));
  EXPECT_TRUE(scene.Inspect("ring").stale);
  EXPECT_EQ(ErrorOf(scene.manager().FindStale(-seconds(1)).status()), Error::kBadArgument);
}

TEST(CleanupStale, APublicationMakesItYoungAgain) {
  const Scene scene;
  scene.LeaveDead("ring");
  scene.Age("ring", minutes(5));
  ASSERT_THAT(scene.StaleNames(minutes(1)), ElementsAre("ring"));
  {
    Producer producer = Must(Producer::Open("ring", scene.Here()));
    for (int i = 0; i < 10; ++i) ASSERT_EQ(producer.TryPublish(std::string(64, 'x')), Sent::kOk);
  }
  EXPECT_THAT(scene.StaleNames(minutes(1)), IsEmpty());
}

// Bug: the grace time was computed from full chunks only. A producer that published little and a consumer
// that only read left no trace.
TEST(CleanupStale, AnAttachOrADetachMakesItYoungAgain) {
  const Scene scene;
  scene.LeaveDead("ring");
  const auto is_spared = [&] { return scene.StaleNames(minutes(1)).empty(); };
  const auto age = [&] {
    scene.Age("ring", minutes(5));
    ASSERT_FALSE(is_spared());
  };
  age();
  { const Producer producer = Must(Producer::Open("ring", scene.Here())); }
  EXPECT_TRUE(is_spared());
  age();
  EXPECT_TRUE(Must(Producer::Open("ring", scene.Here())).Close().ok());
  EXPECT_TRUE(is_spared());
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Group("workers")}) {
    age();
    {
      const Consumer consumer = scene.Join("ring", delivery);
      const QueueWords words(scene.File("ring"));
      words.seat(0).identity.since_ns -= 300'000'000'000;  // the consumer joined long ago, and leaves now
    }
    EXPECT_TRUE(is_spared());
  }
  age();
  {
    Child killed([&](const Child::Line& line) {
      const Consumer consumer = scene.Join("ring");
      line.Say("joined");
      return line.Hear().empty() ? 0 : 1;
    });
    ASSERT_EQ(killed.Hear(), "joined");
    killed.Kill(SIGKILL);
    killed.Wait();
  }
  EXPECT_TRUE(is_spared());
}

// Bug: if the clock was set back, a ring was kept until the clock had caught up, whatever the grace time. Now
// times in the future count for nothing, and the file's own change time decides.
TEST(CleanupStale, TimesInTheFutureDoNotKeepIt) {
  const Scene scene;
  scene.LeaveDead("ring");
  scene.Age("ring", -minutes(60));
  EXPECT_THAT(scene.StaleNames(minutes(1)), IsEmpty()) << "the file was created just now";
  EXPECT_THAT(scene.StaleNames(), ElementsAre("ring"));
  EXPECT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
}

// The clock that gives files their times was ahead too.
TEST(CleanupStale, AChangeTimeInTheFutureIsSetToNow) {
  const Scene scene;
  const auto changed_s = [&](const std::string& file) {
    struct stat facts {};
    EXPECT_EQ(stat(scene.File(file).c_str(), &facts), 0);
    return facts.st_ctim.tv_sec;
  };
  scene.LeaveDead("ring");
  scene.LeaveDead("remains");
  ASSERT_EQ(unlink(scene.File("remains.ring").c_str()), 0);
  const auto ring = changed_s("ring.ring"), lock = changed_s("remains.lock");
  {
    const testing::ClockSetBack back(minutes(60));
    EXPECT_THAT(scene.StaleNames(minutes(1)), IsEmpty());
    EXPECT_THAT(scene.Inspect("ring").stale_why, HasSubstr("are in the future"));
    EXPECT_THAT(scene.StaleNames(), ElementsAre("remains", "ring")) << "nobody uses them";
    EXPECT_GE(changed_s("ring.ring"), ring) << "the kernel's clock, which this test does not set";
    EXPECT_GE(changed_s("remains.lock"), lock);
  }
}

TEST(CleanupStale, DamageCountsOnlyWhileNoLockIsHeld) {
  const Scene scene;
  {
    std::optional<Producer> producer = scene.Create("ring");
    std::optional<Consumer> consumer = scene.Join("ring");
    const QueueWords words(scene.File("ring"));
    words.header().layout_major += 1;  // the users read it long ago
    EXPECT_EQ(scene.Inspect("ring").state, "damaged");
    const Stale as_if{"ring", "", "", 0};
    EXPECT_THAT(scene.StaleNames(), IsEmpty());
    EXPECT_EQ(scene.Prune(as_if), Error::kInUse);
    producer.reset();
    EXPECT_THAT(scene.StaleNames(), IsEmpty());
    EXPECT_EQ(scene.Prune(as_if), Error::kInUse);
    consumer.reset();
  }
  EXPECT_THAT(scene.StaleNames(minutes(1)), IsEmpty());
  const auto stale = scene.StaleOf("ring");
  ASSERT_TRUE(stale.has_value());
  EXPECT_THAT(stale->why, HasSubstr("damaged"));
  EXPECT_EQ(scene.Prune(*stale), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

TEST(CleanupStale, TruncatedCountsOnlyWhileNoLockIsHeld) {
  const Scene scene;
  scene.LeaveDead("ring");
  {
    const Consumer consumer = scene.Join("ring");
    ASSERT_EQ(truncate(scene.File("ring.ring").c_str(), internal::kRingDataOffset), 0);
    EXPECT_THAT(scene.StaleNames(), IsEmpty());
    EXPECT_EQ(scene.Prune({"ring", "", "", 0}), Error::kInUse);
  }
  ASSERT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

// Bug: seats were examined only if their header was sound, and a process had overwritten it.
TEST(CleanupStale, DamagedSeatsCountOnlyWhileNoLockIsHeld) {
  const Scene scene;
  scene.LeaveDead("ring");
  {
    const Consumer consumer = scene.Join("ring");
    const QueueWords words(scene.File("ring"));
    words.seats().header.incarnation[0] ^= 1;
    EXPECT_THAT(scene.StaleNames(), IsEmpty());
    EXPECT_EQ(scene.Prune(scene.AsIfStale("ring")), Error::kInUse);
  }
  ASSERT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

}  // namespace
}  // namespace millrace
