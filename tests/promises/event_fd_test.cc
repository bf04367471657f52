// SPDX-License-Identifier: Apache-2.0
// Promise: an event loop learns of everything through a descriptor. It misses no wake and no end, and the
// descriptor costs almost nothing while nothing happens.
//
// MILLRACE_EVENT_MESSAGES=1000000 selects the long form of PromiseEventFd.*AtRandomGaps (minutes).
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/internal/atomics.h"
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

using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::QueueWords;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

constexpr int kPatienceMs = 20'000;  // never needed in full: an event that takes longer was missed

// The caller's copy of an EventFd descriptor.
class Readable {
 public:
  explicit Readable(Consumer& consumer) : fd_(Must(consumer.EventFd())) {}
  Readable(const Readable&) = delete;
  ~Readable() { close(fd_); }
  int fd() const { return fd_; }
  bool Now() const { return In(0); }
  bool In(int timeout_ms) const {
    pollfd one{fd_, POLLIN, 0};
    int n;
    while ((n = poll(&one, 1, timeout_ms)) < 0 && errno == EINTR) {
    }
    return n == 1 && one.revents == POLLIN;
  }

 private:
  int fd_;
};

class Epoll {
 public:
  Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC)) {}
  Epoll(const Epoll&) = delete;
  ~Epoll() { close(fd_); }
  void Add(int fd, uint32_t events, uint32_t tag) const {
    epoll_event event{};
    event.events = events;
    event.data.u32 = tag;
    if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) abort();
  }
  void Remove(int fd) const { epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr); }
  // Returns the tag of a descriptor that is ready, or nullopt if none is ready within `timeout_ms`.
  std::optional<uint32_t> Wait(int timeout_ms = kPatienceMs) const {
    epoll_event event{};
    int n;
    while ((n = epoll_wait(fd_, &event, 1, timeout_ms)) < 0 && errno == EINTR) {
    }
    if (n == 0) return std::nullopt;
    return uint32_t{event.data.u32};
  }

 private:
  int fd_;
};

// ---- what readable means ---------------------------------------------------------------------------------

TEST(PromiseEventFd, IsReadableWhileMessagesWaitAndArmedByEmpty) {
  const Watchdog watchdog("readable");
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
    const ScratchName name;
    Producer producer = Must(Producer::Create(name));
    Consumer consumer = Must(Consumer::Open(name, delivery));
    const Readable readable(consumer);
    EXPECT_EQ(fcntl(readable.fd(), F_GETFD), FD_CLOEXEC);
    EXPECT_FALSE(readable.Now());
    for (int round = 0; round < 50; ++round) {
      ASSERT_EQ(producer.TryPublish("one"), Sent::kOk);
      ASSERT_TRUE(readable.In(kPatienceMs));
      ASSERT_EQ(producer.TryPublish("two"), Sent::kOk);
      ASSERT_TRUE(consumer.TryNext());
      ASSERT_TRUE(readable.Now()) << "another message is there";
      ASSERT_TRUE(consumer.TryNext());
      ASSERT_EQ(consumer.TryNext().why(), Got::kEmpty);
      if (delivery.kind() == Delivery::Kind::kObserver) continue;  // an observer may be raised for others
      ASSERT_FALSE(readable.Now());
      ASSERT_EQ(consumer.TryNext().why(), Got::kEmpty);
      ASSERT_FALSE(readable.Now());
    }
    EXPECT_EQ(consumer.stats().late_wakeups, 0u);
  }
}

TEST(PromiseEventFd, IsReadableImmediatelyIfMessagesWaitAlready) {
  const Watchdog watchdog("there before");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
  const Readable first(consumer);
  EXPECT_TRUE(first.Now());
  const Readable second(consumer);
  EXPECT_TRUE(second.Now()) << "another descriptor says the same";
  char unread[8];
  EXPECT_EQ(read(second.fd(), unread, sizeof unread), -1) << "it cannot be drained by mistake";
  EXPECT_TRUE(second.Now());
  ASSERT_TRUE(consumer.TryNext());
  Must(producer.Close());
  Consumer late = Must(Consumer::Open(name, Delivery::Lossless()));
  const Readable closed(late);
  EXPECT_TRUE(closed.Now());
  EXPECT_EQ(late.TryNext().why(), Got::kClosed);
  EXPECT_TRUE(closed.Now()) << "a reason stays";
}

