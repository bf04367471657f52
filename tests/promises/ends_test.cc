// SPDX-License-Identifier: Apache-2.0
// Promise: whatever ends a ring for a consumer reaches the consumer in every
// kind of call, idle, spinning or busy.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/internal/layout.h"
#include "millrace/millrace.h"
#include "millrace/sigbus_guard.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::QueueWords;
using testing::ScratchName;
using testing::Watchdog;

// Never needed in full. The test names each consumer that was not reached within this time.
constexpr auto kPatience = std::chrono::seconds(40);
constexpr uint64_t kMessages = 3;  // published and read before the end

void Rm(const ScratchName& name) {
  for (const char* suffix : {".ring", ".seats", ".lock"}) unlink((name.path() + suffix).c_str());
}

// ---- the ways of asking ----------------------------------------------------------------------------------

// Another ring, which has a message for each call.
class BusyRing {
 public:
  BusyRing() : producer_(Must(Producer::Create(name_, {.capacity = 4096, .seats = 1}))) {}
  Consumer Open() { return Must(Consumer::Open(name_, Delivery::Lossless())); }
  void Feed() { (void)producer_.TryPublish("more"); }

 private:
  ScratchName name_{"busy"};
  Producer producer_;
};

struct Asker;
struct Way {
  const char* name;
  Wait wait;
  bool busy;
  Got (*ask)(Asker&);  // returns once there is a reason, or `stop`
};

struct Asker {
  Asker(const std::string& ring, const char* kind, const Delivery& delivery, const Way& how)
      : title(absl::StrCat(kind, " by ", how.name)),
        way(how),
        consumer(Must(Consumer::Open(ring, delivery, {.wait = how.wait, .report_producer_gone = true}))) {
    if (way.busy) busy.emplace();
  }
  void Run() {
    while (consumer.TryNext()) ++messages;
    asked.store(true);
    told.store(way.ask(*this));
    Consumer* const end = merge ? merge->consumer(0) : &consumer;
    error = ErrorOf(end->status());
    done.store(true);
  }
  void GiveUp() {
    stop.store(true);
    if (done.load()) return;
    if (set)
      set->Interrupt();
    else if (merge)
      merge->Interrupt();
    else
      consumer.Interrupt();
  }

  std::string title;
  const Way& way;
  Consumer consumer;
  std::optional<BusyRing> busy;
  std::optional<WaitSet> set;
  std::optional<Merge> merge;
  uint64_t messages = 0;
  Error error = Error::kNone;
  std::atomic<bool> asked{false}, done{false}, stop{false};
  std::atomic<Got> told{Got::kEmpty};
};

bool IsReason(Got got) { return got != Got::kMessage && got != Got::kEmpty && got != Got::kTimedOut; }

template <class Ask>
Got UntilReason(Asker& asker, Ask ask) {
  while (!asker.stop.load()) {
    const Got got = ask();
    if (IsReason(got)) return got;
    sched_yield();
  }
  return Got::kEmpty;
}

Got ByTryNext(Asker& asker) {
  return UntilReason(asker, [&] { return asker.consumer.TryNext().why(); });
}
Got ByPoll(Asker& asker) {
  return UntilReason(asker, [&] { return asker.consumer.Poll([](const Message&) {}).why; });
}
Got ByNext(Asker& asker) { return asker.consumer.Next().why(); }
Got BySlices(Asker& asker) {
  return UntilReason(asker, [&] { return asker.consumer.Next(milliseconds(5)).why(); });
}

Got BySet(Asker& asker, Nanos timeout) {
  Got told = Got::kEmpty;
  asker.set.emplace();
  Must(asker.set->Add(asker.consumer, [&](const Received& got) { told = got.why(); }));
  std::optional<Consumer> other;
  if (asker.busy) {
    other = asker.busy->Open();
    Must(asker.set->Add(*other, [](const Received&) {}));
  }
  return UntilReason(asker, [&] {
    if (asker.busy) asker.busy->Feed();
    const Waited waited = asker.set->Wait(timeout);
    return IsReason(waited.why) ? waited.why : told;
  });
}
Got BySetForever(Asker& asker) { return BySet(asker, kForever); }
Got BySetZero(Asker& asker) { return BySet(asker, Nanos::zero()); }

