// SPDX-License-Identifier: Apache-2.0
// Promise: inspecting disturbs no process and reports the truth. Unlink checks first that the ring is unused,
// and leaves nothing.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
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
using testing::Watchdog;

void WriteForeign(const std::string& path, size_t bytes) {
  FILE* const file = fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  fputs(std::string(bytes, 'x').c_str(), file);
  fclose(file);
}

TEST(PromiseList, ShowsEveryRingByNameAndNothingElse) {
  const ScratchDir dir;
  const SegmentManager manager(dir.path());
  EXPECT_TRUE(Must(manager.List()).empty());
  for (const char* name : {"b", "a", "c.d"}) Must(manager.Create(name, {.capacity = 4096}));
  WriteForeign(dir / "note.ring", 17);
  WriteForeign(dir / "long.ring", 10'000);
  std::string names;
  for (const RingInfo& ring : Must(manager.List())) names += ring.name + " ";
  EXPECT_EQ(names, "a b c.d ");
}

TEST(PromiseInspect, ShowsProducerConsumersAndLagWithoutTakingASeat) {
  const Watchdog watchdog("inspect");
  const ScratchDir dir;
  const Oracle oracle;
  Child producer([&](const Child::Line& line) {
    Producer p = Must(
        Producer::Create("q", {.capacity = 65536, .seats = 1}, {.label = "maker", .directory = dir.path()}));
    line.Say("made");
    (void)line.Hear();
    if (testing::PublishUntil(p, oracle, 10) != Sent::kOk) return 1;
    line.Say("published");
    return line.Hear() == "end" ? 0 : 2;
  });
  ASSERT_EQ(producer.Hear(), "made");
  Child consumer([&](const Child::Line& line) {
    Consumer c = Must(Consumer::Open("q", Delivery::Lossless(), {.label = "taker", .directory = dir.path()}));
    line.Say("joined");
    return line.Hear() == "end" ? 0 : 2;
  });
  ASSERT_EQ(consumer.Hear(), "joined");
  producer.Say("go");
  ASSERT_EQ(producer.Hear(), "published");
  const RingInfo info = Must(SegmentManager(dir.path()).Inspect("q"));
  EXPECT_EQ(info.name, "q");
  EXPECT_EQ(info.state, "live");
  EXPECT_EQ(info.damage, "");
  EXPECT_EQ(info.capacity, 65536u);
  EXPECT_EQ(info.next_sequence, 10u);
  EXPECT_EQ(info.oldest_sequence, 0u);
  EXPECT_EQ(info.incarnation.size(), 32u);
  EXPECT_EQ(info.producer.label, "maker");
  EXPECT_EQ(info.producer.pid, producer.pid());
  EXPECT_TRUE(info.producer.alive);
  ASSERT_EQ(info.consumers.size(), 1u);
  EXPECT_EQ(info.consumers[0].label, "taker");
  EXPECT_EQ(info.consumers[0].delivery, "lossless");
  EXPECT_EQ(info.consumers[0].pid, consumer.pid());
  EXPECT_TRUE(info.consumers[0].alive);
  EXPECT_EQ(info.consumers[0].lag_messages, 10u);
  EXPECT_FALSE(info.stale);

  consumer.Kill();
  consumer.Wait();
  producer.Kill();
  producer.Wait();
  const RingInfo after = Must(SegmentManager(dir.path()).Inspect("q"));
  EXPECT_EQ(after.state, "producer_gone");
  EXPECT_FALSE(after.producer.alive);
  ASSERT_EQ(after.consumers.size(), 1u);
  EXPECT_FALSE(after.consumers[0].alive);
}

TEST(PromiseUnlink, RefusesARingInUseAndForcedLeavesNothing) {
  const Watchdog watchdog("unlink");
  const ScratchDir dir;
  const SegmentManager manager(dir.path());
  EXPECT_EQ(ErrorOf(manager.Unlink("q")), Error::kNotFound);
  EXPECT_TRUE(dir.Entries().empty()) << "asking for a ring that is not there left something behind";
  Child producer([&](const Child::Line& line) {
    const Producer p = Must(Producer::Create("q", {}, {.label = "maker", .directory = dir.path()}));
    line.Say("made");
    return line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(producer.Hear(), "made");
  const absl::Status busy = manager.Unlink("q");
  EXPECT_EQ(ErrorOf(busy), Error::kInUse);
  EXPECT_NE(busy.ToString().find("maker"), std::string::npos) << busy;
  EXPECT_NE(busy.ToString().find("--force"), std::string::npos) << busy;
  Child consumer([&](const Child::Line& line) {
    const Consumer c =
        Must(Consumer::Open("q", Delivery::Lossy(), {.label = "taker", .directory = dir.path()}));
    line.Say("joined");
    return line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(consumer.Hear(), "joined");
  producer.Say("end");
  EXPECT_EQ(producer.Wait(), 0);
  const absl::Status watched = manager.Unlink("q");
  EXPECT_EQ(ErrorOf(watched), Error::kInUse);
  EXPECT_NE(watched.ToString().find("taker"), std::string::npos) << watched;
  consumer.Say("end");
  EXPECT_EQ(consumer.Wait(), 0);
  EXPECT_TRUE(manager.Unlink("q").ok());
  EXPECT_TRUE(dir.Entries().empty());
}

// Bug: the second of two Unlink calls left the .lock file that it had created again.
TEST(PromiseUnlink, TwoConcurrentUnlinksLeaveNothing) {
  for (int round = 0; round < 300; ++round) {
    const ScratchName name;
    Must(SegmentManager().Create(name, {.capacity = 4096}));
    std::atomic<int> ready{0}, removed{0};
    const auto unlink = [&] {
      ++ready;
      while (ready.load() < 2) {
      }
      const absl::Status s = SegmentManager().Unlink(name);
      EXPECT_TRUE(s.ok() || ErrorOf(s) == Error::kNotFound) << s;
      removed += s.ok();
    };
    std::thread other(unlink);
    unlink();
    other.join();
    EXPECT_EQ(removed, 1);
    for (const char* suffix : {".ring", ".seats", ".lock"})
      ASSERT_FALSE(std::filesystem::exists(name.path() + suffix)) << round << suffix;
  }
}

// Bug: a file shorter than a ring's header counted as a truncated ring. It
// was listed as damaged, and unlinked.
TEST(PromiseUnlink, NeverTouchesAFileThatIsNotARing) {
  for (const size_t bytes : {size_t{10'000}, size_t{4096}, size_t{4095}, size_t{17}, size_t{8}}) {
    const ScratchDir dir;
    WriteForeign(dir / "q.ring", bytes);
    const SegmentManager manager(dir.path());
    EXPECT_EQ(ErrorOf(manager.Unlink("q", SegmentManager::Force::kYes)), Error::kNotARing) << bytes;
    EXPECT_EQ(dir.Entries(), (std::set<std::string>{"q.ring"})) << bytes;
    EXPECT_EQ(ErrorOf(manager.Inspect("q").status()), Error::kNotARing) << bytes;
  }
}

TEST(PromiseUnlink, NeverTouchesAForeignFileBesideARing) {
  const ScratchDir dir;
  const SegmentManager manager(dir.path());
  Must(manager.Create("q", {.capacity = 4096}));
  ASSERT_EQ(unlink((dir / "q.seats").c_str()), 0);
  WriteForeign(dir / "q.seats", 10'000);
  (void)manager.Unlink("q", SegmentManager::Force::kYes);
  EXPECT_TRUE(dir.Entries().contains("q.seats"));
}

}  // namespace
}  // namespace millrace