TEST(PromiseEventFd, EachMessageAfterEmptyIsANewEdge) {
  const Watchdog watchdog("edges");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  const Readable readable(consumer);
  const Epoll epoll;
  epoll.Add(readable.fd(), EPOLLIN | EPOLLET, 7);
  EXPECT_FALSE(epoll.Wait(0));
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
    ASSERT_EQ(epoll.Wait(), 7u);
    ASSERT_TRUE(consumer.TryNext());
    ASSERT_EQ(consumer.TryNext().why(), Got::kEmpty);
    ASSERT_FALSE(epoll.Wait(0));
  }
}

// Bug: a closed duplicate of the library's own descriptor stayed in the epoll set and was reported forever.
TEST(PromiseEventFd, ClosingTheDescriptorEndsItsEvents) {
  const Watchdog watchdog("closing");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  const Epoll epoll;
  const int mine = Must(consumer.EventFd());
  epoll.Add(mine, EPOLLIN, 1);
  ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
  ASSERT_EQ(epoll.Wait(), 1u);
  close(mine);
  EXPECT_FALSE(epoll.Wait(0));
  const Readable another(consumer);
  EXPECT_TRUE(another.Now());
}

void Ends(Got expected, Delivery delivery, void (*end)(const ScratchName& name, Producer& producer)) {
  const Watchdog watchdog(ToString(expected));
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer consumer = Must(Consumer::Open(name, delivery));
  const Readable readable(consumer);
  ASSERT_FALSE(readable.Now());
  end(name, producer);
  Got why = Got::kEmpty;
  while (why == Got::kEmpty && readable.In(kPatienceMs)) why = consumer.TryNext().why();
  EXPECT_EQ(why, expected) << ToString(why);
  EXPECT_TRUE(readable.Now());
}
TEST(PromiseEventFdReasons, Closed) {
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Observer()})
    Ends(Got::kClosed, delivery, [](const ScratchName&, Producer& producer) { Must(producer.Close()); });
}
TEST(PromiseEventFdReasons, Unlinked) {
  for (const Delivery& delivery : {Delivery::Lossy(), Delivery::Observer()}) {
    Ends(Got::kRemoved, delivery, [](const ScratchName& name, Producer&) {
      Must(SegmentManager().Unlink(name.str(), SegmentManager::Force::kYes));
    });
  }
}
TEST(PromiseEventFdReasons, RemovedByHand) {
  Ends(Got::kRemoved, Delivery::Lossless(), [](const ScratchName& name, Producer&) {
    for (const char* suffix : {".ring", ".seats", ".lock"}) unlink((name.path() + suffix).c_str());
  });
}
TEST(PromiseEventFdReasons, Evicted) {
  Ends(Got::kEvicted, Delivery::Lossless(), [](const ScratchName& name, Producer&) {
    const RingInfo info = Must(SegmentManager().Inspect(name.str()));
    Must(SegmentManager().Evict(name.str(), info.consumers[0].seat, info.consumers[0].generation));
  });
}
// The evictor only stores its word and wakes no process. The sleeper finds the word at the bound of its
// sleep.
TEST(PromiseEventFdReasons, EvictedSilently) {
  Ends(Got::kEvicted, Delivery::Lossless(), [](const ScratchName& name, Producer&) {
    const QueueWords words(name.path());
    std::atomic_ref(words.seat(0).identity.state).fetch_add(1);
  });
}
TEST(PromiseEventFdReasons, Damaged) {
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Observer()}) {
    Ends(Got::kDamaged, delivery, [](const ScratchName& name, Producer&) {
      const QueueWords words(name.path());
      std::atomic_ref(*reinterpret_cast<uint64_t*>(words.data())).store(~uint64_t{0});
    });
  }
}

