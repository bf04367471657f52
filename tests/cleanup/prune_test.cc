// SPDX-License-Identifier: Apache-2.0
// Prune checks again, under all locks, what FindStale found earlier.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Must;
using testing::Scene;

TEST(CleanupPrune, RefusesAQueueThatHasAProducerAgain) {
  const Scene scene;
  scene.LeaveDead("ring");
  const Stale stale = scene.StaleOf("ring").value();
  {
    Producer successor = Must(Producer::Open("ring", scene.Here()));
    const absl::Status refused = scene.manager().Prune(stale);
    EXPECT_EQ(ErrorOf(refused), Error::kInUse);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("producer is alive"));
    EXPECT_TRUE(successor.Check().ok());
    EXPECT_EQ(successor.TryPublish("goes on"), Sent::kOk);
  }
  const absl::Status used = scene.manager().Prune(stale);
  EXPECT_EQ(ErrorOf(used), Error::kInUse) << "nobody is there, but somebody was";
  EXPECT_THAT(std::string(used.message()), HasSubstr("used after it was found stale"));
  EXPECT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

// Bug: Prune deleted a ring together with messages that a durable group had not read.
TEST(CleanupPrune, RefusesAQueueWithADurableGroup) {
  const Scene scene;
  scene.LeaveDead("ring");
  const Stale stale = scene.StaleOf("ring").value();
  { const Consumer consumer = scene.Join("ring", Delivery::Group("archive", /*durable=*/true)); }
  { EXPECT_EQ(Must(Producer::Open("ring", scene.Here())).TryPublish("important"), Sent::kOk); }
  const absl::Status refused = scene.manager().Prune(stale);
  EXPECT_EQ(ErrorOf(refused), Error::kInUse);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("durable group"));
  EXPECT_EQ(scene.Inspect("ring").groups.at(0).lag_messages, 2u);
}

TEST(CleanupPrune, RefusesAQueueThatIsMarkedToBeKept) {
  const Scene scene;
  scene.LeaveDead("ring");
  const Stale stale = scene.StaleOf("ring").value();
  Must(scene.Set("ring", &RingChanges::keep, true));
  EXPECT_EQ(scene.Prune(stale), Error::kInUse);
}

TEST(CleanupPrune, AppliesTheGraceTimeOnceMore) {
  const Scene scene;
  scene.LeaveDead("ring");
  scene.Age("ring", std::chrono::minutes(5));
  Stale stale = scene.FindStale(std::chrono::minutes(1)).at(0);
  EXPECT_EQ(stale.idle_for, std::chrono::minutes(1));
  { const Consumer consumer = scene.Join("ring"); }
  const absl::Status refused = scene.manager().Prune(stale);
  EXPECT_EQ(ErrorOf(refused), Error::kInUse);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("grace time"));
}

TEST(CleanupPrune, RefusesAQueueThatHasAConsumerAgain) {
  const Scene scene;
  scene.LeaveDead("ring");
  const Stale stale = scene.StaleOf("ring").value();
  Consumer consumer = scene.Join("ring", Delivery::Lossy());
  EXPECT_EQ(scene.Prune(stale), Error::kInUse);
  EXPECT_TRUE(consumer.TryNext());
  EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
  EXPECT_EQ(scene.Inspect("ring").incarnation, stale.incarnation);
}

TEST(CleanupPrune, RefusesAnotherQueueOfThatNameEvenIfItIsUnused) {
  const Scene scene;
  scene.LeaveDead("ring");
  const Stale stale = scene.StaleOf("ring").value();
  Must(scene.manager().Unlink("ring"));
  scene.LeaveDead("ring");
  EXPECT_EQ(scene.Prune(stale), Error::kIncarnation);
  EXPECT_NE(scene.Inspect("ring").incarnation, stale.incarnation);
  EXPECT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
}

TEST(CleanupPrune, RefusesAGoodQueueInPlaceOfADamagedOne) {
  const Scene scene;
  scene.LeaveDead("ring");
  testing::QueueWords(scene.File("ring")).header().layout_major += 1;
  const Stale stale = scene.StaleOf("ring").value();
  EXPECT_EQ(scene.Prune(stale), Error::kNone);
  scene.LeaveDead("ring");
  EXPECT_EQ(scene.Prune(stale), Error::kIncarnation);
}

TEST(CleanupPrune, ExplainsAnInvalidName) {
  const Scene scene;
  EXPECT_EQ(scene.Prune({"never", "", "", 0}), Error::kNotFound);
  EXPECT_EQ(scene.Prune({"a/b", "", "", 0}), Error::kBadName);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

}  // namespace
}  // namespace millrace
