// SPDX-License-Identifier: Apache-2.0
// Promises about system calls: none while no process sleeps, and few while a process is idle or blocked. The
// test traces a child and counts the calls between two marker calls.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

constexpr uint64_t kPublishes = 1'000'000;

void Marker() { syscall(SYS_getppid); }

void BeTraced() {
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  Marker();
}

// Runs a child that stopped itself under PTRACE_TRACEME to its end. Returns how often it made each system
// call between its two markers, or nullopt if it did not reach them.
using Calls = std::map<unsigned long long, long>;
std::optional<Calls> CallsBetweenMarkers(Child& child) {
  int status = 0;
  if (waitpid(child.pid(), &status, 0) != child.pid() || !WIFSTOPPED(status)) return std::nullopt;
  ptrace(PTRACE_SETOPTIONS, child.pid(), 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  Calls calls;
  int markers = 0;
  bool entry = true;
  for (int signal = 0;;) {
    if (ptrace(PTRACE_SYSCALL, child.pid(), 0, signal) != 0) return std::nullopt;
    if (waitpid(child.pid(), &status, 0) != child.pid()) return std::nullopt;
    if (!WIFSTOPPED(status)) return std::nullopt;
    signal = 0;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status);
      continue;
    }
    if (entry) {
      user_regs_struct registers{};
      ptrace(PTRACE_GETREGS, child.pid(), 0, &registers);
      if (registers.orig_rax == SYS_getppid) {
        if (++markers == 2) break;
      } else if (markers == 1) {
        ++calls[registers.orig_rax];
      }
    }
    entry = !entry;
  }
  ptrace(PTRACE_DETACH, child.pid(), 0, 0);
  return calls;
}

// Returns the number of all system calls between the markers, or -1 if the child did not reach them.
long CountBetweenMarkers(Child& child) {
  const std::optional<Calls> calls = CallsBetweenMarkers(child);
  if (!calls) return -1;
  long sum = 0;
  for (const auto& [call, times] : *calls) sum += times;
  return sum;
}

constexpr unsigned long long kFutexWaitv = 449;
long Sleeps(Calls& calls) { return calls[SYS_futex] + calls[kFutexWaitv]; }

struct Pace {
  std::atomic<uint64_t> published{0}, read{0};
  std::atomic<int> done{0};
  Tally tally;
};

TEST(PromiseSystemCalls, AMillionPublishesToAnAwakeConsumerMakeNone) {
  const Watchdog watchdog("no system call");
  const ScratchName name;
  const Oracle oracle(1, 24, 24);
  constexpr uint64_t kBacklog = 200'000;
  const SharedPage<Pace> pace;
  Must(SegmentManager().Create(name, {.capacity = 64 << 20}));
  Child consumer([&](const Child::Line& line) {
    Consumer c = Must(Consumer::Open(name, Delivery::Lossless()));
    pace->tally.Begin(c);
    line.Say("joined");
    if (line.Hear() != "filled") return 1;
    // Lags by a backlog, so that the consumer never finds the ring empty, however the two are scheduled.
    while (pace->done.load() == 0) {
      if (pace->tally.next + kBacklog / 2 >= pace->published.load()) continue;
      const Received got = c.Next();
      if (!got) return 2;
      pace->tally.Take(*got, oracle);
    }
    pace->tally.ReadUntilEnd(c, oracle);
    return 0;
  });
  ASSERT_EQ(consumer.Hear(), "joined");
  Child producer([&](const Child::Line& line) {
    Producer p = Must(Producer::Open(name));
    if (testing::PublishUntil(p, oracle, kBacklog) != Sent::kOk) return 1;
    pace->published.store(kBacklog);
    line.Say("filled");
    (void)line.Hear();
    std::byte message[24];
    BeTraced();
    for (uint64_t i = kBacklog; i < kBacklog + kPublishes; ++i) {
      oracle.Fill(i, message);
      if (p.TryPublish(message) != Sent::kOk) _exit(2);
      pace->published.store(i + 1, std::memory_order_relaxed);
    }
    Marker();
    const bool awake = p.stats().wakes == 0;
    if (!p.Close().ok()) return 3;
    pace->done.store(1);
    return awake ? 0 : 4;
  });
  ASSERT_EQ(producer.Hear(), "filled");
  consumer.Say("filled");
  producer.Say("go");
  EXPECT_EQ(CountBetweenMarkers(producer), 0);
  EXPECT_EQ(producer.Wait(), 0);
  EXPECT_EQ(consumer.Wait(), 0);
  EXPECT_EQ(pace->tally.end, Got::kClosed);
  EXPECT_EQ(pace->tally.received, kBacklog + kPublishes);
  pace->tally.ExpectConserved(kBacklog + kPublishes, 0);
}