// A death wakes no process. Still, a member that sleeps in an event loop receives what a dead member held.
// The group's end is known once the last message is acknowledged.
TEST(PromiseEventFdReasons, OfAGroup) {
  for (const bool killed : {true, false}) {
    const Watchdog watchdog("group");
    const ScratchName name;
    Producer producer = Must(Producer::Create(name));
    Child other([&](const Child::Line& line) {
      Consumer member = Must(Consumer::Open(name, Delivery::Group("g")));
      line.Say("joined");
      const Received got = member.Next();
      line.Say(got ? "took it" : "nothing");
      (void)line.Hear();
      member.Ack();
      return 0;
    });
    ASSERT_EQ(other.Hear(), "joined");
    ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
    ASSERT_EQ(other.Hear(), "took it");
    Consumer member = Must(Consumer::Open(name, Delivery::Group("g")));
    const Readable readable(member);
    EXPECT_FALSE(readable.Now());
    Must(producer.Close());
    ASSERT_TRUE(readable.In(kPatienceMs));
    ASSERT_EQ(member.TryNext().why(), Got::kEmpty) << "it may come to us yet";
    if (killed)
      other.Kill();
    else
      other.Say("leave");
    (void)other.Wait();
    std::string got_texts;
    Got why = Got::kEmpty;
    while ((why == Got::kEmpty || why == Got::kMessage) && readable.In(kPatienceMs)) {
      const Received got = member.TryNext();
      if (got) got_texts += got->text();
      why = got.why();
    }
    EXPECT_EQ(why, Got::kClosed) << ToString(why);
    EXPECT_EQ(got_texts, killed ? "m" : "");
  }
}

// ---- nothing is missed -----------------------------------------------------------------------------------