Got ByMerge(Asker& asker, Nanos timeout) {
  asker.merge.emplace();
  Must(asker.merge->Add(std::move(asker.consumer)));
  if (asker.busy) Must(asker.merge->Add(asker.busy->Open()));
  return UntilReason(asker, [&] {
    if (asker.busy) asker.busy->Feed();
    return asker.merge->Next(timeout).why();
  });
}
Got ByMergeForever(Asker& asker) { return ByMerge(asker, kForever); }
Got ByMergeZero(Asker& asker) { return ByMerge(asker, Nanos::zero()); }

// Calls TryNext only when the descriptor says that there is something to read.
Got ByEventFd(Asker& asker) {
  const int fd = Must(asker.consumer.EventFd());
  Received last = asker.consumer.TryNext();
  for (; last; last = asker.consumer.TryNext()) ++asker.messages;
  if (IsReason(last.why())) {  // it happened before the descriptor was there; kProducerGone is reported once
    close(fd);
    return last.why();
  }
  const Got told = UntilReason(asker, [&] {
    pollfd ready{fd, POLLIN, 0};
    return poll(&ready, 1, 100) == 1 ? asker.consumer.TryNext().why() : Got::kEmpty;
  });
  close(fd);
  return told;
}

const Way kWays[] = {{"TryNext", Wait::kAdaptive, false, ByTryNext},
                     {"Poll", Wait::kAdaptive, false, ByPoll},
                     {"Next, asleep", Wait::kPark, false, ByNext},
                     {"Next, spinning", Wait::kSpin, false, ByNext},
                     {"Next in slices", Wait::kAdaptive, false, BySlices},
                     {"WaitSet, asleep", Wait::kPark, false, BySetForever},
                     {"WaitSet, spinning", Wait::kSpin, false, BySetForever},
                     {"WaitSet, not waiting", Wait::kPark, false, BySetZero},
                     {"WaitSet, busy", Wait::kPark, true, BySetForever},
                     {"Merge, asleep", Wait::kPark, false, ByMergeForever},
                     {"Merge, not waiting", Wait::kPark, false, ByMergeZero},
                     {"Merge, busy", Wait::kPark, true, ByMergeForever},
                     {"EventFd", Wait::kAdaptive, false, ByEventFd}};

struct Kind {
  const char* name;
  Delivery delivery;
};
const Kind kKinds[] = {{"lossless", Delivery::Lossless()},
                       {"lossy", Delivery::Lossy()},
                       {"group", Delivery::Group("g")},
                       {"observer", Delivery::Observer()}};

// ---- the reasons -----------------------------------------------------------------------------------------

struct Scene {
  const ScratchName& name;
  Child& producer;
};
struct Reason {
  Got got;
  Error error;
  void (*happen)(const Scene&);
  bool reaches_observers = true;
};

// Lets every kind of consumer wait in every way and find nothing. Then `reason`
// happens and must reach all of them.
void ReachesEverybody(const Reason& reason) {
  const Watchdog watchdog(ToString(reason.got), 110);
  const ScratchName name;
  Child producer([&](const Child::Line& line) {
    std::optional<Producer> p = Must(Producer::Create(name, {.capacity = 65536}));
    line.Say("created");
    if (line.Hear() != "publish") return 1;
    for (uint64_t i = 0; i < kMessages; ++i) {
      if (p->Publish("message") != Sent::kOk) return 2;
    }
    line.Say("published");
    for (;;) {
      const std::string order = line.Hear();
      if (order == "close") Must(p->Close());
      if (order == "detach") p.reset();
      if (order.empty()) return 0;
    }
  });
  ASSERT_EQ(producer.Hear(), "created");
  std::deque<Asker> askers;
  for (const Kind& kind : kKinds) {
    if (kind.delivery.kind() == Delivery::Kind::kObserver && !reason.reaches_observers) continue;
    for (const Way& way : kWays) askers.emplace_back(name.str(), kind.name, kind.delivery, way);
  }
  producer.Say("publish");
  ASSERT_EQ(producer.Hear(), "published");
  std::vector<std::thread> threads;
  for (Asker& asker : askers) threads.emplace_back([&asker] { asker.Run(); });
  for (Asker& asker : askers) {
    while (!asker.asked.load()) sched_yield();
  }
  QueueWords(name.path()).AwaitSleeper();
  for (Asker& asker : askers)
    EXPECT_FALSE(asker.done.load()) << asker.title << " ended before anything happened";

  reason.happen({name, producer});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto all_done = [&] {
    for (Asker& asker : askers) {
      if (!asker.done.load()) return false;
    }
    return true;
  };
  while (!all_done() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(1));
  uint64_t of_group = 0;
  for (Asker& asker : askers) asker.GiveUp();
  for (std::thread& thread : threads) thread.join();
  for (Asker& asker : askers) {
    EXPECT_EQ(asker.told.load(), reason.got) << asker.title << ": " << ToString(asker.told.load());
    EXPECT_EQ(asker.error, reason.error) << asker.title << ": " << ToString(asker.error);
    if (asker.title.starts_with("group"))
      of_group += asker.messages;
    else
      EXPECT_EQ(asker.messages, kMessages) << asker.title;
  }
  EXPECT_EQ(of_group, kMessages);
}