// The counter must be able to see calls: waking a consumer that sleeps costs one.
TEST(PromiseSystemCalls, AParkedConsumerCostsAFew) {
  const Watchdog watchdog("some system calls");
  const ScratchName name;
  const Oracle oracle(1, 24, 24);
  const SharedPage<Pace> pace;
  Must(SegmentManager().Create(name, {}));
  Child consumer([&](const Child::Line& line) {
    Consumer c = Must(Consumer::Open(name, Delivery::Lossless(), {.wait = Wait::kPark}));
    pace->tally.Begin(c);
    line.Say("joined");
    Received got = c.Next();
    for (; got; got = c.Next()) {
      pace->tally.Take(*got, oracle);
      pace->read.store(pace->tally.next);
    }
    pace->tally.Finish(c, got.why());
    return 0;
  });
  ASSERT_EQ(consumer.Hear(), "joined");
  Child producer([&](const Child::Line&) {
    Producer p = Must(Producer::Open(name));
    BeTraced();
    while (p.stats().wakes < 20) {
      if (testing::PublishUntil(p, oracle, p.next_sequence() + 1) != Sent::kOk) return 1;
      while (pace->read.load() < p.next_sequence()) {
      }
    }
    Marker();
    pace->published.store(p.next_sequence());
    return p.Close().ok() ? 0 : 2;
  });
  const long calls = CountBetweenMarkers(producer);
  EXPECT_GE(calls, 20);
  EXPECT_EQ(producer.Wait(), 0);
  EXPECT_EQ(consumer.Wait(), 0);
  EXPECT_EQ(pace->tally.end, Got::kClosed);
  pace->tally.ExpectConserved(pace->published.load(), 0);
  std::printf("%llu publishes to a parked consumer: %ld system calls\n",
              static_cast<unsigned long long>(pace->published.load()), calls);
}

struct Idle {
  const char* what;
  Delivery delivery;
  Access access;
  long most_sleeps, most_barriers;  // in two seconds
};

TEST(PromiseSystemCalls, AnIdleConsumerSleepsASecondAtATimeAndMakesOneBarrier) {
  const Watchdog watchdog("idle");
  // The last sleep takes only the rest of the time.
  for (const auto& [what, delivery, access, most_sleeps, most_barriers] :
       {Idle{"lossless", Delivery::Lossless(), Access::Private(), 3, 1},
        Idle{"lossy", Delivery::Lossy(), Access::Private(), 3, 1},
        Idle{"member", Delivery::Group("g"), Access::Private(), 3, 1},
        Idle{"observer, which begins with 20 ms", Delivery::Observer(), Access::Private(), 22, 0},
        Idle{"where others may read", Delivery::Lossless(), Access::Watchable(), 41, 1}}) {
    const ScratchName name;
    const Producer producer = Must(Producer::Create(name, {.access = access}));
    Child idle([&, how = delivery](const Child::Line&) {
      Consumer consumer = Must(Consumer::Open(name, how));
      BeTraced();
      const Received received = consumer.Next(std::chrono::seconds(2));
      Marker();
      return received.why() == Got::kTimedOut ? 0 : 1;
    });
    std::optional<Calls> calls = CallsBetweenMarkers(idle);
    ASSERT_TRUE(calls.has_value()) << what;
    EXPECT_GT(Sleeps(*calls), 0) << what;
    EXPECT_LE(Sleeps(*calls), most_sleeps) << what;
    EXPECT_LE((*calls)[SYS_membarrier], most_barriers) << what;
    EXPECT_EQ(idle.Wait(), 0) << what;
  }
}

TEST(PromiseSystemCalls, AnIdleWaitSetSleepsASecondAtATimeAndMakesOneBarrier) {
  const Watchdog watchdog("idle set");
  const ScratchName names[3];
  std::vector<Producer> producers;
  for (const ScratchName& name : names) producers.push_back(Must(Producer::Create(name)));
  Child idle([&](const Child::Line&) {
    WaitSet set;
    std::vector<Consumer> consumers;
    for (const ScratchName& name : names)
      consumers.push_back(Must(Consumer::Open(name, Delivery::Lossless())));
    for (Consumer& consumer : consumers) Must(set.Add(consumer, [](const Received&) {}));
    BeTraced();
    const Waited waited = set.Wait(std::chrono::seconds(2));
    Marker();
    return waited.why == Got::kTimedOut ? 0 : 1;
  });
  std::optional<Calls> calls = CallsBetweenMarkers(idle);
  ASSERT_TRUE(calls.has_value());
  EXPECT_GT(Sleeps(*calls), 0);
  EXPECT_LE(Sleeps(*calls), 3);
  EXPECT_LE((*calls)[SYS_membarrier], 1);
  EXPECT_EQ(idle.Wait(), 0);
}

