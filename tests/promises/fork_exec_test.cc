// SPDX-License-Identifier: Apache-2.0
// Promise: a forked child can neither use nor damage the handles it inherited.
// closefrom() and exec work as expected.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

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
using std::chrono::seconds;
using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

TEST(PromiseFork, EveryInheritedHandleAnswersForkedAndItsDestructorDoesNothing) {
  const Watchdog watchdog("fork");
  const ScratchName name;
  const Oracle oracle;
  Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
  std::optional<Consumer> consumers[] = {Must(Consumer::Open(name, Delivery::Lossless())),
                                         Must(Consumer::Open(name, Delivery::Lossy())),
                                         Must(Consumer::Open(name, Delivery::Observer())),
                                         Must(Consumer::Open(name, Delivery::Lossless(), {.copy = true})),
                                         Must(Consumer::Open(name, Delivery::Group("g")))};
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 100), Sent::kOk);  // there would be messages to read
  constexpr int kConsumers = 5;
  Tally tallies[kConsumers];
  for (int i = 0; i < kConsumers; ++i) {
    tallies[i].Begin(*consumers[i]);
    (void)tallies[i].Drain(*consumers[i], oracle, 10);
  }
  std::optional<Claim> open(producer.TryClaim(oracle.SizeOf(100)));
  ASSERT_TRUE(*open);
  {
    Child child([&](const Child::Line&) {
      open->Abort();
      open.reset();
      if (producer.TryPublish("x") != Sent::kForked || producer.Publish("x") != Sent::kForked) return 1;
      if (producer.TryClaim(0).why() != Sent::kForked || producer.WaitClaim(1).why() != Sent::kForked)
        return 2;
      if (ErrorOf(producer.Close()) != Error::kForked || ErrorOf(producer.Check()) != Error::kForked)
        return 3;
      if (producer.WaitForConsumers(1)) return 4;
      producer.Interrupt();
      (void)producer.stats();
      for (std::optional<Consumer>& consumer : consumers) {
        if (consumer->TryNext().why() != Got::kForked || consumer->Next().why() != Got::kForked) return 5;
        consumer->Ack();
        if (consumer->Poll([](const Message&) {}).why != Got::kForked) return 6;
        if (ErrorOf(consumer->SkipTo(Start::End())) != Error::kForked) return 7;
        if (ErrorOf(consumer->status()) != Error::kForked || consumer->StillIntact()) return 8;
        (void)consumer->stats();
        (void)consumer->producer();
        consumer->Interrupt();
        consumer.reset();
      }
      { const Producer dies_here(std::move(producer)); }
      // Handles that the child opens itself work.
      if (!Consumer::Open(name, Delivery::Lossless(), {.start = Start::Oldest()}).ok()) return 9;
      return 0;
    });
    EXPECT_EQ(child.Wait(), 0);
  }
  EXPECT_EQ(ErrorOf(Producer::Open(name, {.take_over_timeout = Nanos::zero()}).status()),
            Error::kProducerAlive)
      << "the child took the parent's lock along";
  oracle.Fill(100, open->bytes());
  open->Commit();
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 200), Sent::kOk);
  ASSERT_TRUE(producer.Close().ok());
  for (int i = 0; i < kConsumers; ++i) {
    EXPECT_EQ(tallies[i].Drain(*consumers[i], oracle), Got::kClosed) << i;
    tallies[i].Finish(*consumers[i]);
    tallies[i].ExpectConserved(200, 0);
  }
}

