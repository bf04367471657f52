// SPDX-License-Identifier: Apache-2.0
// Promise: one thread can wait on many rings like on one: every ring wakes it, all rings are served fairly,
// and every reason is reported.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
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

// Rings that this process creates, with their producers.
struct Rings {
  explicit Rings(size_t n, size_t capacity = 65536) : names(n) {
    for (const ScratchName& name : names)
      producers.push_back(Must(Producer::Create(name, {.capacity = capacity, .seats = 4})));
  }
  std::deque<ScratchName> names;
  std::vector<Producer> producers;
};

WaitSet::Handler Nothing() {
  return [](const Received&) {};
}

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// ---- fairness --------------------------------------------------------------------------------------------

TEST(PromiseWaitSet, EightRingsThatAreAlwaysReadyAreServedEqually) {
  const Watchdog watchdog("fair rotation");
  Rings rings(8);
  std::vector<Consumer> consumers;
  for (const ScratchName& name : rings.names)
    consumers.push_back(Must(Consumer::Open(name, Delivery::Lossless())));
  WaitSet set;
  std::array<int, 8> served{};
  for (size_t i = 0; i < 8; ++i) {
    ASSERT_EQ(rings.producers[i].TryPublish("m"), Sent::kOk);
    Must(set.Add(consumers[i], [&, i](const Received& got) {
      served[i] += got ? 1 : 0;
      ASSERT_EQ(rings.producers[i].TryPublish("m"), Sent::kOk);
    }));
  }
  constexpr int kCalls = 1'000'000;
  for (int call = 0; call < kCalls; ++call) ASSERT_TRUE(set.Wait());
  int all = 0;
  for (const int n : served) {
    EXPECT_GE(n, kCalls / 10);
    EXPECT_LE(n, kCalls * 15 / 100);
    all += n;
  }
  EXPECT_EQ(all, kCalls) << "one call serves one ring";
}

TEST(PromiseWaitSet, AFullRingDoesNotKeepTheOthersWaiting) {
  Rings rings(3);
  std::vector<Consumer> consumers;
  WaitSet set;
  std::string order;
  for (size_t i = 0; i < 3; ++i) {
    consumers.push_back(Must(Consumer::Open(rings.names[i], Delivery::Lossless())));
    Must(set.Add(consumers[i], [&, i](const Received&) { order.push_back(static_cast<char>('a' + i)); }));
  }
  for (int i = 0; i < 6; ++i) ASSERT_EQ(rings.producers[0].TryPublish("m"), Sent::kOk);
  ASSERT_TRUE(set.Wait());
  ASSERT_EQ(rings.producers[2].TryPublish("m"), Sent::kOk);
  ASSERT_EQ(rings.producers[1].TryPublish("m"), Sent::kOk);
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(set.Wait());
  EXPECT_EQ(order, "abcaaaaa");
  EXPECT_EQ(set.Wait(Nanos::zero()).why, Got::kTimedOut);
}

// ---- waking ----------------------------------------------------------------------------------------------

