// Promise: nobody asleep, no system call. Counted by tracing the producer, between two marker calls.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
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

using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

constexpr uint64_t kPublishes = 1'000'000;

void Marker() { syscall(SYS_getppid); }

// Runs a child that stopped itself under PTRACE_TRACEME to its end. The number of system calls between its
// two markers; -1: it did not get there.
long CountBetweenMarkers(Child& child) {
  int status = 0;
  if (waitpid(child.pid(), &status, 0) != child.pid() || !WIFSTOPPED(status)) return -1;
  ptrace(PTRACE_SETOPTIONS, child.pid(), 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  long calls = 0;
  int markers = 0;
  bool entry = true;
  for (int signal = 0;;) {
    if (ptrace(PTRACE_SYSCALL, child.pid(), 0, signal) != 0) return -1;
    if (waitpid(child.pid(), &status, 0) != child.pid()) return -1;
    if (!WIFSTOPPED(status)) return -1;
    signal = 0;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status);
      continue;
    }
    if (entry) {
      user_regs_struct registers {};
      ptrace(PTRACE_GETREGS, child.pid(), 0, &registers);
      if (registers.orig_rax == SYS_getppid) {
        if (++markers == 2) break;
      } else if (markers == 1) {
        ++calls;
      }
    }
    entry = !entry;
  }
  ptrace(PTRACE_DETACH, child.pid(), 0, 0);
  return calls;
}

struct Pace {
  std::atomic<uint64_t> published{0}, read{0};
  std::atomic<int> done{0};
  Tally tally;
};

TEST(SystemCalls, AMillionPublishesToAnAwakeConsumerMakeNone) {
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
    // Stays behind by a backlog, so that it never finds the ring empty, however the two are scheduled.
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
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    Marker();
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

// The same count must be able to see something: a consumer that sleeps costs a wake.
TEST(SystemCalls, AParkedConsumerCostsSome) {
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
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    Marker();
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

}  // namespace
}  // namespace millrace
