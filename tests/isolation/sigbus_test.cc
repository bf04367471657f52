// SPDX-License-Identifier: Apache-2.0
// InstallSigbusGuard: the results of a truncation under running users, and
// the faults that the guard passes on.
#include <poll.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/isolation/apart.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::MustBe;
using testing::QueueWords;
using testing::ScratchDir;
using testing::Watchdog;

struct Truncation {
  const char* file;
  off_t to;
};
constexpr Truncation kTruncations[] = {
    {"ring.ring", 0}, {"ring.ring", 4096}, {"ring.ring", 8192}, {"ring.seats", 0}};

TEST(IsolationSigbusGuard, AConsumerGetsKDamaged) {
  for (const Truncation& cut : kTruncations) {
    for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
      if (delivery.kind() == Delivery::Kind::kObserver && std::string(cut.file) == "ring.seats") continue;
      for (const bool waits : {false, true}) {
        SCOPED_TRACE(std::string(cut.file) + " to " + std::to_string(cut.to) + ", delivery " +
                     std::to_string(static_cast<int>(delivery.kind())) + (waits ? ", waiting" : ", reading"));
        const Watchdog watchdog("truncated under a consumer");
        const ScratchDir dir;
        Must(SegmentManager(dir.path()).Create("ring", {.capacity = 16384}));
        Child consumer([&](const Child::Line& line) {
          Must(InstallSigbusGuard());
          Consumer c = Must(Consumer::Open("ring", delivery, {.wait = Wait::kPark, .directory = dir.path()}));
          line.Say("here");
          Got why = Got::kMessage;
          while (why == Got::kMessage || why == Got::kEmpty) why = waits ? c.Next().why() : c.TryNext().why();
          line.Say(ToString(why));
          line.Say(ToString(ErrorOf(c.status())));
          return 0;  // then leaves its seat, although its file may be cut
        });
        ASSERT_EQ(consumer.Hear(), "here");
        ASSERT_EQ(truncate((dir / cut.file).c_str(), cut.to), 0);
        EXPECT_EQ(consumer.Hear(), "kDamaged");
        EXPECT_EQ(consumer.Hear(), "kDamaged");
        EXPECT_EQ(consumer.Wait(), 0) << "it survives";
      }
    }
  }
}

TEST(IsolationSigbusGuard, AProducerGetsKRemovedAndCheckReportsTruncation) {
  for (const Truncation& cut : kTruncations) {
    SCOPED_TRACE(std::string(cut.file) + " to " + std::to_string(cut.to));
    const Watchdog watchdog("truncated under a producer");
    const ScratchDir dir;
    Child producer([&](const Child::Line& line) {
      Must(InstallSigbusGuard());
      Producer p = Must(Producer::Create("ring", {.capacity = 16384}, {.directory = dir.path()}));
      line.Say("here");
      Sent sent = Sent::kOk;
      while (sent == Sent::kOk) sent = p.Publish(std::string(100, 'x'));
      line.Say(ToString(sent));
      line.Say(ToString(p.TryPublish(std::string(100, 'x'))));
      const absl::Status checked = p.Check();
      line.Say(ToString(ErrorOf(checked)));
      line.Say(std::string(checked.message()));
      return 0;
    });
    ASSERT_EQ(producer.Hear(), "here");
    ASSERT_EQ(truncate((dir / cut.file).c_str(), cut.to), 0);
    EXPECT_EQ(producer.Hear(), "kRemoved");
    EXPECT_EQ(producer.Hear(), "kRemoved");
    EXPECT_EQ(producer.Hear(), "kTruncated");
    EXPECT_THAT(producer.Hear(), ::testing::HasSubstr(std::string(cut.file) + "\" was truncated to " +
                                                      std::to_string(cut.to)));
    EXPECT_EQ(producer.Wait(), 0) << "it survives";
  }
}

// A producer that waits for room learns of the truncation too.
TEST(IsolationSigbusGuard, ABlockedProducerReturns) {
  const Watchdog watchdog("truncated under a blocked producer");
  const ScratchDir dir;
  Must(SegmentManager(dir.path()).Create("ring", {.capacity = 4096}));
  Child holder([&](const Child::Line& line) {
    const Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
    line.Say("here");
    return line.Hear() == "end" ? 0 : 1;
  });
  ASSERT_EQ(holder.Hear(), "here");
  Child producer([&](const Child::Line& line) {
    Must(InstallSigbusGuard());
    Producer p = Must(Producer::Open("ring", {.directory = dir.path()}));
    Sent sent = Sent::kOk;
    while (sent == Sent::kOk) sent = p.Publish(std::string(100, 'x'));
    line.Say(ToString(sent));
    return 0;
  });
  QueueWords(dir / "ring").AwaitBlockedProducer();
  ASSERT_EQ(truncate((dir / "ring.ring").c_str(), 0), 0);
  EXPECT_EQ(producer.Hear(), "kRemoved");
  EXPECT_EQ(producer.Wait(), 0);
}

