// SPDX-License-Identifier: Apache-2.0
// Producer and consumers in different PID, mount, user, IPC, network and time namespaces share one /dev/shm.
#include <time.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/isolation/apart.h"
#include "tests/support/must.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/shared_page.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Apart;
using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchDir;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

struct Kind {
  const char* name;
  int flags;
  // Returns where a process with these namespaces finds the shared directory.
  std::string DirectoryOf(const ScratchDir& dir) const {
    return flags & CLONE_NEWNS ? "/dev/shm" : dir.path();
  }
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class IsolationNamespaces : public ::testing::TestWithParam<Kind> {};

std::string Describe(bool alive, const std::optional<pid_t>& pid, bool foreign) {
  return std::string(alive ? "alive" : "dead") + (pid ? " pid " + std::to_string(*pid) : "") +
         (foreign ? " foreign" : "");
}
// Describes producer and consumers as the process that inspected the ring sees them.
std::string Describe(const RingInfo& info) {
  std::string text =
      "producer " + Describe(info.producer.alive, info.producer.pid, info.producer.pid_foreign);
  if (info.producer.alive_unknown) text += " unknown";
  for (const SeatInfo& seat : info.consumers)
    text += ", consumer " + Describe(seat.alive, seat.pid, seat.pid_foreign);
  return text;
}

int Produce(const std::string& directory, const Oracle& oracle, const Child::Line& line) {
  Producer producer = Must(Producer::OpenOrCreate("ring", {.capacity = 16384}, {.directory = directory}));
  line.Say("here at " + std::to_string(producer.next_sequence()));
  for (;;) {
    const std::string heard = line.Hear();
    if (heard == "look")
      line.Say(Describe(Must(SegmentManager(directory).Inspect("ring"))));
    else if (heard == "close")
      return producer.Close().ok() ? 0 : 1;
    else if (heard != "publish")
      return 2;
    else if (testing::PublishUntil(producer, oracle, producer.next_sequence() + 5000) != Sent::kOk)
      return 3;
    else
      line.Say("published");
  }
}

int Consume(const std::string& directory, const Oracle& oracle, Tally& tally, const Child::Line& line) {
  Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = directory}));
  tally.Begin(consumer);
  line.Say(Describe(Must(SegmentManager(directory).Inspect("ring"))));
  for (;;) {
    const Received got = consumer.Next(milliseconds(20));
    if (got)
      tally.Take(*got, oracle);
    else if (got.why() != Got::kTimedOut)
      return tally.Finish(consumer, got.why()), 0;
    else if (!consumer.producer().alive)
      line.Say("producer gone");
  }
}

TEST_P(IsolationNamespaces, LivenessAndPidsAreRight) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("namespaces");
  const Kind kind = GetParam();
  const ScratchDir dir;
  const std::string there = kind.DirectoryOf(dir);
  const Oracle oracle;
  struct Tallies {
    Tally reads, dies;
  };
  const SharedPage<Tallies> tallies;
  const bool pids_apart = (kind.flags & CLONE_NEWPID) != 0;
  const auto inspect = [&] { return Must(SegmentManager(dir.path()).Inspect("ring")); };

  std::optional<Apart> producer(std::in_place, kind.flags, dir.path(),
                                [&](const Child::Line& line) { return Produce(there, oracle, line); });
  ASSERT_EQ(producer->Hear(), "here at 0");
  Apart reads(kind.flags, dir.path(),
              [&](const Child::Line& line) { return Consume(there, oracle, tallies->reads, line); });
  const std::string seen_by_consumer = reads.Hear();
  std::optional<Apart> dies(std::in_place, kind.flags, dir.path(), [&](const Child::Line& line) {
    return Consume(there, oracle, tallies->dies, line);
  });
  ASSERT_NE(dies->Hear(), "");

  // Both may be process 1 in their namespaces. So a PID decides nothing, and is shown only where it is valid.
  if (pids_apart) {
    EXPECT_EQ(Describe(inspect()), "producer alive foreign, consumer alive foreign, consumer alive foreign");
    EXPECT_EQ(seen_by_consumer, "producer alive foreign, consumer alive pid 1");
    producer->Say("look");
    EXPECT_EQ(producer->Hear(), "producer alive pid 1, consumer alive foreign, consumer alive foreign");
  } else {
    EXPECT_TRUE(inspect().producer.pid.has_value());
    EXPECT_FALSE(inspect().producer.pid_foreign);
  }
  const absl::Status refused =
      Producer::Open("ring", {.take_over_timeout = Nanos::zero(), .directory = dir.path()}).status();
  EXPECT_EQ(ErrorOf(refused), Error::kProducerAlive);
  if (pids_apart) {
    EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("another PID namespace"));
  }

  producer->Say("publish");
  ASSERT_EQ(producer->Hear(), "published");
  EXPECT_EQ(dies->KillAndWait(), 128 + SIGKILL);
  ASSERT_EQ(inspect().consumers.size(), 2u);
  EXPECT_TRUE(inspect().consumers[0].alive);
  EXPECT_FALSE(inspect().consumers[1].alive);
  producer->Say("publish");  // the dead consumer's seat does not hold the producer back
  ASSERT_EQ(producer->Hear(), "published");

  EXPECT_EQ(producer->KillAndWait(), 128 + SIGKILL);
  EXPECT_EQ(reads.Hear(), "producer gone");
  EXPECT_FALSE(inspect().producer.alive);
  producer.emplace(kind.flags, dir.path(),
                   [&](const Child::Line& line) { return Produce(there, oracle, line); });
  EXPECT_EQ(producer->Hear(), "here at 10000");
  producer->Say("publish");
  ASSERT_EQ(producer->Hear(), "published");
  producer->Say("close");
  EXPECT_EQ(producer->Wait(), 0);
  EXPECT_EQ(reads.Wait(), 0);
  EXPECT_EQ(tallies->reads.end, Got::kClosed);
  EXPECT_EQ(tallies->reads.lost, 0u);
  tallies->reads.ExpectConserved(15'000, 0);
  EXPECT_TRUE(SegmentManager(dir.path()).Unlink("ring").ok());
  EXPECT_TRUE(dir.Entries().empty());
}