TEST(PromiseFork, TheParentsDeathFreesItsLocksWhileTheChildLives) {
  const Watchdog watchdog("orphan");
  const ScratchName name;
  const SharedPage<std::atomic<pid_t>> orphan;
  int keep[2];
  ASSERT_EQ(pipe(keep), 0);
  Child parent([&](const Child::Line& line) -> int {
    Producer producer = Must(Producer::Create(name, {.capacity = 4096, .seats = 1}));
    const Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    const pid_t pid = fork();
    if (pid == 0) {
      close(keep[1]);
      orphan->store(getpid());
      char c;
      _exit(read(keep[0], &c, 1) == 0 ? 0 : 1);  // the child lives until the test ends
    }
    while (orphan->load() == 0) sched_yield();
    line.Say("forked");
    for (;;) pause();
  });
  ASSERT_EQ(parent.Hear(), "forked");
  EXPECT_EQ(ErrorOf(Producer::Open(name, {.take_over_timeout = Nanos::zero()}).status()),
            Error::kProducerAlive);
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Lossy()).status()), Error::kNoSeat);
  parent.Kill();
  parent.Wait();
  ASSERT_EQ(kill(*orphan, 0), 0) << "the forked child must be alive for this test to mean anything";
  absl::StatusOr<Producer> successor = Producer::Open(name);
  EXPECT_TRUE(successor.ok()) << successor.status();
  EXPECT_TRUE(Consumer::Open(name, Delivery::Lossless()).ok());
  close(keep[0]);
  close(keep[1]);
}

// Bug: a handle registered itself with the fork handlers before it was complete. If another thread forked in
// between, the child crashed immediately.
TEST(PromiseFork, IsSafeWhileAnotherThreadOpensAndClosesHandles) {
  const Watchdog watchdog("fork beside open");
  const ScratchName name;
  Must(SegmentManager().Create(name, {.capacity = 4096}));
  Child process([&](const Child::Line&) {
    std::atomic<bool> stop{false};
    std::thread opener([&] {
      while (!stop.load()) {
        (void)Consumer::Open(name, Delivery::Observer()).ok();
        (void)Producer::Open(name).ok();
      }
    });
    int wrong = 0;
    for (int i = 0; i < 400; ++i) {
      const pid_t pid = fork();
      if (pid == 0) _exit(0);
      int status = 0;
      waitpid(pid, &status, 0);
      wrong += status != 0;
    }
    stop.store(true);
    opener.join();
    return wrong == 0 ? 0 : 1;
  });
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_TRUE(Producer::Open(name).ok()) << "a forked child kept a lock";
}

// Simulates a program that forks and must keep its lock consistent. Its handlers are set before it first uses
// a ring.
std::mutex of_the_program;
[[maybe_unused]] const int handlers_of_the_program = pthread_atfork(
    [] { of_the_program.lock(); }, [] { of_the_program.unlock(); }, [] { of_the_program.unlock(); });

// Bug: the program's own prepare handler takes a lock, and another thread opened a ring while it held that
// lock. Both could wait forever: the fork held the library's mutex and waited for the program's lock, while
// the opening thread held that lock and waited for the mutex.
TEST(PromiseFork, DoesNotDeadlockWithALockOfAPrepareHandler) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Child process([&](const Child::Line&) {
    const Watchdog watchdog("fork with the program's lock");
    std::atomic<bool> stop{false};
    std::atomic<int> opened{0};
    std::thread opener([&] {
      while (!stop.load()) {
        const std::lock_guard lock(of_the_program);
        const Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
        opened.fetch_add(1);
      }
    });
    for (int i = 0; i < 200 || opened.load() < 200; ++i) {
      const pid_t pid = fork();
      if (pid == 0) _exit(0);
      waitpid(pid, nullptr, 0);
    }
    stop.store(true);
    opener.join();
    return 0;
  });
  EXPECT_EQ(process.Wait(), 0);
}

