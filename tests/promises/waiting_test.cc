// SPDX-License-Identifier: Apache-2.0
// Promise: consumers are woken in every wait mode, and a signal alone never ends a wait.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

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

// Sends messages there and back through two rings. Every message finds the other side waiting.
void PingPong(Wait wait, int rounds) {
  const Watchdog watchdog("ping-pong");
  const ScratchName there, back;
  const Oracle oracle;
  Producer out = Must(Producer::Create(there));
  const SharedPage<Tally> tally;
  Child echo([&](const Child::Line& line) {
    Producer producer = Must(Producer::Create(back));
    Consumer consumer = Must(Consumer::Open(there, Delivery::Lossless(), {.wait = wait}));
    tally->Begin(consumer);
    line.Say("ready");
    Received got = consumer.Next();
    for (; got; got = consumer.Next()) {
      tally->Take(*got, oracle);
      if (producer.Publish(got->payload) != Sent::kOk) return 1;
    }
    tally->Finish(consumer, got.why());
    return 0;
  });
  ASSERT_EQ(echo.Hear(), "ready");
  Consumer in = Must(Consumer::Open(back, Delivery::Lossy(), {.wait = wait}));
  Tally mine;
  mine.Begin(in);
  for (int i = 0; i < rounds; ++i) {
    ASSERT_EQ(testing::PublishUntil(out, oracle, static_cast<uint64_t>(i) + 1), Sent::kOk);
    const Received got = in.Next();
    ASSERT_TRUE(got) << ToString(got.why());
    mine.Take(*got, oracle);
  }
  mine.Finish(in);
  mine.ExpectConserved(static_cast<uint64_t>(rounds), 0);
  ASSERT_TRUE(out.Close().ok());
  EXPECT_EQ(echo.Wait(), 0);
  EXPECT_EQ(tally->end, Got::kClosed);
  tally->ExpectConserved(static_cast<uint64_t>(rounds), 0);
}
TEST(PromiseWait, AdaptivePingPong) { PingPong(Wait::kAdaptive, 5000); }
TEST(PromiseWait, ParkPingPong) { PingPong(Wait::kPark, 5000); }
TEST(PromiseWait, SpinPingPong) { PingPong(Wait::kSpin, 100); }  // two spinners may share one CPU

TEST(PromiseWait, TimeOutsAreKept) {
  const Watchdog watchdog("time-out");
  const ScratchName name;
  const Producer producer = Must(Producer::Create(name));
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
    for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark}) {
      Consumer consumer = Must(Consumer::Open(name, delivery, {.wait = wait}));
      EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
      EXPECT_EQ(consumer.Next(Nanos::zero()).why(), Got::kTimedOut);
      EXPECT_EQ(consumer.Next(Nanos(-1)).why(), Got::kTimedOut);
      EXPECT_EQ(consumer.Next(Nanos::min()).why(), Got::kTimedOut);
      const auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(consumer.Next(milliseconds(70)).why(), Got::kTimedOut);
      EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(70));
      EXPECT_TRUE(consumer.status().ok());
    }
  }
}

// `deadline - now` is negative if the deadline has just passed. Passes such a value to every call that takes
// a time to wait.
TEST(PromiseWait, ADeadlineThatHasPassedDoesNotWait) {
  const Watchdog watchdog("passed deadline");
  const ScratchName name, nothing;
  const auto rest =
      std::chrono::steady_clock::now() - std::chrono::microseconds(5) - std::chrono::steady_clock::now();
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  EXPECT_EQ(ErrorOf(Producer::Open(name, {.take_over_timeout = rest}).status()), Error::kProducerAlive);
  EXPECT_EQ(ErrorOf(Consumer::Open(nothing, Delivery::Lossy(), {.open_timeout = rest}).status()),
            Error::kNotFound);
  EXPECT_FALSE(producer.WaitForConsumers(1, rest));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  EXPECT_TRUE(producer.WaitForConsumers(1, rest));
  EXPECT_EQ(producer.Publish("there is room", rest), Sent::kOk);
  EXPECT_EQ(producer.WaitClaim(8, rest).why(), Sent::kOk);
  MessageBatch batch = producer.Batch();
  EXPECT_EQ(batch.Add("there is room", rest), Sent::kOk);
  EXPECT_EQ(batch.Commit(), Sent::kOk);
  EXPECT_TRUE(consumer.Next(rest)) << "it was there";
  while (producer.TryPublish("until it is full") == Sent::kOk) {
  }
  EXPECT_EQ(producer.Publish("no room", rest), Sent::kTimedOut);
}