// Plays ping-pong over `n` rings. Each message finds the other side asleep on all of them, arrives on one and
// returns on another. The child runs `prepare` first.
void PingPong(
    size_t n, Wait wait, int rounds, Delivery delivery, int (*prepare)() = [] { return 0; }) {
  const Watchdog watchdog("ping-pong over many rings", 100);
  Rings rings(n, 4096);
  const ScratchName back;
  const Oracle oracle(3, 16, 40);
  Must(SegmentManager().Create(back, {}));
  Consumer in = Must(Consumer::Open(back, Delivery::Lossless(), {.wait = Wait::kPark}));
  const SharedPage<std::array<Tally, 128>> tallies;
  Child echo([&](const Child::Line& line) {
    if (const int code = prepare(); code != 0) return code;
    Producer out = Must(Producer::Open(back));
    std::vector<Consumer> consumers;
    WaitSet set;
    int failed = 0;
    for (size_t i = 0; i < n; ++i)
      consumers.push_back(Must(Consumer::Open(rings.names[i], delivery, {.wait = wait})));
    for (size_t i = 0; i < n; ++i) {
      Tally& tally = (*tallies)[i];
      tally.Begin(consumers[i]);
      Must(set.Add(consumers[i], [&, i](const Received& got) {
        if (!got) return (*tallies)[i].Finish(consumers[i], got.why());
        (*tallies)[i].Take(*got, oracle);
        failed += out.Publish("back") != Sent::kOk;
      }));
    }
    line.Say("ready");
    while (set.Wait()) {
    }
    if (set.size() != 0 || set.Wait().why != Got::kEmpty) return 2;
    return failed;
  });
  ASSERT_EQ(echo.Hear(), "ready");
  for (int i = 0; i < rounds; ++i) {
    Producer& producer = rings.producers[testing::Mix(static_cast<uint64_t>(i)) % n];
    ASSERT_EQ(testing::PublishUntil(producer, oracle, producer.next_sequence() + 1), Sent::kOk);
    const Received got = in.Next();
    ASSERT_TRUE(got) << ToString(got.why());
  }
  std::vector<uint64_t> published;
  for (Producer& producer : rings.producers) {
    published.push_back(producer.next_sequence());
    ASSERT_TRUE(producer.Close().ok());
  }
  EXPECT_EQ(echo.Wait(), 0);
  for (size_t i = 0; i < n; ++i) {
    EXPECT_EQ((*tallies)[i].end, Got::kClosed);
    (*tallies)[i].ExpectConserved(published[i], 0);
  }
}
TEST(PromiseWaitSet, IsWokenByEachOfItsRings) { PingPong(8, Wait::kPark, 5000, Delivery::Lossless()); }
TEST(PromiseWaitSet, IsWokenByEachOfItsRingsWhenAdaptive) {
  PingPong(8, Wait::kAdaptive, 5000, Delivery::Lossy());
}
TEST(PromiseWaitSet, Spins) { PingPong(3, Wait::kSpin, 100, Delivery::Lossless()); }
TEST(PromiseWaitSet, WaitsForOneRing) { PingPong(1, Wait::kPark, 2000, Delivery::Lossless()); }
TEST(PromiseWaitSet, WaitsFor127And128Rings) {
  PingPong(127, Wait::kPark, 1000, Delivery::Lossless());
  PingPong(128, Wait::kPark, 1000, Delivery::Lossless());
}
TEST(PromiseWaitSet, WaitsForMembersOfGroups) { PingPong(4, Wait::kPark, 1000, Delivery::Group("g")); }
TEST(PromiseWaitSet, WaitsForObservers) { PingPong(4, Wait::kPark, 20, Delivery::Observer()); }

int Forbid(uint32_t error) {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 449, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{4, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 70;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 71;
  return syscall(449, nullptr, 0, 0, nullptr, 0) == -1 && errno == static_cast<int>(error) ? 0 : 72;
}
TEST(PromiseWaitSet, WorksWithoutFutexWaitvOnOldKernels) {
  PingPong(8, Wait::kPark, 300, Delivery::Lossless(), [] { return Forbid(ENOSYS); });
}
TEST(PromiseWaitSet, WorksWithoutFutexWaitvUnderStrictFilters) {
  PingPong(8, Wait::kAdaptive, 300, Delivery::Lossless(), [] { return Forbid(EPERM); });
  PingPong(128, Wait::kPark, 100, Delivery::Lossless(), [] { return Forbid(EPERM); });
}

// Several producers publish at random gaps, so that the consumer is woken at every stage of falling asleep.
TEST(PromiseWaitSet, MissesNoWake) {
  const Watchdog watchdog("random gaps");
  constexpr size_t kRings = 4;
  constexpr uint64_t kMessages = 20'000;
  const std::deque<ScratchName> names(kRings);
  const Oracle oracle(5, 16, 64);
  std::vector<Consumer> consumers;
  for (const ScratchName& name : names) {
    Must(SegmentManager().Create(name, {.capacity = 4096}));
    consumers.push_back(Must(Consumer::Open(name, Delivery::Lossless(), {.wait = Wait::kPark})));
  }
  std::deque<Child> children;
  for (size_t i = 0; i < kRings; ++i) {
    children.emplace_back([&, i](const Child::Line&) {
      Producer producer = Must(Producer::Open(names[i]));
      for (uint64_t n = 1; n <= kMessages; ++n) {
        if (testing::PublishUntil(producer, oracle, n) != Sent::kOk) return 1;
        for (uint64_t gap = testing::Mix(n * kRings + i) % 2000; gap > 0; --gap) internal::CpuPause();
      }
      return producer.Close().ok() ? 0 : 2;
    });
  }
  WaitSet set;
  std::array<Tally, kRings> tallies;
  for (size_t i = 0; i < kRings; ++i) {
    tallies[i].Begin(consumers[i]);
    Must(set.Add(consumers[i], [&, i](const Received& got) {
      if (got) return tallies[i].Take(*got, oracle);
      tallies[i].Finish(consumers[i], got.why());
    }));
  }
  while (set.Wait()) {
  }
  for (const Tally& tally : tallies) {
    EXPECT_EQ(tally.end, Got::kClosed);
    tally.ExpectConserved(kMessages, 0);
  }
  for (Child& child : children) EXPECT_EQ(child.Wait(), 0);
}

TEST(PromiseWaitSet, TimeOutsAreKept) {
  const Watchdog watchdog("time-out");
  Rings rings(2);
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Observer()}) {
    for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark}) {
      Consumer a = Must(Consumer::Open(rings.names[0], delivery, {.wait = wait}));
      Consumer b = Must(Consumer::Open(rings.names[1], Delivery::Lossy(), {.wait = Wait::kPark}));
      WaitSet set;
      Must(set.Add(a, Nothing()));
      Must(set.Add(b, Nothing()));
      EXPECT_EQ(set.Wait(Nanos::zero()).why, Got::kTimedOut);
      EXPECT_EQ(set.Wait(Nanos(-1)).why, Got::kTimedOut);
      const auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(set.Wait(milliseconds(70)).why, Got::kTimedOut);
      EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(70));
    }
  }
}