TEST(PromiseEnds, ACloseReachesEveryWaiter) {
  ReachesEverybody({Got::kClosed, Error::kClosed, [](const Scene& scene) { scene.producer.Say("close"); }});
}
TEST(PromiseEnds, AnEvictionReachesEveryWaiter) {
  ReachesEverybody({Got::kEvicted, Error::kEvicted,
                    [](const Scene& scene) {
                      const RingInfo info = Must(SegmentManager().Inspect(scene.name));
                      for (const SeatInfo& seat : info.consumers)
                        Must(SegmentManager().Evict(scene.name, seat.seat, seat.generation));
                    },
                    false});
}
TEST(PromiseEnds, AnUnlinkReachesEveryWaiter) {
  ReachesEverybody({Got::kRemoved, Error::kRemoved, [](const Scene& scene) {
                      Must(SegmentManager().Unlink(scene.name, SegmentManager::Force::kYes));
                    }});
}
TEST(PromiseEnds, RmReachesEveryWaiter) {
  ReachesEverybody({Got::kRemoved, Error::kRemoved, [](const Scene& scene) { Rm(scene.name); }});
}
TEST(PromiseEnds, RmOfARingWithASecondLinkReachesEveryWaiter) {
  ReachesEverybody({Got::kRemoved, Error::kRemoved, [](const Scene& scene) {
                      const std::string stem = scene.name.path();
                      unlink((stem + ".lock").c_str());
                      ASSERT_EQ(link((stem + ".ring").c_str(), (stem + ".lock").c_str()), 0);
                      unlink((stem + ".ring").c_str());
                    }});
}
TEST(PromiseEnds, AnotherRingUnderTheNameReachesEveryWaiter) {
  ReachesEverybody({Got::kRemoved, Error::kRemoved, [](const Scene& scene) {
                      const ScratchName other;
                      Must(SegmentManager().Create(other, {}));
                      for (const char* suffix : {".seats", ".ring"})
                        ASSERT_EQ(
                            rename((other.path() + suffix).c_str(), (scene.name.path() + suffix).c_str()), 0);
                    }});
}
TEST(PromiseEnds, DamageReachesEveryWaiter) {
  ReachesEverybody({Got::kDamaged, Error::kDamaged, [](const Scene& scene) {
                      const QueueWords words(scene.name.path());
                      const uint64_t here = kMessages * internal::FrameBytes(sizeof "message" - 1);
                      std::atomic_ref(*reinterpret_cast<uint64_t*>(words.data() + here)).store(~uint64_t{0});
                    }});
}
TEST(PromiseEnds, AHoleInTheRingReachesEveryWaiter) {
  ReachesEverybody(
      {Got::kDamaged, Error::kDamaged, [](const Scene& scene) {
         const int fd = open((scene.name.path() + ".ring").c_str(), O_RDWR | O_CLOEXEC);
         ASSERT_EQ(
             fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, internal::RingFileBytes(65536)), 0);
         close(fd);
       }});
}
TEST(PromiseEnds, ATruncatedRingReachesEveryWaiter) {
  Must(InstallSigbusGuard());
  ReachesEverybody({Got::kDamaged, Error::kDamaged, [](const Scene& scene) {
                      ASSERT_EQ(truncate((scene.name.path() + ".ring").c_str(), 8192 + 4096), 0);
                    }});
}
TEST(PromiseEnds, AKilledProducerReachesEveryWaiterThatAskedForIt) {
  ReachesEverybody(
      {Got::kProducerGone, Error::kProducerGone, [](const Scene& scene) { scene.producer.Kill(); }});
}
TEST(PromiseEnds, ADetachedProducerReachesEveryWaiterThatAskedForIt) {
  ReachesEverybody(
      {Got::kProducerGone, Error::kProducerGone, [](const Scene& scene) { scene.producer.Say("detach"); }});
}