TEST(PromiseWait, AnObserverFindsNewMessagesWithoutBeingWoken) {
  const Watchdog watchdog("observer");
  const ScratchName name;
  const Oracle oracle;
  Producer producer = Must(Producer::Create(name));
  const SharedPage<Tally> tally;
  Child looker([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Observer(), {.wait = Wait::kPark}));
    tally->Begin(consumer);
    for (int i = 0; i < 10; ++i) {
      line.Say("next");
      const Received got = consumer.Next();
      if (!got) return 1;
      tally->Take(*got, oracle);
    }
    tally->Finish(consumer);
    return 0;
  });
  for (uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(looker.Hear(), "next");
    ASSERT_EQ(testing::PublishUntil(producer, oracle, i + 1), Sent::kOk);
  }
  EXPECT_EQ(looker.Wait(), 0);
  EXPECT_EQ(producer.stats().wakes, 0u) << "nobody announced that it sleeps";
  tally->ExpectConserved(10, 0);
}

struct SignalLog {
  std::atomic<int> handled{0}, returned{0};
};
SignalLog* signal_log = nullptr;

// Sends signals to a waiting process, each after the previous one was handled. The wait must continue.
void HitWithSignals(const Child& child, SignalLog& log, int signals) {
  for (int i = 1; i <= signals; ++i) {
    child.Kill(SIGUSR1);
    while (log.handled.load() < i) sched_yield();
  }
}

void InstallCounter(int flags) {
  struct sigaction action {};
  action.sa_handler = [](int) { signal_log->handled.fetch_add(1); };
  action.sa_flags = flags;
  sigaction(SIGUSR1, &action, nullptr);
}

void SignalsDuringNext(Delivery delivery, Wait wait, int flags) {
  const Watchdog watchdog("signals during Next");
  const ScratchName name;
  const SharedPage<SignalLog> log;
  signal_log = &*log;
  Producer producer = Must(Producer::Create(name));
  Child waiter([&](const Child::Line& line) {
    InstallCounter(flags);
    Consumer consumer = Must(Consumer::Open(name, delivery, {.wait = wait}));
    line.Say("waiting");
    const Received got = consumer.Next();
    log->returned.store(1);
    return got && got->text() == "at last" ? 0 : 1;
  });
  ASSERT_EQ(waiter.Hear(), "waiting");
  const bool announces = wait != Wait::kSpin && delivery.kind() != Delivery::Kind::kObserver;
  if (announces) QueueWords(name.path()).AwaitSleeper();
  HitWithSignals(waiter, *log, wait == Wait::kSpin ? 30 : 300);  // a spinner may share our CPU
  EXPECT_EQ(log->returned.load(), 0) << "a signal ended the wait";
  ASSERT_EQ(producer.TryPublish("at last"), Sent::kOk);
  EXPECT_EQ(waiter.Wait(), 0);
}
void SignalsDuringEveryNext(int flags) {
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
    for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark})
      SignalsDuringNext(delivery, wait, flags);
  }
}
TEST(PromiseSignals, WithoutRestartDoNotEndAWait) { SignalsDuringEveryNext(0); }
TEST(PromiseSignals, WithRestartDoNotEndAWait) { SignalsDuringEveryNext(SA_RESTART); }

TEST(PromiseSignals, DoNotEndAProducersWaitForRoom) {
  for (const int flags : {0, SA_RESTART}) {
    const Watchdog watchdog("signals during Publish");
    const ScratchName name;
    const Oracle oracle;
    const SharedPage<SignalLog> log;
    signal_log = &*log;
    Child publisher([&](const Child::Line& line) {
      InstallCounter(flags);
      Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
      line.Say("created");
      (void)line.Hear();
      if (testing::PublishUntil(producer, oracle, 500) != Sent::kOk) return 1;
      log->returned.store(1);
      return producer.Close().ok() ? 0 : 2;
    });
    ASSERT_EQ(publisher.Hear(), "created");
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    Tally tally;
    tally.Begin(consumer);
    publisher.Say("publish");
    QueueWords(name.path()).AwaitBlockedProducer();
    HitWithSignals(publisher, *log, 300);
    EXPECT_EQ(log->returned.load(), 0);
    tally.ReadUntilEnd(consumer, oracle);
    EXPECT_EQ(tally.end, Got::kClosed);
    tally.ExpectConserved(500, 0);
    EXPECT_EQ(publisher.Wait(), 0);
  }
}

// Sends signals to a process in `wait`, which must continue until `end` gives it its reason.
void SignalsDuring(int flags, const std::function<bool()>& wait, const std::function<void()>& end) {
  const SharedPage<SignalLog> log;
  signal_log = &*log;
  Child waiter([&](const Child::Line& line) {
    InstallCounter(flags);
    line.Say("waiting");
    const bool good = wait();
    log->returned.store(1);
    return good ? 0 : 1;
  });
  ASSERT_EQ(waiter.Hear(), "waiting");
  HitWithSignals(waiter, *log, 300);
  EXPECT_EQ(log->returned.load(), 0) << "a signal ended the wait";
  end();
  EXPECT_EQ(waiter.Wait(), 0);
}

TEST(PromiseSignals, DoNotEndTheWaitForARing) {
  for (const int flags : {0, SA_RESTART}) {
    const Watchdog watchdog("signals during Open");
    const ScratchName name;
    SignalsDuring(
        flags, [&] { return Consumer::Open(name, Delivery::Lossless(), {.open_timeout = kForever}).ok(); },
        [&] { Must(SegmentManager().Create(name, {})); });
  }
}

