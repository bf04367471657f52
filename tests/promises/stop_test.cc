// SPDX-License-Identifier: Apache-2.0
// Promise: a stopped process counts as alive. No time-out ever decides otherwise.
#include <sys/wait.h>

#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
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
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

void Stop(const Child& child) {
  child.Kill(SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(child.pid(), &status, WUNTRACED), child.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
}

TEST(PromiseStopped, AProducerIsAliveAndCannotBeReplaced) {
  const Watchdog watchdog("stopped producer");
  const ScratchName name;
  const Oracle oracle;
  Child producer([&](const Child::Line& line) {
    Producer p = Must(Producer::Create(name));
    if (testing::PublishUntil(p, oracle, 10) != Sent::kOk) return 1;
    line.Say("published");
    (void)line.Hear();
    if (testing::PublishUntil(p, oracle, 20) != Sent::kOk) return 2;
    return p.Close().ok() ? 0 : 3;
  });
  ASSERT_EQ(producer.Hear(), "published");
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.start = Start::Oldest()}));
  Tally tally;
  tally.Begin(consumer);
  ASSERT_NO_FATAL_FAILURE(Stop(producer));
  EXPECT_EQ(tally.Drain(consumer, oracle), Got::kEmpty);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(consumer.Next(milliseconds(60)).why(), Got::kTimedOut);
    EXPECT_TRUE(consumer.producer().alive);
    EXPECT_FALSE(consumer.producer().alive_unknown);
    EXPECT_EQ(ErrorOf(Producer::Open(name, {.take_over_timeout = milliseconds(60)}).status()),
              Error::kProducerAlive);
  }
  EXPECT_EQ(ErrorOf(SegmentManager().Unlink(name)), Error::kInUse);
  producer.Say("go on");
  producer.Kill(SIGCONT);
  tally.ReadUntilEnd(consumer, oracle);
  EXPECT_EQ(tally.end, Got::kClosed);
  tally.ExpectConserved(20, 0);
  EXPECT_EQ(producer.Wait(), 0);
}

TEST(PromiseStopped, AConsumerKeepsItsSeatAndLosesNothing) {
  const Watchdog watchdog("stopped consumer");
  const ScratchName name;
  const Oracle oracle;
  const SharedPage<Tally> tally;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096, .seats = 1}));
  Child consumer([&](const Child::Line& line) {
    Consumer c = Must(Consumer::Open(name, Delivery::Lossless()));
    tally->Begin(c);
    line.Say("joined");
    tally->ReadUntilEnd(c, oracle);
    return 0;
  });
  ASSERT_EQ(consumer.Hear(), "joined");
  for (int round = 0; round < 20; ++round) {
    ASSERT_NO_FATAL_FAILURE(Stop(consumer));
    const uint64_t before = producer.next_sequence();
    EXPECT_EQ(testing::PublishUntil(producer, oracle, before + 1000, milliseconds(20)), Sent::kTimedOut);
    const RingInfo info = Must(SegmentManager().Inspect(name));
    ASSERT_EQ(info.consumers.size(), 1u);
    EXPECT_TRUE(info.consumers[0].alive);
    EXPECT_FALSE(info.consumers[0].evicted);
    EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Lossy()).status()), Error::kNoSeat);
    EXPECT_EQ(ErrorOf(SegmentManager().Unlink(name)), Error::kInUse);
    consumer.Kill(SIGCONT);
    ASSERT_EQ(testing::PublishUntil(producer, oracle, before + 1000), Sent::kOk);
  }
  ASSERT_TRUE(producer.Close().ok());
  EXPECT_EQ(consumer.Wait(), 0);
  EXPECT_EQ(tally->end, Got::kClosed);
  EXPECT_EQ(tally->lost, 0u);
  tally->ExpectConserved(20'000, 0);
}

}  // namespace
}  // namespace millrace