// ---- consumers of the set --------------------------------------------------------------------------------

TEST(PromiseWaitSet, TakesAHundredAndTwentyEightRings) {
  Rings rings(129, 4096);
  std::vector<Consumer> consumers;
  for (const ScratchName& name : rings.names)
    consumers.push_back(Must(Consumer::Open(name, Delivery::Lossy())));
  WaitSet set;
  EXPECT_EQ(set.Wait().why, Got::kEmpty) << "a set without rings would wait for ever";
  for (size_t i = 0; i < 128; ++i) Must(set.Add(consumers[i], Nothing()));
  const absl::Status refused = set.Add(consumers[128], Nothing());
  EXPECT_EQ(ErrorOf(refused), Error::kBadArgument);
  EXPECT_NE(refused.message().find("128"), std::string::npos) << refused;
  EXPECT_EQ(set.size(), 128u);
  Must(set.Remove(consumers[5]));
  Must(set.Add(consumers[128], Nothing()));
  ASSERT_EQ(rings.producers[128].TryPublish("m"), Sent::kOk);
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(consumers[128].next_sequence(), 1u);
}

TEST(PromiseWaitSet, AConsumerIsInOneSetAndLeavesItWhenItEnds) {
  Rings rings(2);
  std::optional<Consumer> a = Must(Consumer::Open(rings.names[0], Delivery::Lossless()));
  Consumer b = Must(Consumer::Open(rings.names[1], Delivery::Lossless()));
  std::optional<WaitSet> set(std::in_place);
  WaitSet other;
  int from_a = 0;
  EXPECT_EQ(ErrorOf(set->Remove(*a)), Error::kNotFound);
  EXPECT_EQ(ErrorOf(set->Add(*a, {})), Error::kBadArgument);
  Must(set->Add(*a, [&](const Received&) { ++from_a; }));
  Must(set->Add(b, Nothing()));
  EXPECT_EQ(ErrorOf(set->Add(*a, Nothing())), Error::kInUse);
  EXPECT_EQ(ErrorOf(other.Add(*a, Nothing())), Error::kInUse);
  EXPECT_EQ(ErrorOf(other.Remove(*a)), Error::kNotFound);

  Consumer moved(*std::move(a));  // handles can be moved
  WaitSet moved_set(*std::move(set));
  set.reset();
  a.reset();
  ASSERT_EQ(rings.producers[0].TryPublish("m"), Sent::kOk);
  EXPECT_TRUE(moved_set.Wait());
  EXPECT_EQ(from_a, 1);
  EXPECT_EQ(moved_set.size(), 2u);

  moved = Must(Consumer::Open(rings.names[0], Delivery::Lossless()));  // ends the previous consumer
  EXPECT_EQ(moved_set.size(), 1u);
  EXPECT_EQ(ErrorOf(moved_set.Remove(moved)), Error::kNotFound);
  { const Consumer gone(std::move(b)); }
  EXPECT_EQ(moved_set.size(), 0u);

  {
    WaitSet short_lived;
    Must(short_lived.Add(moved, Nothing()));
  }
  Must(other.Add(moved, Nothing()));  // this set ends before its consumer
  EXPECT_EQ(other.size(), 1u);
}