uint64_t Messages() {
  const char* const asked = std::getenv("MILLRACE_EVENT_MESSAGES");
  return asked == nullptr ? 100'000 : std::strtoull(asked, nullptr, 10);
}
unsigned Seconds() { return static_cast<unsigned>(60 + Messages() / 5'000); }

// Publishes at gaps close to the time that falling asleep takes, so that
// messages arrive at every stage of it.
int PublishAtRandomGaps(const ScratchName& name, const Oracle& oracle, uint64_t messages, uint64_t seed) {
  Producer producer = Must(Producer::Open(name));
  for (uint64_t n = 1; n <= messages; ++n) {
    if (testing::PublishUntil(producer, oracle, n) != Sent::kOk) return 1;
    const uint64_t draw = testing::Mix(n ^ seed << 40);
    for (uint64_t gap = draw % (draw >> 60 == 0 ? 4000 : 400); gap > 0; --gap) internal::CpuPause();
  }
  return producer.Close().ok() ? 0 : 2;
}

struct Reader {
  Reader(const ScratchName& name, Delivery delivery, const Oracle& with)
      : consumer(Must(Consumer::Open(name, delivery))), readable(consumer), oracle(with) {
    tally.Begin(consumer);
  }
  // Reads at most `most` messages. Returns false at the end.
  bool Read(uint64_t most = ~uint64_t{0}) {
    const Got why = tally.Drain(consumer, oracle, most);
    if (why == Got::kEmpty || why == Got::kMessage) return true;
    tally.Finish(consumer, why);
    return false;
  }
  Consumer consumer;
  Readable readable;
  Tally tally;
  const Oracle& oracle;
};

// Runs `loop` on two rings. The two consumers have different kinds of delivery.
void AtRandomGaps(void (*loop)(Reader& a, Reader& b), const Delivery& second = Delivery::Lossy()) {
  const Watchdog watchdog("random gaps", Seconds());
  const std::deque<ScratchName> names(2);
  const Oracle oracle(9, 16, 64);
  for (const ScratchName& name : names) Must(SegmentManager().Create(name, {.capacity = 65536}));
  Reader a(names[0], Delivery::Lossless(), oracle), b(names[1], second, oracle);
  std::deque<Child> children;
  const uint64_t each = Messages() / 2;
  for (size_t i = 0; i < 2; ++i) {
    children.emplace_back(
        [&, i](const Child::Line&) { return PublishAtRandomGaps(names[i], oracle, each, i); });
  }
  loop(a, b);
  for (Reader* reader : {&a, &b}) {
    EXPECT_EQ(reader->tally.end, Got::kClosed);
    reader->tally.ExpectConserved(each, 0);  // checks late_wakeups too
  }
  EXPECT_EQ(a.tally.lost, 0u);
  EXPECT_GT(a.tally.received, each / 2);
  for (Child& child : children) EXPECT_EQ(child.Wait(), 0);
}

// Reads both rings by epoll. `most` limits the messages of one turn.
void ByEpoll(Reader& a, Reader& b, uint32_t events, uint64_t most) {
  const Epoll epoll;
  epoll.Add(a.readable.fd(), EPOLLIN | events, 0);
  epoll.Add(b.readable.fd(), EPOLLIN | events, 1);
  for (int open = 2; open > 0;) {
    const std::optional<uint32_t> ready = epoll.Wait();
    ASSERT_TRUE(ready) << "a wake was missed";
    Reader& reader = *ready == 0 ? a : b;
    if (reader.Read(most)) continue;
    --open;
    epoll.Remove(reader.readable.fd());
  }
}

// Publishes one message at every moment between a TryNext that returned kEmpty and the sleep. No later
// message could wake the sleeper instead, so a missed one is found only at the bound of the event thread's
// sleep, which takes long. One message may be that slow (the machine is busy), one in a hundred may not.
TEST(PromiseEventFd, AMessageRaisesAnArmedSignalWithoutATimeOut) {
  const Watchdog watchdog("while it is armed");
  struct Pace {
    std::atomic<uint64_t> read{0};
    std::atomic<int> slow{0};
  };
  const SharedPage<Pace> pace;
  for (const uint32_t events : {uint32_t{EPOLLIN}, uint32_t{EPOLLIN | EPOLLET}}) {
    const ScratchName name;
    Must(SegmentManager().Create(name, {}));
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    const Readable readable(consumer);
    const Epoll epoll;
    epoll.Add(readable.fd(), events, 0);
    constexpr uint64_t kMessages = 20'000;
    constexpr int kMostSlow = kMessages / 100;
    pace->read.store(consumer.next_sequence());
    pace->slow.store(0);
    Child publisher([&](const Child::Line&) {
      Producer producer = Must(Producer::Open(name));
      for (uint64_t n = 0; n < kMessages && pace->slow.load() <= kMostSlow; ++n) {
        for (uint64_t gap = testing::Mix(n) % 300; gap > 0; --gap) internal::CpuPause();
        const auto start = std::chrono::steady_clock::now();
        if (producer.TryPublish("m") != Sent::kOk) return 1;
        while (pace->read.load() < producer.next_sequence()) sched_yield();
        if (std::chrono::steady_clock::now() - start > std::chrono::milliseconds(25)) pace->slow.fetch_add(1);
      }
      return producer.Close().ok() ? 0 : 2;
    });
    Got why = Got::kEmpty;
    while (why == Got::kEmpty) {
      ASSERT_TRUE(epoll.Wait());
      why = consumer.Poll([&](const Message& message) { pace->read.store(message.sequence + 1); }).why;
    }
    EXPECT_EQ(why, Got::kClosed);
    EXPECT_EQ(publisher.Wait(), 0);
    EXPECT_LE(pace->slow.load(), kMostSlow);
    EXPECT_EQ(consumer.stats().late_wakeups, 0u);
  }
}

TEST(PromiseEventFd, LevelTriggeredEpollAtRandomGaps) {
  AtRandomGaps([](Reader& a, Reader& b) { ByEpoll(a, b, 0, 3); });
}
TEST(PromiseEventFd, EdgeTriggeredEpollAtRandomGaps) {
  AtRandomGaps([](Reader& a, Reader& b) { ByEpoll(a, b, EPOLLET, ~uint64_t{0}); });
}
TEST(PromiseEventFd, EdgeTriggeredEpollOfAGroupAtRandomGaps) {
  AtRandomGaps([](Reader& a, Reader& b) { ByEpoll(a, b, EPOLLET, ~uint64_t{0}); }, Delivery::Group("g"));
}
TEST(PromiseEventFd, AsioAtRandomGaps) {
  AtRandomGaps([](Reader& a, Reader& b) {
    namespace asio = boost::asio;
    asio::io_context io;
    asio::steady_timer patience(io);
    int fires = 0;
    std::function<void()> watch = [&] {
      patience.expires_after(std::chrono::milliseconds(kPatienceMs));
      patience.async_wait([&](const boost::system::error_code& error) {
        if (!error) ++fires, io.stop();
      });
    };
    std::deque<asio::posix::stream_descriptor> descriptors;
    int open = 2;
    std::function<void(size_t)> wait = [&](size_t i) {
      descriptors[i].async_wait(asio::posix::stream_descriptor::wait_read,
                                [&, i](const boost::system::error_code& error) {
                                  if (error) return;
                                  if ((i == 0 ? a : b).Read(100)) return wait(i);
                                  if (--open == 0) patience.cancel();
                                });
    };
    watch();
    for (size_t i = 0; i < 2; ++i) {
      descriptors.emplace_back(io, Must((i == 0 ? a : b).consumer.EventFd()));
      wait(i);
    }
    uint64_t before = 0;
    while (open > 0 && fires == 0) {
      if (io.run_one() == 0) break;
      const uint64_t now = a.tally.received + b.tally.received;
      if (now / 10'000 != before / 10'000) watch();  // only the wait for the next may not take long
      before = now;
    }
    EXPECT_EQ(fires, 0) << "a wake was missed";
  });
}

// ---- the event thread ------------------------------------------------------------------------------------

// Lists the threads of this process that the library started.
std::vector<std::string> EventThreads() {
  std::vector<std::string> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream comm(task.path() / "comm");
    std::string name;
    if (std::getline(comm, name) && name == "millrace") found.push_back(task.path());
  }
  return found;
}

void AwaitEventThreads(size_t n) {
  while (EventThreads().size() != n) sched_yield();  // a new thread sets its name after it has started
}

double CpuSecondsOfProcess() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

// Returns how often the library's only thread in this process has gone to sleep.
uint64_t SleepsOfEventThread() {
  std::ifstream status(EventThreads().at(0) + "/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kKey = "voluntary_ctxt_switches:";
    if (line.starts_with(kKey)) return std::stoull(line.substr(kKey.size()));
  }
  return ~uint64_t{0};
}

// The promise is at most half a per cent of a core. The test counts sleeps, because the library decides their
// number. The cost of one sleep depends on the machine and on its caches.
TEST(PromiseEventFdThread, IdlesWithFewWakesAndLittleCpuTime) {
  const Watchdog watchdog("idle");
  struct Case {
    size_t rings;
    Delivery delivery;
    uint64_t sleeps_per_second;
  };
  for (const auto& [n, delivery, rate] :
       {Case{1, Delivery::Lossless(), 2}, Case{127, Delivery::Lossless(), 2},
        Case{1, Delivery::Observer(), 6}, Case{127, Delivery::Observer(), 6}}) {
    const std::deque<ScratchName> names(n);
    Child idle([&, how = delivery](const Child::Line& line) {
      std::vector<Producer> producers;
      std::vector<Consumer> consumers;
      std::vector<pollfd> fds;
      for (const ScratchName& name : names) {
        producers.push_back(Must(Producer::Create(name, {.capacity = 4096, .seats = 4})));
        consumers.push_back(Must(Consumer::Open(name, how)));
        fds.push_back({Must(consumers.back().EventFd()), POLLIN, 0});
      }
      AwaitEventThreads(1);
      const uint64_t slept = SleepsOfEventThread();
      const double before = CpuSecondsOfProcess();
      constexpr int kIdleMs = 2000;
      if (poll(fds.data(), fds.size(), kIdleMs) != 0) return 1;
      const double share = (CpuSecondsOfProcess() - before) / (kIdleMs * 1e-3);
      line.Say(std::to_string(SleepsOfEventThread() - slept));
      line.Say(std::to_string(100 * share));
      return 0;
    });
    const uint64_t sleeps = std::stoull(idle.Hear());
    const std::string percent = idle.Hear();
    EXPECT_EQ(idle.Wait(), 0);
    const bool observer = delivery.kind() == Delivery::Kind::kObserver;
    const std::string what = absl::StrCat(n, observer ? " observers" : " consumers");
    EXPECT_LE(sleeps, 2 * rate + 10) << what;
    EXPECT_LT(std::stod(percent), (kAddressSanitizer ? 2.0 : 1.0) + 0.02 * static_cast<double>(n)) << what;
    std::printf("[          ] %s: %lu sleeps in 2 s, %s %% of a core\n", what.c_str(), sleeps,
                percent.c_str());
  }
}

TEST(PromiseEventFdThread, IsOneThreadForManyConsumersAndEndsWithThem) {
  const Watchdog watchdog("one thread");
  Child process([&](const Child::Line&) {
    const std::deque<ScratchName> names(130);
    std::vector<Producer> producers;
    std::vector<std::optional<Consumer>> consumers;
    std::vector<int> fds;
    if (!EventThreads().empty()) return 1;
    for (const ScratchName& name : names) {
      producers.push_back(Must(Producer::Create(name, {.capacity = 4096, .seats = 1})));
      consumers.emplace_back(Must(Consumer::Open(name, Delivery::Lossless())));
      fds.push_back(Must(consumers.back()->EventFd()));
      const size_t n = consumers.size();
      AwaitEventThreads(n <= 127 ? 1 : 2);
    }
    // Each message arrives, whichever thread serves its ring.
    for (const size_t i : {size_t{0}, size_t{126}, size_t{127}, size_t{129}}) {
      if (producers[i].TryPublish("m") != Sent::kOk) return 3;
      pollfd one{fds[i], POLLIN, 0};
      if (poll(&one, 1, kPatienceMs) != 1 || !consumers[i]->TryNext()) return 4;
    }
    // An event thread blocks all signals except those of its own faults, which the SIGBUS guard may handle.
    for (const std::string& task : EventThreads()) {
      std::ifstream status(task + "/status");
      std::string line;
      while (std::getline(status, line) && !line.starts_with("SigBlk:")) {
      }
      // SIGKILL, SIGSTOP and glibc's own signals cannot be blocked.
      if (line.find("fffffffe3ffbfa27") == std::string::npos) return 5;
    }
    for (auto& consumer : consumers) consumer.reset();
    AwaitEventThreads(0);
    for (const int fd : fds) close(fd);
    // A later consumer starts the event thread again.
    Consumer again = Must(Consumer::Open(names[3], Delivery::Lossless()));
    const Readable readable(again);
    AwaitEventThreads(1);
    if (producers[3].TryPublish("m") != Sent::kOk) return 6;
    return readable.In(kPatienceMs) ? 0 : 7;
  });
  EXPECT_EQ(process.Wait(), 0);
}

TEST(PromiseEventFdThread, DoesNotKeepTheProcessAlive) {
  const Watchdog watchdog("exit");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Child process([&](const Child::Line&) -> int {
    auto* const consumer = new Consumer(Must(Consumer::Open(name, Delivery::Lossless())));
    (void)Must(consumer->EventFd());
    exit(3);  // runs static destructors while the event thread lives
  });
  EXPECT_EQ(process.Wait(), 3);
}

TEST(PromiseEventFdThread, SurvivesAForkAndTheChildGetsItsOwn) {
  if (kAddressSanitizer) {
    GTEST_SKIP()
        << "the sanitizer's allocator does not guard its locks across a fork of a process with threads: the "
           "child may wait for one that the event thread had";
  }
  const Watchdog watchdog("fork");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  std::optional<Consumer> consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  std::optional<Readable> readable(std::in_place, *consumer);
  for (int round = 0; round < 20; ++round) {
    Child child([&](const Child::Line& line) {
      if (!EventThreads().empty()) return 1;
      if (consumer->TryNext().why() != Got::kForked) return 2;
      if (ErrorOf(consumer->EventFd().status()) != Error::kForked) return 3;
      (void)consumer->stats();
      consumer.reset();
      Consumer own = Must(Consumer::Open(name, Delivery::Lossless()));
      const Readable mine(own);
      AwaitEventThreads(1);
      if (mine.Now()) return 4;
      line.Say("ready");
      return mine.In(kPatienceMs) && own.TryNext() ? 0 : 5;
    });
    ASSERT_EQ(child.Hear(), "ready");
    ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
    EXPECT_EQ(child.Wait(), 0);
    ASSERT_TRUE(readable->In(kPatienceMs));
    ASSERT_TRUE(consumer->TryNext());
    ASSERT_EQ(consumer->TryNext().why(), Got::kEmpty);
    ASSERT_FALSE(readable->Now());
  }
  EXPECT_EQ(consumer->stats().late_wakeups, 0u);
}

TEST(PromiseEventFdThread, ConsumersComeAndGoWhileOthersAreRaised) {
  const Watchdog watchdog("come and go");
  const std::deque<ScratchName> names(2);
  Producer producer = Must(Producer::Create(names[0]));
  const Producer other = Must(Producer::Create(names[1]));
  Consumer consumer = Must(Consumer::Open(names[0], Delivery::Lossless()));
  const Readable readable(consumer);
  std::atomic<bool> stop{false};
  std::atomic<int> came_and_went{0};
  std::thread restless([&] {
    while (!stop.load()) {
      Consumer short_lived = Must(Consumer::Open(names[1], Delivery::Lossy()));
      const Readable its(short_lived);
      (void)short_lived.TryNext();
      came_and_went.fetch_add(1);
    }
  });
  for (int i = 0; i < 2000 || came_and_went.load() < 200; ++i) {
    ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
    ASSERT_TRUE(readable.In(kPatienceMs));
    ASSERT_TRUE(consumer.TryNext());
    ASSERT_EQ(consumer.TryNext().why(), Got::kEmpty);
    ASSERT_FALSE(readable.Now()) << "raised for what came and went elsewhere";
  }
  stop.store(true);
  restless.join();
  EXPECT_EQ(consumer.stats().late_wakeups, 0u);
}

// The program closes every descriptor that it does not know. The library must not
// write into files that get their numbers.
TEST(PromiseEventFdThread, AfterClosefromNothingIsWrittenToTheReusedDescriptor) {
  const Watchdog watchdog("closefrom");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Child process([&](const Child::Line&) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    const int mine = Must(consumer.EventFd());
    for (int fd = 3; fd <= mine; ++fd) close(fd);
    std::array<int, 2> pipe_ends{};
    std::vector<int> readers;
    for (int i = 0; i < mine; ++i) {
      if (pipe2(pipe_ends.data(), O_NONBLOCK) != 0) return 1;
      readers.push_back(pipe_ends[0]);
    }
    if (producer.next_sequence() != 0) return 2;
    Producer successor = Must(Producer::Open(name, {.take_over_timeout = std::chrono::seconds(50)}));
    if (successor.TryPublish("m") != Sent::kOk || !consumer.TryNext()) return 3;
    if (consumer.TryNext().why() != Got::kEmpty) return 4;
    if (successor.TryPublish("m") != Sent::kOk) return 5;
    Consumer second = Must(Consumer::Open(name, Delivery::Lossless()));
    const Readable readable(second);  // if this one was raised, the first one was raised too
    if (successor.TryPublish("m") != Sent::kOk || !readable.In(kPatienceMs)) return 6;
    for (const int fd : readers) {
      char c;
      if (read(fd, &c, 1) != -1) return 7;
    }
    return 0;
  });
  { const Producer gone(std::move(producer)); }
  EXPECT_EQ(process.Wait(), 0);
}

