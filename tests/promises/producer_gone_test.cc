// SPDX-License-Identifier: Apache-2.0
// Promise: a consumer that requests it learns that the producer is gone: after the last message, once, and
// never while the producer lives.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::QueueWords;
using testing::ScratchName;
using testing::Watchdog;

const ConsumerOptions kReport{.report_producer_gone = true};

// Publishes `text` and waits until the parent ends it.
int PublishOne(const std::string& name, const char* text, const Child::Line& line) {
  Producer producer = Must(Producer::OpenOrCreate(name));
  if (producer.Publish(text) != Sent::kOk) return 1;
  line.Say("published");
  (void)line.Hear();
  return 0;
}

TEST(PromiseProducerGone, IsReturnedAfterTheLastMessageOnceForEachProducer) {
  const Watchdog watchdog("successors");
  for (const Wait wait : {Wait::kPark, Wait::kSpin, Wait::kAdaptive}) {
    const ScratchName name;
    Must(SegmentManager().Create(name, {}));
    ConsumerOptions options = kReport;
    options.wait = wait;
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), options));
    EXPECT_EQ(consumer.Next(milliseconds(100)).why(), Got::kTimedOut) << "there was no producer yet";
    for (const char* text : {"first", "second"}) {
      Child producer([&](const Child::Line& line) { return PublishOne(name, text, line); });
      ASSERT_EQ(producer.Hear(), "published");
      std::thread killer([&] {
        if (wait != Wait::kSpin) QueueWords(name.path()).AwaitSleeper();
        producer.Kill();
      });
      const Received message = consumer.Next();
      ASSERT_TRUE(message) << ToString(message.why());
      EXPECT_EQ(message->text(), text);
      EXPECT_EQ(consumer.Next().why(), Got::kProducerGone);
      EXPECT_EQ(ErrorOf(consumer.status()), Error::kProducerGone);
      killer.join();
      EXPECT_EQ(consumer.Next(milliseconds(100)).why(), Got::kTimedOut) << "once";
      EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
    }
  }
}

TEST(PromiseProducerGone, IsNotReturnedForAStoppedProducer) {
  const Watchdog watchdog("stopped");
  const ScratchName name;
  Child producer([&](const Child::Line& line) { return PublishOne(name, "m", line); });
  ASSERT_EQ(producer.Hear(), "published");
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), kReport));
  producer.Kill(SIGSTOP);
  EXPECT_EQ(consumer.Next(milliseconds(300)).why(), Got::kTimedOut);
  producer.Kill();
  EXPECT_EQ(consumer.Next().why(), Got::kProducerGone);
}

TEST(PromiseProducerGone, IsReturnedIfTheProducerWasGoneBeforeTheConsumerOpened) {
  const ScratchName name;
  { EXPECT_EQ(Must(Producer::Create(name)).Publish("left behind"), Sent::kOk); }
  Consumer consumer = Must(
      Consumer::Open(name, Delivery::Observer(), {.start = Start::Oldest(), .report_producer_gone = true}));
  EXPECT_EQ(consumer.TryNext()->text(), "left behind");
  EXPECT_EQ(consumer.TryNext().why(), Got::kProducerGone);
}

TEST(PromiseProducerGone, IsReturnedOnlyIfAskedFor) {
  const ScratchName name;
  { (void)Must(Producer::Create(name)); }
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
  EXPECT_EQ(consumer.Next(milliseconds(100)).why(), Got::kTimedOut);
}

// Stores the flag of a producer whose lock a reader holds: no lock on .ring shows its life.
void MarkAliveUnknown(const ScratchName& name) {
  const QueueWords words(name.path());
  std::atomic_ref(words.control().room.flags).fetch_or(internal::kFlagAliveUnknown);
}

// Bug: where the lock on .ring did not show whether the producer lives, the consumer did not look at .lock.
TEST(PromiseProducerGone, IsReturnedWhereOnlyTheLockFileShowsIt) {
  const Watchdog watchdog("by .lock");
  for (const bool by_event : {false, true}) {
    const ScratchName name;
    Child producer([&](const Child::Line& line) { return PublishOne(name, "m", line); });
    ASSERT_EQ(producer.Hear(), "published");
    MarkAliveUnknown(name);
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), kReport));
    EXPECT_EQ(consumer.Next(milliseconds(100)).why(), Got::kTimedOut) << "it lives";
    pollfd readable{by_event ? Must(consumer.EventFd()) : -1, POLLIN, 0};
    EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
    producer.Kill();
    if (by_event) {
      EXPECT_EQ(poll(&readable, 1, -1), 1);
      EXPECT_EQ(consumer.TryNext().why(), Got::kProducerGone);
    } else {
      EXPECT_EQ(consumer.Next().why(), Got::kProducerGone);
    }
  }
}

// A process that can read the ring can deny the producer the lock on .ring. Without a .lock of the ring's owner,
// no consumer can know whether the producer lives.
TEST(PromiseProducerGone, IsNotReturnedWhereLivenessIsUnknown) {
  const ScratchName name;
  { (void)Must(Producer::Create(name)); }
  MarkAliveUnknown(name);
  ASSERT_EQ(unlink((name.path() + ".lock").c_str()), 0);
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), kReport));
  EXPECT_EQ(consumer.Next(milliseconds(100)).why(), Got::kTimedOut);
}

TEST(PromiseProducerGone, ASetContinuesWithTheNextProducerWhenTheRingIsAddedAgain) {
  const Watchdog watchdog("added again");
  const ScratchName name;
  std::optional<Producer> producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), kReport));
  WaitSet set;
  std::string said;
  const WaitSet::Handler handler = [&](const Received& got) {
    said += got ? std::string(got->text()) : ToString(got.why());
    said += ' ';
  };
  Must(set.Add(consumer, handler));
  producer.reset();
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(set.size(), 0u);
  Must(set.Add(consumer, handler));
  EXPECT_EQ(set.Wait(milliseconds(100)).why, Got::kTimedOut);
  producer = Must(Producer::Open(name));
  ASSERT_EQ(producer->TryPublish("next"), Sent::kOk);
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(said, "kProducerGone next ");
}

// A consumer finds no message, then checks the producer. A message published between
// these two steps must be returned first.
TEST(PromiseProducerGone, NeverOvertakesAMessage) {
  const Watchdog watchdog("last messages");
  for (int round = 0; round < 30; ++round) {
    const ScratchName name;
    Child producer([&](const Child::Line& line) {
      Producer p = Must(Producer::Create(name, {.capacity = 65536}));
      line.Say("created");
      (void)line.Hear();
      for (int i = 0; i < 20; ++i) {
        if (p.Publish("m") != Sent::kOk) return 1;
      }
      raise(SIGKILL);
      return 0;
    });
    ASSERT_EQ(producer.Hear(), "created");
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), kReport));
    producer.Say("go");
    uint64_t read = 0;
    while (consumer.Next()) ++read;
    EXPECT_EQ(read, 20u);
  }
}

}  // namespace
}  // namespace millrace