TEST(PromiseWaitSet, HandlersCanAddAndRemoveRings) {
  const Watchdog watchdog("inside handlers");
  Rings rings(4);
  std::vector<std::optional<Consumer>> consumers;
  for (const ScratchName& name : rings.names)
    consumers.emplace_back(Must(Consumer::Open(name, Delivery::Lossless())));
  WaitSet set;
  std::string log;
  Must(set.Add(*consumers[0], [&](const Received&) {
    log += "0 adds 1;";
    Must(set.Add(*consumers[1], [&](const Received&) {
      log += "1 removes itself and 0;";
      Must(set.Remove(*consumers[1]));
      Must(set.Remove(*consumers[0]));
      Must(set.Add(*consumers[2], [&](const Received& got) {
        const std::string text(got->text());
        // The handler ends its own consumer. The handler object lives until it returns.
        consumers[2].reset();
        Must(set.Add(*consumers[3], [&](const Received& last) { log += last->text(); }));
        log += text + " ends 2;";
      }));
    }));
  }));
  ASSERT_EQ(rings.producers[0].TryPublish("m"), Sent::kOk);
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(set.size(), 2u);
  EXPECT_EQ(set.Wait(Nanos::zero()).why, Got::kTimedOut) << "ring 1 was added empty";
  ASSERT_EQ(rings.producers[1].TryPublish("m"), Sent::kOk);
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(set.size(), 1u);
  ASSERT_EQ(rings.producers[0].TryPublish("m"), Sent::kOk);
  ASSERT_EQ(rings.producers[1].TryPublish("m"), Sent::kOk);
  EXPECT_EQ(set.Wait(milliseconds(1)).why, Got::kTimedOut) << "removed rings are not read";
  ASSERT_EQ(rings.producers[2].TryPublish("two"), Sent::kOk);
  EXPECT_TRUE(set.Wait());
  ASSERT_EQ(rings.producers[3].TryPublish("three"), Sent::kOk);
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(log, "0 adds 1;1 removes itself and 0;two ends 2;three");
  EXPECT_EQ(consumers[0]->next_sequence(), 1u);
}

TEST(PromiseWaitSet, AHandlerThatThrowsHasNotConsumed) {
  Rings rings(1);
  Consumer consumer = Must(Consumer::Open(rings.names[0], Delivery::Lossless()));
  WaitSet set;
  bool broken = true;
  std::string got_texts;
  Must(set.Add(consumer, [&](const Received& got) {
    if (broken) throw std::runtime_error("broken");
    got_texts += got ? std::string(got->text()) : ToString(got.why());
  }));
  ASSERT_EQ(rings.producers[0].TryPublish("one"), Sent::kOk);
  ASSERT_TRUE(rings.producers[0].Close().ok());
  EXPECT_THROW((void)set.Wait(), std::runtime_error);
  broken = false;
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(got_texts, "one");
  EXPECT_EQ(consumer.stats().received, 1u);
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(got_texts, "onekClosed");
}