// Bug: all eventfds share one inode, so the library took eventfds that the program opened later for its own.
// It read from them, blocked in them and closed them.
TEST(PromiseEventFdThread, AfterClosefromEventFdsOfTheProgramAreLeftAlone) {
  const Watchdog watchdog("closefrom, then eventfds");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Child process([&](const Child::Line& line) {
    const auto open_now = [](int fd) { return fcntl(fd, F_GETFD) != -1; };
    std::array<bool, 256> the_programs{};
    for (size_t fd = 0; fd < the_programs.size(); ++fd) the_programs[fd] = open_now(static_cast<int>(fd));
    std::optional<Consumer> consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    const int mine = Must(consumer->EventFd());
    for (size_t fd = 0; fd < the_programs.size(); ++fd) {
      if (!the_programs[fd]) close(static_cast<int>(fd));
    }
    std::vector<int> own;
    while (own.empty() || own.back() < mine) own.push_back(eventfd(1, 0));
    if (consumer->TryNext().why() != Got::kEmpty) return 1;
    line.Say("asked");
    if (line.Hear() != "published") return 2;
    while (!consumer->TryNext()) sched_yield();
    if (consumer->TryNext().why() != Got::kEmpty) return 3;
    if (consumer->EventFd().ok()) return 4;
    consumer.reset();
    for (const int fd : own) {
      uint64_t count = 0;
      if (read(fd, &count, sizeof count) != sizeof count || count != 1) return 5;
    }
    return 0;
  });
  ASSERT_EQ(process.Hear(), "asked");
  ASSERT_EQ(producer.TryPublish("m"), Sent::kOk);
  process.Say("published");
  EXPECT_EQ(process.Wait(), 0);
}

}  // namespace
}  // namespace millrace