TEST(PromiseClosefrom, OnAttachedHandlesChangesNothing) {
  const Watchdog watchdog("closefrom");
  const ScratchName name;
  const Oracle oracle;
  const SharedPage<Tally> tally;
  Child producer([&](const Child::Line& line) {
    Producer p = Must(Producer::Create(name, {.capacity = 8192, .seats = 1}));
    line.Say("created");
    if (line.Hear() != "go") return 1;
    if (testing::PublishUntil(p, oracle, 5000) != Sent::kOk) return 2;
    // Closes all descriptors except the pipes to the parent. A real program would know their numbers.
    for (int fd = 3; fd < 100; ++fd) {
      char path[64], link[256];
      std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
      const ssize_t n = readlink(path, link, sizeof link);
      if (n > 0 && std::string(link, static_cast<size_t>(n)).rfind("pipe:", 0) != 0) close(fd);
    }
    // Other files have the numbers now.
    for (int i = 0; i < 20; ++i)
      if (open("/dev/null", O_RDONLY) < 0) return 3;
    line.Say("closed");
    if (line.Hear() != "go") return 4;
    if (testing::PublishUntil(p, oracle, 10'000) != Sent::kOk) return 5;
    if (!p.Check().ok() || !p.WaitForConsumers(1, seconds(1))) return 6;
    return p.Close().ok() ? 0 : 7;
  });
  ASSERT_EQ(producer.Hear(), "created");
  Child consumer([&](const Child::Line&) {
    Consumer c = Must(Consumer::Open(name, Delivery::Lossless()));
    closefrom(3);
    tally->Begin(c);
    if (!c.producer().alive || c.producer().alive_unknown) return 1;
    tally->ReadUntilEnd(c, oracle);
    return 0;
  });
  while (Must(SegmentManager().Inspect(name)).consumers.empty()) sched_yield();
  producer.Say("go");
  ASSERT_EQ(producer.Hear(), "closed");
  EXPECT_EQ(ErrorOf(Producer::Open(name, {.take_over_timeout = milliseconds(5)}).status()),
            Error::kProducerAlive);
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Lossy()).status()), Error::kNoSeat);
  producer.Say("go");
  EXPECT_EQ(producer.Wait(), 0);
  EXPECT_EQ(consumer.Wait(), 0);
  EXPECT_EQ(tally->end, Got::kClosed);
  tally->ExpectConserved(10'000, 0);
}

// Bug: the library took "cannot tell" for "still there". With its descriptor closed and the name gone, a
// consumer never learned of the removal.
TEST(PromiseClosefrom, RemovalIsStillReported) {
  for (const bool by_hand : {false, true}) {
    const Watchdog watchdog("closefrom, then removed");
    const ScratchName name;
    Child consumer([&](const Child::Line&) {
      const Producer producer = Must(Producer::Create(name));
      Consumer c = Must(Consumer::Open(name, Delivery::Lossless()));
      closefrom(3);
      if (by_hand) {
        for (const char* suffix : {".ring", ".seats", ".lock"}) unlink((name.path() + suffix).c_str());
      } else {
        Must(SegmentManager().Unlink(name, SegmentManager::Force::kYes));
      }
      return c.Next(seconds(4)).why() == Got::kRemoved ? 0 : 1;
    });
    EXPECT_EQ(consumer.Wait(), 0) << (by_hand ? "rm" : "unlink --force");
  }
}

TEST(PromiseExec, DropsTheLocks) {
  const Watchdog watchdog("exec");
  const ScratchName name;
  int in[2], out[2];
  ASSERT_EQ(pipe(in) + pipe(out), 0);
  Child program([&](const Child::Line& line) {
    const Producer producer = Must(Producer::Create(name, {.seats = 1}));
    const Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    line.Say("holding");
    if (line.Hear() != "exec") return 1;
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execlp("cat", "cat", static_cast<char*>(nullptr));
    return 2;
  });
  ASSERT_EQ(program.Hear(), "holding");
  EXPECT_EQ(ErrorOf(Producer::Open(name, {.take_over_timeout = Nanos::zero()}).status()),
            Error::kProducerAlive);
  program.Say("exec");
  char byte = 'x';
  ASSERT_EQ(write(in[1], &byte, 1), 1);
  ASSERT_EQ(read(out[0], &byte, 1), 1);  // another program replies, so exec has happened
  EXPECT_TRUE(Producer::Open(name).ok());
  EXPECT_TRUE(Consumer::Open(name, Delivery::Lossless()).ok());
  for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
}

}  // namespace
}  // namespace millrace