// A handler that gave its message back may find the bytes overwritten. The message is not read again.
TEST(PromiseWaitSet, AHandlerThatGaveItsMessageBackAndThrowsHasConsumedIt) {
  Rings rings(1);
  Consumer consumer = Must(Consumer::Open(rings.names[0], Delivery::Lossless()));
  const std::vector<std::function<void()>> gives_back = {
      [&] { consumer.Ack(); }, [&] { EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty); },
      [&] {
        ASSERT_EQ(rings.producers[0].TryPublish("passed over"), Sent::kOk);
        ASSERT_TRUE(consumer.SkipTo(Start::End()).ok());
      }};
  size_t step = 0;
  std::string got_texts;
  WaitSet set;
  Must(set.Add(consumer, [&](const Received& got) {
    got_texts += got ? std::string(got->text()) : ToString(got.why());
    if (step >= gives_back.size()) return;
    gives_back[step++]();
    throw std::runtime_error("broken");
  }));
  for (const char* text : {"1", "2", "3"}) {
    ASSERT_EQ(rings.producers[0].TryPublish(text), Sent::kOk);
    EXPECT_THROW((void)set.Wait(), std::runtime_error);
    EXPECT_EQ(set.Wait(Nanos::zero()).why, Got::kTimedOut) << text;
  }
  ASSERT_EQ(rings.producers[0].TryPublish("4"), Sent::kOk);
  EXPECT_TRUE(set.Wait());
  EXPECT_EQ(got_texts, "1234");
  EXPECT_EQ(consumer.stats().received, 4u);
  EXPECT_EQ(consumer.stats().skipped, 1u);
}

// A message is acknowledged once its handler has returned: the thread does not sleep while it holds a lease.
TEST(PromiseWaitSet, AMemberHasGivenUpItsMessageWhenTheHandlerReturns) {
  Rings rings(1);
  Consumer first = Must(Consumer::Open(rings.names[0], Delivery::Group("g")));
  std::optional<Consumer> second = Must(Consumer::Open(rings.names[0], Delivery::Group("g")));
  WaitSet set;
  bool broken = true;
  uint32_t deliveries = 0;
  Must(set.Add(*second, [&](const Received& got) {
    if (broken) throw std::runtime_error("broken");
    deliveries = got->deliveries;
  }));
  ASSERT_EQ(rings.producers[0].TryPublish("m"), Sent::kOk);
  EXPECT_THROW((void)set.Wait(), std::runtime_error);
  broken = false;
  ASSERT_TRUE(set.Wait());
  EXPECT_GE(deliveries, 1u);
  EXPECT_EQ(first.TryNext().why(), Got::kEmpty);
  second.reset();
  EXPECT_EQ(first.TryNext().why(), Got::kEmpty) << "nothing was left behind";
}

// ---- reasons ---------------------------------------------------------------------------------------------

// One ring of the set ends while the thread sleeps. The thread gets the reason once and continues to sleep
// for the other rings. It does not spin.
void Ends(Got expected, void (*end)(const ScratchName& name, Producer& producer)) {
  const Watchdog watchdog(ToString(expected));
  Rings rings(3);
  struct Log {
    std::atomic<Got> told{Got::kEmpty};
    std::atomic<int> times{0};
  };
  const SharedPage<Log> log;
  Child waiter([&](const Child::Line& line) {
    std::vector<Consumer> consumers;
    WaitSet set;
    bool last = false;
    for (size_t i = 0; i < 3; ++i) {
      consumers.push_back(Must(Consumer::Open(rings.names[i], Delivery::Lossless(), {.wait = Wait::kPark})));
      Must(set.Add(consumers[i], [&, i](const Received& got) {
        if (i == 2) last = static_cast<bool>(got);
        if (i != 1) return;
        log->told.store(got.why());
        log->times.fetch_add(1);
      }));
    }
    line.Say("waiting");
    if (!set.Wait() || set.size() != 2) return 1;
    line.Say("told");
    const double before = CpuSeconds();
    if (set.Wait(milliseconds(400)).why != Got::kTimedOut) return 2;
    if (CpuSeconds() - before > 0.1) return 3;  // the thread spins
    line.Say("next");
    if (!set.Wait() || !last) return 4;
    return ErrorOf(consumers[1].status()) == Error::kNone ? 5 : 0;
  });
  ASSERT_EQ(waiter.Hear(), "waiting");
  QueueWords(rings.names[1].path()).AwaitSleeper();
  end(rings.names[1], rings.producers[1]);
  ASSERT_EQ(waiter.Hear(), "told");
  EXPECT_EQ(log->told.load(), expected) << ToString(log->told.load());
  ASSERT_EQ(waiter.Hear(), "next");
  ASSERT_EQ(rings.producers[2].TryPublish("on"), Sent::kOk);
  EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_EQ(log->times.load(), 1);
}
TEST(PromiseWaitSetReasons, Closed) {
  Ends(Got::kClosed, [](const ScratchName&, Producer& producer) { Must(producer.Close()); });
}
TEST(PromiseWaitSetReasons, Unlinked) {
  Ends(Got::kRemoved, [](const ScratchName& name, Producer&) {
    Must(SegmentManager().Unlink(name.str(), SegmentManager::Force::kYes));
  });
}
TEST(PromiseWaitSetReasons, RemovedByHand) {
  Ends(Got::kRemoved, [](const ScratchName& name, Producer&) {
    for (const char* suffix : {".ring", ".seats", ".lock"}) unlink((name.path() + suffix).c_str());
  });
}
TEST(PromiseWaitSetReasons, Evicted) {
  Ends(Got::kEvicted, [](const ScratchName& name, Producer&) {
    const RingInfo info = Must(SegmentManager().Inspect(name.str()));
    Must(SegmentManager().Evict(name.str(), info.consumers[0].seat, info.consumers[0].generation));
  });
}
TEST(PromiseWaitSetReasons, Damaged) {
  Ends(Got::kDamaged, [](const ScratchName& name, Producer&) {
    const QueueWords words(name.path());
    std::atomic_ref(*reinterpret_cast<uint64_t*>(words.data())).store(~uint64_t{0});
  });
}