TEST(PromiseSignals, DoNotEndTheWaitForConsumers) {
  for (const int flags : {0, SA_RESTART}) {
    const Watchdog watchdog("signals during WaitForConsumers");
    const ScratchName name;
    Must(SegmentManager().Create(name, {}));
    std::optional<Consumer> consumer;
    SignalsDuring(
        flags, [&] { return Must(Producer::Open(name)).WaitForConsumers(1); },
        [&] { consumer = Must(Consumer::Open(name, Delivery::Lossless())); });
  }
}

TEST(PromiseSignals, DoNotEndTheWaitForAPredecessor) {
  for (const int flags : {0, SA_RESTART}) {
    const Watchdog watchdog("signals during take-over");
    const ScratchName name;
    std::optional<Producer> predecessor = Must(Producer::Create(name));
    SignalsDuring(
        flags, [&] { return Producer::Open(name, {.take_over_timeout = std::chrono::seconds(50)}).ok(); },
        [&] { predecessor.reset(); });
  }
}

TEST(PromiseInterrupt, FromAnotherThreadEndsNextAndLastsUntilTheNextOpen) {
  for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark}) {
    for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Observer()}) {
      const Watchdog watchdog("interrupt");
      const ScratchName name;
      Producer producer = Must(Producer::Create(name));
      Child waiter([&](const Child::Line&) {
        Consumer consumer = Must(Consumer::Open(name, delivery, {.wait = wait}));
        const QueueWords words(name.path());
        std::thread other([&] {
          if (wait != Wait::kSpin && delivery.kind() == Delivery::Kind::kLossless) words.AwaitSleeper();
          consumer.Interrupt();
        });
        if (consumer.Next().why() != Got::kInterrupted) return 1;
        other.join();
        if (consumer.Next().why() != Got::kInterrupted) return 2;
        if (consumer.TryNext().why() != Got::kEmpty) return 3;
        consumer = Must(Consumer::Open(name, delivery, {.wait = wait}));
        return consumer.Next(milliseconds(1)).why() == Got::kTimedOut ? 0 : 4;
      });
      EXPECT_EQ(waiter.Wait(), 0);
    }
  }
}

// Interrupts at every moment between the look at the flag and the sleep. A lost interrupt
// is noticed only at the bound of the sleep, a second later. One may be that late
// (the machine is busy), one in ten may not.
TEST(PromiseInterrupt, IsNotLeftToTheEndOfTheSleep) {
  const Watchdog watchdog("interrupt at any time");
  const ScratchName name;
  const Producer producer = Must(Producer::Create(name));
  constexpr uint64_t kRounds = 200;
  for (const bool in_a_set : {false, true}) {
    uint64_t late = 0;
    for (uint64_t n = 0; n < kRounds && late <= kRounds / 10; ++n) {
      Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.wait = Wait::kPark}));
      WaitSet set;
      Got why = Got::kEmpty;
      if (in_a_set) Must(set.Add(consumer, [&](const Received& received) { why = received.why(); }));
      std::atomic<bool> begun{false};
      std::chrono::steady_clock::time_point start;
      std::thread other([&] {
        while (!begun.load()) {
        }
        for (uint64_t gap = testing::Mix(n) % 300; gap > 0; --gap) internal::CpuPause();
        start = std::chrono::steady_clock::now();
        consumer.Interrupt();
      });
      begun.store(true);
      if (in_a_set)
        (void)set.Wait();
      else
        why = consumer.Next().why();
      const auto end = std::chrono::steady_clock::now();
      other.join();
      EXPECT_EQ(why, Got::kInterrupted);
      late += end - start > milliseconds(200);
    }
    EXPECT_LE(late, kRounds / 10) << (in_a_set ? "in a set" : "alone");
  }
}

Consumer* to_interrupt = nullptr;

TEST(PromiseInterrupt, FromASignalHandlerEndsNext) {
  for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark}) {
    const Watchdog watchdog("interrupt from a handler");
    const ScratchName name;
    Producer producer = Must(Producer::Create(name));
    Child waiter([&](const Child::Line& line) {
      Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless(), {.wait = wait}));
      to_interrupt = &consumer;
      struct sigaction action {};
      action.sa_handler = [](int) { to_interrupt->Interrupt(); };
      action.sa_flags = SA_RESTART;
      sigaction(SIGTERM, &action, nullptr);
      line.Say("waiting");
      return consumer.Next().why() == Got::kInterrupted ? 0 : 1;
    });
    ASSERT_EQ(waiter.Hear(), "waiting");
    if (wait != Wait::kSpin) QueueWords(name.path()).AwaitSleeper();
    waiter.Kill(SIGTERM);
    EXPECT_EQ(waiter.Wait(), 0);
  }
}

}  // namespace
}  // namespace millrace