INSTANTIATE_TEST_SUITE_P(
    , IsolationNamespaces,
    ::testing::Values(Kind{"none", 0}, Kind{"pid", CLONE_NEWPID}, Kind{"mount", CLONE_NEWNS},
                      Kind{"pid_mount", CLONE_NEWPID | CLONE_NEWNS},
                      Kind{"pid_mount_user", CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUSER},
                      Kind{"pid_mount_ipc_net_uts",
                           CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS},
                      Kind{"all_but_time", CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWIPC |
                                               CLONE_NEWNET | CLONE_NEWUTS},
                      Kind{"time", CLONE_NEWTIME},
                      Kind{"pid_mount_time", CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWTIME}),
    [](const auto& instance) { return std::string(instance.param.name); });

int64_t MonotonicSeconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

// The clocks of two processes differ by a day. Each waits by its own clock.
TEST(IsolationTimeNamespace, WaitsEndOnTime) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("time namespace");
  const ScratchDir dir;
  const int64_t here = MonotonicSeconds();
  Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}));
  Apart ahead(CLONE_NEWTIME, dir.path(), [&](const Child::Line& line) {
    if (MonotonicSeconds() - here < 86'000) return 1;
    using Clock = std::chrono::steady_clock;
    Consumer consumer =
        Must(Consumer::Open("ring", Delivery::Lossless(), {.wait = Wait::kPark, .directory = dir.path()}));
    const auto start = Clock::now();
    if (consumer.Next(milliseconds(150)).why() != Got::kTimedOut) return 2;
    if (Clock::now() - start < milliseconds(150)) return 3;
    line.Say("timed out");
    for (int i = 0; i < 200; ++i) {  // each message finds the other process asleep, and wakes it
      if (!consumer.Next()) return 4;
      line.Say("read");
    }
    if (consumer.stats().late_wakeups != 0) return 5;
    line.Say("holding back");
    return line.Hear() == "end" ? 0 : 6;
  });
  ASSERT_EQ(ahead.Hear(), "timed out");
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(producer.TryPublish("wake up"), Sent::kOk);
    ASSERT_EQ(ahead.Hear(), "read");
  }
  ASSERT_EQ(ahead.Hear(), "holding back");
  const auto start = std::chrono::steady_clock::now();
  Sent sent = Sent::kOk;
  while ((sent = producer.Publish(std::string(100, 'x'), milliseconds(100))) == Sent::kOk) {
  }
  EXPECT_EQ(sent, Sent::kTimedOut);
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(100));
  EXPECT_EQ(producer.stats().evictions, 0u);
  ahead.Say("end");
  EXPECT_EQ(ahead.Wait(), 0);
}

}  // namespace
}  // namespace millrace