TEST(PromiseWaitSetReasons, TheNextProducerIsWaitedFor) {
  const Watchdog watchdog("take-over");
  const ScratchName name;
  Rings others(1);
  std::optional<Producer> producer = Must(Producer::Create(name, {}));
  std::optional<Consumer> consumer =
      Must(Consumer::Open(name, Delivery::Lossless(), {.follow_reopen = true}));
  Consumer other = Must(Consumer::Open(others.names[0], Delivery::Lossless()));
  WaitSet set;
  std::string texts;
  Must(set.Add(*consumer, [&](const Received& got) { texts += got->text(); }));
  Must(set.Add(other, Nothing()));
  Must(producer->Close());
  EXPECT_EQ(set.Wait(milliseconds(5)).why, Got::kTimedOut);
  producer.reset();
  std::thread successor([&] {
    QueueWords(name.path()).AwaitSleeper();
    producer = Must(Producer::Open(name));
    ASSERT_EQ(producer->TryPublish("again"), Sent::kOk);
  });
  EXPECT_TRUE(set.Wait());
  successor.join();
  EXPECT_EQ(texts, "again");
}

// ---- interrupts, signals, forks --------------------------------------------------------------------------

TEST(PromiseWaitSetInterrupt, FromAnotherThreadEndsWaitAndLasts) {
  for (const size_t n : {size_t{2}, size_t{128}}) {
    for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark}) {
      const Watchdog watchdog("interrupt");
      Rings rings(n, 4096);
      std::vector<Consumer> consumers;
      WaitSet set;
      for (const ScratchName& name : rings.names) {
        consumers.push_back(Must(Consumer::Open(name, Delivery::Lossless(), {.wait = wait})));
        Must(set.Add(consumers.back(), Nothing()));
      }
      std::thread other([&] {
        if (wait != Wait::kSpin) QueueWords(rings.names[0].path()).AwaitSleeper();
        set.Interrupt();
      });
      EXPECT_EQ(set.Wait().why, Got::kInterrupted);
      other.join();
      ASSERT_EQ(rings.producers[0].TryPublish("m"), Sent::kOk);
      EXPECT_EQ(set.Wait().why, Got::kInterrupted);
      EXPECT_EQ(set.Wait(Nanos::zero()).why, Got::kInterrupted);
      EXPECT_TRUE(consumers[0].TryNext());
      WaitSet another;
      Must(set.Remove(consumers[0]));
      Must(another.Add(consumers[0], Nothing()));
      EXPECT_EQ(another.Wait(milliseconds(1)).why, Got::kTimedOut);
    }
  }
}