// Bug: the thread that sleeps for event descriptors blocked SIGBUS, and a blocked fault ends the process.
TEST(IsolationSigbusGuard, TheEventFdOfAConsumerBecomesReadable) {
  for (const Truncation& cut : kTruncations) {
    SCOPED_TRACE(std::string(cut.file) + " to " + std::to_string(cut.to));
    const Watchdog watchdog("truncated under an event descriptor");
    const ScratchDir dir;
    Must(SegmentManager(dir.path()).Create("ring", {.capacity = 16384}));
    { Producer past = Must(Producer::Open("ring", {.directory = dir.path()})); }
    Child consumer([&](const Child::Line& line) {
      Must(InstallSigbusGuard());
      Consumer c = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
      pollfd readable{Must(c.EventFd()), POLLIN, 0};
      while (c.TryNext().why() != Got::kEmpty) {
      }
      line.Say("here");
      while (c.TryNext().why() == Got::kEmpty) MustBe(poll(&readable, 1, -1) == 1, "poll");
      line.Say(ToString(ErrorOf(c.status())));
      return 0;
    });
    ASSERT_EQ(consumer.Hear(), "here");
    ASSERT_EQ(truncate((dir / cut.file).c_str(), cut.to), 0);
    EXPECT_EQ(consumer.Hear(), "kDamaged");
    EXPECT_EQ(consumer.Wait(), 0) << "it survives";
  }
}

// Bug: from the 1025th mapping of a process on, mappings were not guarded, and no error was reported.
TEST(IsolationSigbusGuard, GuardsTheLastOfManyMappings) {
  const Watchdog watchdog("many mappings");
  const ScratchDir dir;
  Must(SegmentManager(dir.path()).Create("ring", {.capacity = 4096}));
  Child process([&](const Child::Line&) {
    constexpr int kMany = 1100;
    rlimit descriptors{};
    MustBe(getrlimit(RLIMIT_NOFILE, &descriptors) == 0, "getrlimit");
    descriptors.rlim_cur = descriptors.rlim_max;
    MustBe(setrlimit(RLIMIT_NOFILE, &descriptors) == 0, "setrlimit");
    Must(InstallSigbusGuard());
    std::vector<Consumer> observers;
    for (int i = 0; i < kMany; ++i)
      observers.push_back(Must(Consumer::Open("ring", Delivery::Observer(), {.directory = dir.path()})));
    MustBe(truncate((dir / "ring.ring").c_str(), 0) == 0, "truncate");
    for (Consumer& observer : observers) {
      if (observer.TryNext().why() != Got::kDamaged) return 1;
    }
    return 0;
  });
  EXPECT_EQ(process.Wait(), 0);
}

// The library installs no handler unless it is requested. Without the guard, a truncation ends the process.
TEST(IsolationSigbusGuard, IsOptInAndNoOtherHandlerIsEverInstalled) {
  const Watchdog watchdog("opt-in");
  const ScratchDir dir;
  Child child([&](const Child::Line& line) {
    const auto handlers = [] {
      std::vector<void*> all;
      for (int number = 1; number < SIGRTMAX; ++number) {
        struct sigaction action {};
        const bool known = sigaction(number, nullptr, &action) == 0;
        all.push_back(known ? reinterpret_cast<void*>(action.sa_handler) : nullptr);
      }
      return all;
    };
    const std::vector<void*> before = handlers();
    Producer producer = Must(Producer::Create("ring", {.capacity = 16384}, {.directory = dir.path()}));
    for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
      Consumer consumer = Must(Consumer::Open("ring", delivery, {.directory = dir.path()}));
      MustBe(producer.Publish("x") == Sent::kOk && consumer.Next(), "publish and read");
      MustBe(consumer.Next(milliseconds(1)).why() == Got::kTimedOut, "wait");
    }
    Must(SegmentManager(dir.path()).List());
    if (handlers() != before) return 1;
    Must(InstallSigbusGuard());
    if (handlers() == before) return 2;
    signal(SIGBUS, SIG_DFL);
    line.Say("unguarded");
    MustBe(truncate((dir / "ring.ring").c_str(), 0) == 0, "truncate");
    while (producer.Publish(std::string(100, 'x')) == Sent::kOk) {
    }
    return 3;
  });
  EXPECT_EQ(child.Hear(), "unguarded");
  EXPECT_EQ(child.Wait(), 128 + SIGBUS);
}