// ---- removal that was seen half-way ----------------------------------------------------------------------

// Bug: the remover stores its word, wakes the sleepers, and unlinks. A consumer that looked between these
// steps never learned of the removal, unless it was asleep.
TEST(PromiseEnds, ARemovalSeenHalfWayReachesAPollingConsumer) {
  const Watchdog watchdog("seen half-way");
  for (const auto& [name_of_way, ask] : {std::pair<const char*, Got (*)(Asker&)>{"TryNext", ByTryNext},
                                         {"Poll", ByPoll},
                                         {"set", BySetZero}}) {
    const ScratchName name;
    const Producer producer = Must(Producer::Create(name));
    const Way way{name_of_way, Wait::kAdaptive, false, ask};
    Asker asker(name, "lossless", Delivery::Lossless(), way);
    {
      const QueueWords words(name.path());
      std::atomic_ref(words.control().room.removed).store(1);
    }
    EXPECT_EQ(asker.consumer.TryNext().why(), Got::kEmpty) << "its names are still there";
    Rm(name);
    EXPECT_EQ(ask(asker), Got::kRemoved) << name_of_way;
  }
}

// After chdir() a relative path names another place. It then says nothing
// about a ring that was opened before.
TEST(PromiseEnds, AChangeOfTheCurrentDirectoryIsNoRemoval) {
  const Watchdog watchdog("chdir");
  const testing::ScratchDir dir;
  Child child([&](const Child::Line&) {
    if (chdir(dir.path().c_str()) != 0) return 1;
    Producer producer = Must(Producer::Create("q", {}, {.directory = "."}));
    Consumer consumer = Must(Consumer::Open("q", Delivery::Lossless(), {.directory = "."}));
    if (chdir("/") != 0) return 2;
    if (const Got why = consumer.Next(milliseconds(1500)).why(); why != Got::kTimedOut) return 3;
    if (!producer.Check().ok()) return 4;
    unlink((dir.path() + "/q.ring").c_str());
    return consumer.Next().why() == Got::kRemoved ? 0 : 5;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// Messages that were published before the end are always read, at whichever point between two looks of the
// consumer the end happens.
TEST(PromiseEnds, MessagesPublishedBeforeAnUnlinkReachAPollingConsumer) {
  const Watchdog watchdog("last messages");
  for (int round = 0; round < 50; ++round) {
    const ScratchName name;
    Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    std::atomic<bool> polling{false};
    std::thread other([&] {
      while (!polling.load()) sched_yield();
      for (int i = 0; i < 20; ++i) EXPECT_EQ(producer.TryPublish("m"), Sent::kOk);
      Must(SegmentManager().Unlink(name, SegmentManager::Force::kYes));
    });
    uint64_t read = 0;
    for (;;) {
      const Received got = consumer.TryNext();
      polling.store(true);
      read += got ? 1 : 0;
      if (IsReason(got.why())) break;
    }
    other.join();
    EXPECT_EQ(read, 20u);
  }
}

// ---- members of groups in sets ---------------------------------------------------------------------------

// A group member that has once returned kEmpty, while another member holds the only message.
struct HeldByAnother {
  explicit HeldByAnother(const Way& way)
      : producer(Must(Producer::Create(name, {.capacity = 65536}))),
        holder([this](const Child::Line& line) {
          Consumer c = Must(Consumer::Open(name, Delivery::Group("g")));
          line.Say("joined");
          if (!c.Next()) return 1;
          line.Say("taken");
          if (line.Hear() != "acknowledge") return 2;
          c.Ack();
          line.Say("acknowledged");
          (void)line.Hear();
          return 0;
        }),
        joined(holder.Hear()),
        asker(name, "group", Delivery::Group("g"), way) {}

  ScratchName name;
  Producer producer;
  Child holder;
  std::string joined;
  Asker asker;
};

const Way kSetsThatNeverSleep[] = {{"a spinning set", Wait::kSpin, false, BySetForever},
                                   {"a set that does not wait", Wait::kPark, false, BySetZero},
                                   {"a busy set", Wait::kPark, true, BySetForever},
                                   {"a busy merge", Wait::kPark, true, ByMergeForever}};

TEST(PromiseEnds, AMemberInASetThatNeverSleepsLearnsThatItsGroupHasEnded) {
  const Watchdog watchdog("end of a group");
  for (const Way& way : kSetsThatNeverSleep) {
    HeldByAnother scene(way);
    ASSERT_EQ(scene.producer.Publish("job"), Sent::kOk);
    ASSERT_EQ(scene.holder.Hear(), "taken");
    Must(scene.producer.Close());
    std::thread thread([&] { scene.asker.Run(); });
    while (!scene.asker.asked.load()) sched_yield();
    scene.holder.Say("acknowledge");
    EXPECT_EQ(scene.holder.Hear(), "acknowledged");
    thread.join();
    EXPECT_EQ(scene.asker.told.load(), Got::kClosed) << way.name;
  }
}

TEST(PromiseEnds, AMemberInASetThatNeverSleepsGetsTheMessageOfADeadMember) {
  const Watchdog watchdog("redelivery");
  for (const bool busy : {false, true}) {
    for (const Wait wait : {Wait::kSpin, Wait::kPark}) {
      const Way way{"a set", wait, busy, BySetForever};
      HeldByAnother scene(way);
      WaitSet set;
      uint32_t deliveries = 0;
      Must(set.Add(scene.asker.consumer,
                   [&](const Received& got) { deliveries = got ? got->deliveries : 99; }));
      std::optional<Consumer> other;
      if (busy) {
        other = scene.asker.busy->Open();
        Must(set.Add(*other, [](const Received&) {}));
      }
      EXPECT_EQ(set.Wait(Nanos::zero()).why, Got::kTimedOut);
      ASSERT_EQ(scene.producer.Publish("job"), Sent::kOk);
      ASSERT_EQ(scene.holder.Hear(), "taken");
      EXPECT_EQ(set.Wait(milliseconds(1)).why, Got::kTimedOut);
      scene.holder.Kill();
      while (deliveries == 0) {
        if (busy) scene.asker.busy->Feed();
        (void)set.Wait(wait == Wait::kSpin || busy ? kForever : Nanos::zero());
      }
      EXPECT_EQ(deliveries, 2u);
    }
  }
}

// ---- producers that wait for consumers -------------------------------------------------------------------

TEST(PromiseEnds, WaitForConsumersReturnsWhenTheRingIsRemoved) {
  for (const bool by_hand : {false, true}) {
    const Watchdog watchdog("WaitForConsumers of a removed ring");
    const ScratchName name;
    Child producer([&](const Child::Line& line) {
      Producer p = Must(Producer::Create(name));
      line.Say("waiting");
      if (p.WaitForConsumers(1)) return 1;
      return ErrorOf(p.Check()) == Error::kRemoved ? 0 : 2;
    });
    ASSERT_EQ(producer.Hear(), "waiting");
    if (by_hand)
      Rm(name);
    else
      Must(SegmentManager().Unlink(name, SegmentManager::Force::kYes));
    EXPECT_EQ(producer.Wait(), 0) << (by_hand ? "rm" : "unlink --force");
  }
}

TEST(PromiseEnds, WaitingForMoreConsumersThanSeatsIsRefused) {
  const Watchdog watchdog("more than there are seats");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.seats = 2}));
  EXPECT_FALSE(producer.WaitForConsumers(3));
  Must(producer.Check());
}

}  // namespace
}  // namespace millrace