// A consumer that holds the producer back may be killed at any time, and its death wakes no process. So the
// producer looks every 2 ms.
TEST(PromiseSystemCalls, ABlockedProducerLooksEveryTwoMilliseconds) {
  const Watchdog watchdog("blocked");
  const ScratchName name;
  Must(SegmentManager().Create(name, {.capacity = 4096}));
  const Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  Child blocked([&](const Child::Line&) {
    Producer producer = Must(Producer::Open(name));
    while (producer.TryPublish("message") == Sent::kOk) {
    }
    BeTraced();
    const Sent sent = producer.Publish("message", std::chrono::seconds(1));
    Marker();
    return sent == Sent::kTimedOut ? 0 : 1;
  });
  std::optional<Calls> calls = CallsBetweenMarkers(blocked);
  ASSERT_TRUE(calls.has_value());
  EXPECT_GT(Sleeps(*calls), 0);
  // The producer sleeps 2 ms at a time, and less in the first 16 ms.
  EXPECT_LE(Sleeps(*calls), 500 + 30);
  EXPECT_EQ(blocked.Wait(), 0);
}

// Returns the number of system calls that opening a consumer takes while `others` consumers have seats. Calls
// for memory are left out, because their number depends on what the process has allocated before.
long CallsOfOpeningBeside(size_t others) {
  const ScratchName name;
  Must(SegmentManager().Create(name, {.seats = 1024}));
  std::vector<Consumer> seated;
  for (size_t i = 0; i < others; ++i) seated.push_back(Must(Consumer::Open(name, Delivery::Lossless())));
  Child opener([&](const Child::Line&) {
    BeTraced();
    const absl::StatusOr<Consumer> consumer = Consumer::Open(name, Delivery::Lossless());
    Marker();
    return consumer.ok() ? 0 : 1;
  });
  std::optional<Calls> calls = CallsBetweenMarkers(opener);
  EXPECT_EQ(opener.Wait(), 0);
  if (!calls) return -1;
  for (const auto memory : {SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mprotect, SYS_brk})
    calls->erase(memory);
  long sum = 0;
  for (const auto& [call, times] : *calls) sum += times;
  return sum;
}

TEST(PromiseSystemCalls, OpeningAsksForOneSeatHoweverManyAreTaken) {
  const Watchdog watchdog("open");
  // One consumer is open in both cases, so that what a process does once is done.
  const long few = CallsOfOpeningBeside(1);
  EXPECT_GT(few, 0);
  EXPECT_EQ(CallsOfOpeningBeside(300), few);
}

// The seats belong to another ring than the ring file. No process is
// repairing that, so another try is useless.
TEST(PromiseSystemCalls, OpeningADamagedRingWithoutATimeOutTriesOnce) {
  const Watchdog watchdog("damaged");
  const ScratchName whole, other, without_seats;
  for (const ScratchName* name : {&whole, &other, &without_seats}) Must(SegmentManager().Create(*name, {}));
  ASSERT_EQ(rename((other.path() + ".seats").c_str(), (whole.path() + ".seats").c_str()), 0);
  ASSERT_EQ(unlink((without_seats.path() + ".seats").c_str()), 0);
  for (const ScratchName* name : {&whole, &without_seats}) {
    Child opener([&](const Child::Line&) {
      BeTraced();
      const absl::StatusOr<Consumer> consumer = Consumer::Open(*name, Delivery::Lossless());
      Marker();
      return ErrorOf(consumer.status()) == Error::kIncarnation ? 0 : 1;
    });
    std::optional<Calls> calls = CallsBetweenMarkers(opener);
    ASSERT_TRUE(calls.has_value());
    EXPECT_EQ((*calls)[SYS_clock_nanosleep] + (*calls)[SYS_nanosleep] + (*calls)[SYS_inotify_init1], 0);
    EXPECT_EQ(opener.Wait(), 0);
  }
}

}  // namespace
}  // namespace millrace
