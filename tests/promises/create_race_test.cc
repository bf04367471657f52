// SPDX-License-Identifier: Apache-2.0
// Promise: if several creators race, exactly one wins. A creator that is killed at any moment leaves nothing
// that blocks others.
#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/oracle.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::ScratchDir;
using testing::Watchdog;

const std::set<std::string> kOneQueue = {"q.lock", "q.ring", "q.seats"};

// Waits for "create" or "daemon", tries to create the ring, and reports the
// result. The winner publishes one message.
int Rival(const std::string& directory, const Child::Line& line) {
  const RingOptions ring{.capacity = 4096, .seats = 2};
  const ProducerOptions options{.take_over_timeout = Nanos::zero(), .directory = directory};
  for (std::string order = line.Hear(); order != ""; order = line.Hear()) {
    absl::StatusOr<Producer> producer =
        order == "create" ? Producer::Create("q", ring, options) : Producer::OpenOrCreate("q", ring, options);
    if (producer.ok() && producer->TryPublish("won") != Sent::kOk)
      line.Say("cannot publish");
    else
      line.Say(producer.ok() ? "won" : ToString(ErrorOf(producer.status())));
    if (line.Hear() != "release") return 1;
    producer = absl::CancelledError();
    line.Say("released");
  }
  return 0;
}

TEST(PromiseCreateRace, ExactlyOneCreatorWinsAndNothingElseIsLeft) {
  const Watchdog watchdog("racing creators", 100);
  const ScratchDir dir;
  const SegmentManager manager(dir.path());
  constexpr int kRounds = 1200;
  std::vector<std::unique_ptr<Child>> rivals;
  for (int i = 0; i < 4; ++i) {
    rivals.push_back(
        std::make_unique<Child>([&](const Child::Line& line) { return Rival(dir.path(), line); }));
  }
  int losers = 0;
  for (int round = 0; round < kRounds; ++round) {
    const size_t count = 2 + static_cast<size_t>(round) % 3;
    const bool daemon = round % 4 == 3;
    for (size_t i = 0; i < count; ++i) rivals[i]->Say(daemon ? "daemon" : "create");
    int won = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::string said = rivals[i]->Hear();
      if (said == "won")
        ++won;
      else if (said == (daemon ? "kProducerAlive" : "kExists"))
        ++losers;
      else
        FAIL() << "round " << round << ": " << said;
    }
    ASSERT_EQ(won, 1) << "round " << round;
    ASSERT_EQ(dir.Entries(), kOneQueue) << "round " << round;
    Consumer consumer =
        Must(Consumer::Open("q", Delivery::Lossless(), {.start = Start::Oldest(), .directory = dir.path()}));
    const Received got = consumer.TryNext();
    ASSERT_TRUE(got);
    ASSERT_EQ(got->text(), "won");
    ASSERT_EQ(consumer.TryNext().why(), Got::kEmpty);
    for (size_t i = 0; i < count; ++i) rivals[i]->Say("release");
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(rivals[i]->Hear(), "released");
    ASSERT_TRUE(manager.Unlink("q", SegmentManager::Force::kYes).ok());
    ASSERT_TRUE(dir.Entries().empty()) << "round " << round;
  }
  std::printf("%d rounds, one winner each, %d losers told\n", kRounds, losers);
  ASSERT_GT(losers, kRounds);
}

TEST(PromiseCreateRace, AKilledCreatorLeavesNothingInTheWay) {
  const Watchdog watchdog("killed creators", 150);
  const ScratchDir dir;
  const SegmentManager manager(dir.path());
  const ProducerOptions options{.directory = dir.path()};
  constexpr uint64_t kRounds = 250, kWholeRounds = 20;
  int before = 0, half = 0, whole = 0;
  std::vector<int64_t> took_ns;  // by the creators that lived
  for (uint64_t round = 0; round < kRounds; ++round) {
    Child creator([&](const Child::Line& line) -> int {
      line.Say("creating");
      const Producer producer = Must(Producer::OpenOrCreate("q", {.capacity = 65536}, options));
      line.Say("created");
      for (;;) pause();
    });
    ASSERT_EQ(creator.Hear(), "creating");
    if (round < kWholeRounds) {
      // The first creators live until they are done, and show how long a creation takes on this machine.
      const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
      ASSERT_EQ(creator.Hear(), "created");
      took_ns.push_back((std::chrono::steady_clock::now() - start).count());
      std::sort(took_ns.begin(), took_ns.end());
    } else {
      // The others die at a random moment within twice that time. This sleep does not synchronise anything.
      const auto range_ns = static_cast<uint64_t>(2 * took_ns[took_ns.size() / 2]);
      std::this_thread::sleep_for(std::chrono::nanoseconds(testing::Mix(round) % range_ns));
    }
    creator.Kill();
    creator.Wait();
    const std::set<std::string> left = dir.Entries();
    (left.empty() ? before : left == kOneQueue ? whole : half) += 1;
    absl::StatusOr<Producer> next = Producer::OpenOrCreate("q", {.capacity = 65536}, options);
    ASSERT_TRUE(next.ok()) << "round " << round << ": " << next.status();
    ASSERT_EQ(next->TryPublish("works"), Sent::kOk);
    Consumer consumer =
        Must(Consumer::Open("q", Delivery::Lossless(), {.start = Start::Oldest(), .directory = dir.path()}));
    ASSERT_EQ(consumer.Next()->text(), "works");
    ASSERT_EQ(dir.Entries(), kOneQueue) << "round " << round;
    ASSERT_TRUE(manager.Unlink("q", SegmentManager::Force::kYes).ok());
    ASSERT_TRUE(dir.Entries().empty()) << "round " << round;
  }
  std::printf("%llu creators killed: %d before anything was there, %d half-way, %d after\n",
              static_cast<unsigned long long>(kRounds), before, half, whole);
  EXPECT_GT(before + half, 0);
  EXPECT_GT(whole, 0);
}

}  // namespace
}  // namespace millrace
