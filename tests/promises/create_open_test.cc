// SPDX-License-Identifier: Apache-2.0
// Promise: a queue is never half-made, exactly one of several creators wins, and
// the options that are set must match.
#include <sys/stat.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/oracle.h"
#include "tests/support/scratch.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchDir;
using testing::ScratchName;
using testing::Tally;
using testing::Watchdog;

mode_t ModeOf(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

TEST(PromiseCreate, AnOpenerFindsAWholeRingWithALiveProducer) {
  const Watchdog watchdog("first look");
  const ScratchDir dir;
  constexpr int kRounds = 200;
  const Child looker([&](const Child::Line& line) {
    const SegmentManager manager(dir.path());
    for (int round = 0; round < kRounds; ++round) {
      line.Say("looking");
      for (;;) {
        const absl::StatusOr<RingInfo> info = manager.Inspect(absl::StrCat("q", round));
        if (!info.ok() && ErrorOf(info.status()) == Error::kNotFound) continue;
        if (!info.ok()) return 1;
        if (!info->damage.empty() || info->state != "live" || !info->producer.alive ||
            info->capacity != 65536)
          return 2;
        break;
      }
      line.Say("seen");
    }
    return 0;
  });
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_EQ(looker.Hear(), "looking");
    const Producer producer =
        Must(Producer::Create(absl::StrCat("q", round), {.capacity = 65536}, {.directory = dir.path()}));
    ASSERT_EQ(looker.Hear(), "seen") << "round " << round;
  }
}

TEST(PromiseCreate, RefusesATakenNameAndLeavesTheRingAlone) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Child other([&](const Child::Line&) {
    return ErrorOf(Producer::Create(name.str()).status()) == Error::kExists ? 0 : 1;
  });
  EXPECT_EQ(other.Wait(), 0);
  EXPECT_EQ(producer.TryPublish("still mine"), Sent::kOk);
  EXPECT_TRUE(producer.Check().ok());
}

TEST(PromiseCreate, WithoutProducerIsOpenedByTheFirstOne) {
  const ScratchName name;
  Must(SegmentManager().Create(name, {.capacity = 8192, .keep = true}));
  const RingInfo before = Must(SegmentManager().Inspect(name));
  EXPECT_EQ(before.state, "never_used");
  EXPECT_EQ(before.producer.epoch, 0u);
  EXPECT_TRUE(before.keep);
  Child first([&](const Child::Line&) { return Must(Producer::Open(name)).next_sequence() == 0 ? 0 : 1; });
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(Must(SegmentManager().Inspect(name)).state, "producer_gone");
}

TEST(PromiseOpenOrCreate, CreatesThenTakesOver) {
  const ScratchName name;
  const Oracle oracle;
  for (uint64_t i = 0; i < 3; ++i) {
    Child daemon([&](const Child::Line&) {
      Producer producer = Must(Producer::OpenOrCreate(name, {.capacity = 65536}));
      if (producer.next_sequence() != i * 10) return 1;
      return testing::PublishUntil(producer, oracle, i * 10 + 10) == Sent::kOk ? 0 : 2;
    });
    ASSERT_EQ(daemon.Wait(), 0) << i;
  }
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.start = Start::Oldest()}));
  EXPECT_EQ(consumer.producer().epoch, 3u);
  EXPECT_EQ(consumer.producer().epoch_first_sequence, 20u);
  Tally tally;
  tally.Begin(consumer);
  EXPECT_EQ(tally.Drain(consumer, oracle), Got::kEmpty);
  tally.Finish(consumer);
  tally.ExpectConserved(30, 0);
}

TEST(PromiseOpenOrCreate, OptionsThatAreSetMustMatch) {
  const ScratchName name;
  {
    const Producer first =
        Must(Producer::Create(name, {.capacity = 65536, .max_message = 100, .seats = 3, .schema = "a:u64"}));
  }
  EXPECT_TRUE(Producer::OpenOrCreate(name).ok());
  EXPECT_TRUE(
      Producer::OpenOrCreate(name, {.capacity = 65536, .max_message = 100, .seats = 3, .schema = "a:u64"})
          .ok());
  const RingOptions different[] = {
      {.capacity = 131072}, {.max_message = 101}, {.seats = 4}, {.schema = "b:u64"}};
  for (const RingOptions& options : different) {
    const absl::Status status = Producer::OpenOrCreate(name, options).status();
    EXPECT_EQ(ErrorOf(status), Error::kOptionsDiffer);
    EXPECT_NE(status.ToString().find(name.str()), std::string::npos) << status;
    EXPECT_NE(status.ToString().find("unlink"), std::string::npos) << status;
  }
}

TEST(PromiseAccess, ModesAreExactWhateverTheUmask) {
  const ScratchName everyone, watchable, secret;
  Child creator([&](const Child::Line&) {
    umask(077);
    Must(SegmentManager().Create(everyone, {.access = Access::Everyone()}));
    Must(SegmentManager().Create(watchable, {.access = Access::Watchable()}));
    umask(0);
    Must(SegmentManager().Create(secret, {}));
    return 0;
  });
  ASSERT_EQ(creator.Wait(), 0);
  EXPECT_EQ(ModeOf(everyone.path() + ".ring"), 0644u);
  EXPECT_EQ(ModeOf(everyone.path() + ".seats"), 0666u);
  EXPECT_EQ(ModeOf(everyone.path() + ".lock"), 0600u);
  EXPECT_EQ(ModeOf(watchable.path() + ".ring"), 0644u);
  EXPECT_EQ(ModeOf(watchable.path() + ".seats"), 0600u);
  EXPECT_EQ(ModeOf(secret.path() + ".ring"), 0600u);
  EXPECT_EQ(ModeOf(secret.path() + ".seats"), 0600u);
}

TEST(PromiseOpen, WaitsForARingThatDoesNotExistYet) {
  const Watchdog watchdog("open_timeout");
  const ScratchName name;
  const Oracle oracle;
  Child early([&](const Child::Line& line) {
    line.Say("waiting");
    Consumer consumer = Must(Consumer::Open(
        name, Delivery::Lossless(), {.start = Start::Oldest(), .open_timeout = std::chrono::seconds(30)}));
    const Received first = consumer.Next();
    return first && first->sequence == 0 && oracle.Check(0, first->payload) ? 0 : 1;
  });
  ASSERT_EQ(early.Hear(), "waiting");
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Lossless(), {.open_timeout = std::chrono::milliseconds(1)})
                        .status()),
            Error::kNotFound);
  Producer producer = Must(Producer::Create(name));
  EXPECT_EQ(testing::PublishUntil(producer, oracle, 1), Sent::kOk);
  EXPECT_EQ(early.Wait(), 0);
}

}  // namespace
}  // namespace millrace