TEST(PromiseWaitSetInterrupt, OfOneConsumerIsReportedAsItsReason) {
  const Watchdog watchdog("interrupt of one");
  Rings rings(2);
  Consumer a = Must(Consumer::Open(rings.names[0], Delivery::Lossless(), {.wait = Wait::kPark}));
  Consumer b = Must(Consumer::Open(rings.names[1], Delivery::Lossless(), {.wait = Wait::kPark}));
  WaitSet set;
  Got why = Got::kEmpty;
  Must(set.Add(a, Nothing()));
  Must(set.Add(b, [&](const Received& got) { why = got.why(); }));
  std::thread other([&] {
    QueueWords(rings.names[1].path()).AwaitSleeper();
    b.Interrupt();
  });
  EXPECT_TRUE(set.Wait());
  other.join();
  EXPECT_EQ(why, Got::kInterrupted);
  EXPECT_EQ(set.size(), 1u);
  EXPECT_EQ(set.Wait(milliseconds(1)).why, Got::kTimedOut);
}

struct SignalLog {
  std::atomic<int> handled{0}, returned{0};
};
SignalLog* signal_log = nullptr;
WaitSet* to_interrupt = nullptr;

TEST(PromiseWaitSetInterrupt, SignalsDoNotEndAWaitButTheirHandlersMay) {
  for (const Wait wait : {Wait::kAdaptive, Wait::kSpin, Wait::kPark}) {
    for (const int flags : {0, SA_RESTART}) {
      const Watchdog watchdog("signals during Wait");
      Rings rings(3);
      const SharedPage<SignalLog> log;
      signal_log = &*log;
      Child waiter([&](const Child::Line& line) {
        std::vector<Consumer> consumers;
        WaitSet set;
        for (const ScratchName& name : rings.names) {
          consumers.push_back(Must(Consumer::Open(name, Delivery::Lossless(), {.wait = wait})));
          Must(set.Add(consumers.back(), Nothing()));
        }
        to_interrupt = &set;
        struct sigaction action {};
        action.sa_flags = flags;
        action.sa_handler = [](int) { signal_log->handled.fetch_add(1); };
        sigaction(SIGUSR1, &action, nullptr);
        action.sa_handler = [](int) { to_interrupt->Interrupt(); };
        sigaction(SIGTERM, &action, nullptr);
        line.Say("waiting");
        const Got why = set.Wait().why;
        log->returned.store(1);
        return why == Got::kInterrupted ? 0 : 1;
      });
      ASSERT_EQ(waiter.Hear(), "waiting");
      if (wait != Wait::kSpin) QueueWords(rings.names[2].path()).AwaitSleeper();
      for (int i = 1; i <= (wait == Wait::kSpin ? 30 : 200); ++i) {
        waiter.Kill(SIGUSR1);
        while (log->handled.load() < i) sched_yield();
      }
      EXPECT_EQ(log->returned.load(), 0) << "a signal ended the wait";
      waiter.Kill(SIGTERM);
      EXPECT_EQ(waiter.Wait(), 0);
    }
  }
}

TEST(PromiseWaitSetFork, TheChildsSetReturnsForkedAndTheParentsContinues) {
  const Watchdog watchdog("fork");
  Rings rings(2);
  std::optional<Consumer> a = Must(Consumer::Open(rings.names[0], Delivery::Lossless()));
  Consumer b = Must(Consumer::Open(rings.names[1], Delivery::Lossless()));
  std::optional<WaitSet> set(std::in_place);
  int got_messages = 0;
  Must(set->Add(*a, [&](const Received& got) { got_messages += got ? 1 : 0; }));
  Child child([&](const Child::Line&) {
    if (set->Wait().why != Got::kForked || set->Wait(Nanos::zero()).why != Got::kForked) return 1;
    if (ErrorOf(set->Add(b, Nothing())) != Error::kForked) return 2;
    set->Interrupt();
    WaitSet mine;
    if (ErrorOf(mine.Add(b, Nothing())) != Error::kForked) return 3;
    a.reset();
    set.reset();
    Consumer own = Must(Consumer::Open(rings.names[0], Delivery::Lossless(), {.start = Start::Oldest()}));
    Must(mine.Add(own, Nothing()));
    return mine.Wait(milliseconds(1)).why == Got::kTimedOut ? 0 : 4;
  });
  EXPECT_EQ(child.Wait(), 0);
  ASSERT_EQ(rings.producers[0].TryPublish("m"), Sent::kOk);
  EXPECT_TRUE(set->Wait());
  EXPECT_EQ(got_messages, 1);
}

}  // namespace
}  // namespace millrace
