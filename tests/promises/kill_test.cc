// SPDX-License-Identifier: Apache-2.0
// Promise: a death is known as soon as the kernel has ended the process. No committed
// message is missing and no uncommitted one is delivered. A successor continues, and a dead
// consumer does not hold the producer back.
#include <time.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
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
using testing::QueueWords;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;
using Clock = std::chrono::steady_clock;

double MedianMs(std::vector<double> ms) {
  std::nth_element(ms.begin(), ms.begin() + static_cast<long>(ms.size() / 2), ms.end());
  return ms[ms.size() / 2];
}
double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Log {
  std::atomic<uint64_t> begun{0}, committed{0};  // sequences, exclusive ends
  std::atomic<int> claim_open{0};
};

// The life of one producer: continues the sequence and publishes until it is killed. With `then_claim`, it
// ends with a claim open whose bytes it has filled completely.
int PublishUntilKilled(const std::string& name, const Oracle& oracle, Log& log, uint64_t expected,
                       uint64_t then_claim) {
  Producer producer = Must(Producer::OpenOrCreate(name, {.capacity = 65536}));
  if (producer.next_sequence() != expected) {
    std::fprintf(stderr, "successor begins at %llu\n",
                 static_cast<unsigned long long>(producer.next_sequence()));
    return 1;
  }
  for (;;) {
    const uint64_t sequence = producer.next_sequence();
    log.begun.store(sequence + 1);
    if (then_claim != 0 && sequence - expected == then_claim) {
      log.begun.store(sequence);
      const Claim claim = producer.WaitClaim(oracle.SizeOf(sequence));
      oracle.Fill(sequence, claim.bytes());
      log.claim_open.store(1);
      for (;;) pause();
    }
    if (testing::PublishUntil(producer, oracle, sequence + 1) != Sent::kOk) return 2;
    log.committed.store(sequence + 1);
  }
}

TEST(PromiseKill, AProducersDeathIsReportedAndLosesNothing) {
  const Watchdog watchdog("killed producers");
  constexpr int kKills = 100;
  const ScratchName name;
  const Oracle oracle;
  const SharedPage<Log> log;
  Must(SegmentManager().Create(name, {.capacity = 65536}));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  Tally tally;
  tally.Begin(consumer);
  std::vector<double> told_ms;
  uint64_t with_claim = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    const uint64_t random = testing::Mix(static_cast<uint64_t>(kill));
    const uint64_t then_claim = kill % 2 == 0 ? 0 : 1 + random % 500;
    log->claim_open = 0;
    Child producer(
        [&](const Child::Line&) { return PublishUntilKilled(name, oracle, *log, tally.next, then_claim); });
    if (then_claim != 0) {
      // Keeps reading, so that the producer is not held back, until the producer has its claim.
      while (log->claim_open.load() == 0) {
        if (const Received got = consumer.Next(milliseconds(1))) tally.Take(*got, oracle);
      }
      ++with_claim;
    } else {
      for (uint64_t i = 0; i < 1 + random % 2000; ++i) {
        const Received got = consumer.Next();
        ASSERT_TRUE(got);
        tally.Take(*got, oracle);
      }
    }
    producer.Kill();
    const auto killed = Clock::now();
    for (;;) {  // waits in slices and checks in between, like a real program
      const Received got = consumer.Next(milliseconds(20));
      if (got) {
        tally.Take(*got, oracle);
        continue;
      }
      ASSERT_EQ(got.why(), Got::kTimedOut);
      if (!consumer.producer().alive) break;
    }
    told_ms.push_back(MsSince(killed));
    ASSERT_FALSE(consumer.producer().closed);
    (void)tally.Drain(consumer, oracle);
    ASSERT_EQ(producer.Wait(), 128 + SIGKILL);
    ASSERT_GE(tally.next, log->committed.load()) << "committed messages are missing";
    ASSERT_LE(tally.next, log->begun.load()) << "an uncommitted message was delivered";
  }
  tally.Finish(consumer);
  EXPECT_EQ(tally.lost, 0u);
  tally.ExpectConserved(Must(SegmentManager().Inspect(name)).next_sequence, 0);
  EXPECT_LT(MedianMs(told_ms), 100.0);
  std::printf("%d kills (%llu with a claim open), %llu messages, death told after %.1f ms (median)\n", kKills,
              static_cast<unsigned long long>(with_claim), static_cast<unsigned long long>(tally.received),
              MedianMs(told_ms));
  ASSERT_GT(tally.received, 0u);
}

TEST(PromiseKill, ADeadLosslessConsumerDoesNotBlockTheProducer) {
  const Watchdog watchdog("killed consumers");
  constexpr int kKills = 50;
  const ScratchName name;
  const Oracle oracle;
  Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
  const QueueWords words(name.path());
  std::vector<double> free_ms;
  for (int kill = 0; kill < kKills; ++kill) {
    Child holder([&](const Child::Line& line) {
      Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
      line.Say("joined");
      const Received lent = consumer.Next();  // dies while it holds a lent payload
      return lent && line.Hear() == "end" ? 0 : 1;
    });
    ASSERT_EQ(holder.Hear(), "joined");
    ASSERT_EQ(testing::PublishWithoutWaiting(producer, oracle, producer.next_sequence() + 5000), Sent::kFull);
    Clock::time_point killed;
    std::thread killer([&] {
      words.AwaitBlockedProducer();
      killed = Clock::now();
      holder.Kill();
    });
    const uint64_t sequence = producer.next_sequence();
    ASSERT_EQ(testing::PublishUntil(producer, oracle, sequence + 1), Sent::kOk);
    const double ms = MsSince(killed);
    killer.join();
    free_ms.push_back(ms);
    EXPECT_EQ(holder.Wait(), 128 + SIGKILL);
    ASSERT_EQ(testing::PublishUntil(producer, oracle, sequence + 2000), Sent::kOk)
        << "its seat still holds back";
  }
  for (const SeatInfo& seat : Must(SegmentManager().Inspect(name)).consumers) EXPECT_FALSE(seat.alive);
  EXPECT_LT(MedianMs(free_ms), 100.0);
  std::printf("%d kills, the producer goes on after %.2f ms (median)\n", kKills, MedianMs(free_ms));
}

// Seats are reused: hundreds of consumers can die with one seat.
TEST(PromiseKill, SeatsOfDeadConsumersAreReused) {
  const Watchdog watchdog("seats of the dead");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096, .seats = 1}));
  uint32_t generation = 0;
  for (int i = 0; i < 100; ++i) {
    Child consumer([&](const Child::Line& line) {
      const Consumer c = Must(Consumer::Open(name, i % 2 == 0 ? Delivery::Lossless() : Delivery::Lossy()));
      line.Say("joined");
      return line.Hear() == "end" ? 0 : 1;
    });
    ASSERT_EQ(consumer.Hear(), "joined");
    const RingInfo info = Must(SegmentManager().Inspect(name));
    ASSERT_EQ(info.consumers.size(), 1u);
    EXPECT_GT(info.consumers[0].generation, generation) << "a new holder has a new generation";
    generation = info.consumers[0].generation;
    consumer.Kill();
    consumer.Wait();
  }
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(producer.TryPublish("the last one's seat is free too"), Sent::kOk);
}

}  // namespace
}  // namespace millrace