// ---- faults of others ------------------------------------------------------------------------------------

// Maps a page of a file that has been truncated to nothing.
volatile char* LostPage() {
  const int fd = memfd_create("lost", MFD_CLOEXEC);
  MustBe(fd >= 0 && ftruncate(fd, 4096) == 0, "memfd");
  void* const page = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
  MustBe(page != MAP_FAILED && ftruncate(fd, 0) == 0, "mmap");
  return static_cast<volatile char*>(page);
}

sigjmp_buf back;
void* volatile fault_address = nullptr;
volatile int faults = 0;

void CatchWithInfo(int, siginfo_t* info, void*) {
  fault_address = info->si_addr;
  faults = faults + 1;
  siglongjmp(back, 1);
}
void Catch(int) {
  faults = faults + 1;
  siglongjmp(back, 1);
}

int CheckChaining(bool with_info) {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = with_info ? SA_SIGINFO : 0;
  if (with_info)
    action.sa_sigaction = &CatchWithInfo;
  else
    action.sa_handler = &Catch;
  MustBe(sigaction(SIGBUS, &action, nullptr) == 0, "sigaction");
  Must(InstallSigbusGuard());
  Must(InstallSigbusGuard());  // the second call still chains to the previous handler, not to itself
  volatile char* const lost = LostPage();
  for (int i = 1; i <= 3; ++i) {
    if (sigsetjmp(back, 1) == 0) {
      static_cast<void>(*lost);
      return 1;  // reached only without a fault
    }
    if (faults != i) return 2;
    if (with_info && fault_address != const_cast<char*>(lost)) return 3;
  }
  return 0;
}

TEST(IsolationSigbusGuard, ChainsToTheHandlerThatWasThere) {
  const Watchdog watchdog("chaining");
  for (const bool with_info : {true, false}) {
    Child child([&](const Child::Line&) { return CheckChaining(with_info); });
    EXPECT_EQ(child.Wait(), 0) << with_info;
  }
}

// Both kinds in one program: its own lost page goes to its handler, the ring's page to the guard.
TEST(IsolationSigbusGuard, StillGuardsAfterChaining) {
  const Watchdog watchdog("guard after chaining");
  const ScratchDir dir;
  Child child([&](const Child::Line&) {
    if (const int code = CheckChaining(true); code != 0) return code;
    Producer producer = Must(Producer::Create("ring", {.capacity = 16384}, {.directory = dir.path()}));
    MustBe(truncate((dir / "ring.ring").c_str(), 0) == 0, "truncate");
    Sent sent = Sent::kOk;
    while (sent == Sent::kOk) sent = producer.Publish(std::string(100, 'x'));
    return sent == Sent::kRemoved && faults == 3 ? 0 : 4;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(IsolationSigbusGuard, WithoutAHandlerAForeignFaultEndsTheProcessAsBefore) {
  const Watchdog watchdog("foreign fault");
  Child child([&](const Child::Line&) {
    Must(InstallSigbusGuard());
    static_cast<void>(*LostPage());
    return 1;
  });
  EXPECT_EQ(child.Wait(), 128 + SIGBUS);
}

// A SIGBUS that was sent is not a fault, so it would not occur again by itself.
TEST(IsolationSigbusGuard, WithoutAHandlerASentSignalEndsTheProcessAsBefore) {
  const Watchdog watchdog("sent signal");
  Child child([&](const Child::Line&) {
    Must(InstallSigbusGuard());
    raise(SIGBUS);
    return 1;
  });
  EXPECT_EQ(child.Wait(), 128 + SIGBUS);
}

// Bug: after a sent signal that the program ignores, the guard was no longer installed.
TEST(IsolationSigbusGuard, AnIgnoredSignalStaysIgnoredAndTheGuardStays) {
  const Watchdog watchdog("ignored signal");
  const ScratchDir dir;
  Child child([&](const Child::Line&) {
    signal(SIGBUS, SIG_IGN);
    Must(InstallSigbusGuard());
    raise(SIGBUS);
    raise(SIGBUS);
    Producer producer = Must(Producer::Create("ring", {.capacity = 16384}, {.directory = dir.path()}));
    MustBe(truncate((dir / "ring.ring").c_str(), 0) == 0, "truncate");
    Sent sent = Sent::kOk;
    while (sent == Sent::kOk) sent = producer.Publish(std::string(100, 'x'));
    return sent == Sent::kRemoved ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace millrace
