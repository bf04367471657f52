// SPDX-License-Identifier: Apache-2.0
// Two prunes run against creators, successors and openers, all together on two names, and some of them are
// killed. No queue in use is harmed, and nothing of a dead process remains.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <algorithm>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"
#include "tests/support/child.h"
#include "tests/support/oracle.h"
#include "tests/support/shared_page.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using ::testing::IsEmpty;
using testing::Oracle;
using testing::Scene;
using testing::SharedPage;
using testing::Watchdog;
using Count = std::atomic<uint64_t>;

constexpr uint64_t kRounds = 10'000;
constexpr uint64_t kKillEvery = 150;  // rounds

struct Scores {
  std::atomic<bool> over{false};
  // Lives of a producer or consumer, and removals. Tries that found no ring do not count.
  Count rounds{0};
  Count created{0}, taken_over{0}, refused{0}, opened{0}, nothing_there{0}, messages{0};
  Count removed{0}, in_use{0}, replaced{0}, gone{0}, looks{0};
  Count harmed{0};
  char first_harm[300] = {};

  void Harm(const std::string& what) {
    if (harmed.fetch_add(1) == 0) std::strncpy(first_harm, what.c_str(), sizeof first_harm - 1);
  }
};

class Racer {
 public:
  Racer(const Scene& scene, Scores& scores, uint64_t seed)
      : scene_(scene), scores_(scores), state_(seed << 32) {}

  void Prune() {
    scores_.looks += 1;
    const auto found = scene_.manager().FindStale(Nanos::zero());
    if (!found.ok()) return scores_.Harm("looking: " + found.status().ToString());
    for (const Stale& stale : *found) {
      const absl::Status removed = scene_.manager().Prune(stale);
      switch (ErrorOf(removed)) {
        case Error::kNone:
          scores_.removed += 1;
          scores_.rounds += 1;
          break;
        case Error::kInUse:
          scores_.in_use += 1;
          break;
        case Error::kIncarnation:
          scores_.replaced += 1;
          break;
        case Error::kNotFound:
          scores_.gone += 1;
          break;
        default:
          scores_.Harm("removing: " + removed.ToString());
      }
    }
  }

  // Creates the ring or takes it over, publishes a little, and leaves in one of several ways.
  void Produce() {
    const std::string name = Name();
    ProducerOptions options = scene_.Here();
    options.take_over_timeout = std::chrono::milliseconds(2);
    const bool only_existing = OneIn(3);
    auto producer =
        only_existing ? Producer::Open(name, options) : Producer::OpenOrCreate(name, scene_.Small(), options);
    if (ErrorOf(producer.status()) == Error::kProducerAlive) return void(scores_.refused += 1);
    if (only_existing && ErrorOf(producer.status()) == Error::kNotFound)
      return void(scores_.nothing_there += 1);
    // Both names of the ring were removed and created between its two looks.
    if (ErrorOf(producer.status()) == Error::kIncarnation) return void(scores_.replaced += 1);
    if (!producer.ok()) return scores_.Harm("producing: " + producer.status().ToString());
    scores_.rounds += 1;
    (producer->next_sequence() == 0 ? scores_.created : scores_.taken_over) += 1;
    const ino_t inode = scene_.InodeOf(name + ".ring");
    for (uint64_t i = Random() % 20; i > 0; --i) {
      const Sent sent = producer->TryPublish(oracle_.Make(producer->next_sequence()));
      if (sent != Sent::kOk && sent != Sent::kFull)
        scores_.Harm(std::string("publishing: ") + ToString(sent));
    }
    if (absl::Status s = producer->Check(); !s.ok()) scores_.Harm("under its producer: " + s.ToString());
    if (inode == 0 || scene_.InodeOf(name + ".ring") != inode) scores_.Harm("replaced under its producer");
    if (OneIn(2)) return;
    if (absl::Status s = producer->Close(); !s.ok()) scores_.Harm("closing: " + s.ToString());
  }

  void Consume() {
    const std::string name = Name();
    const bool lossless = OneIn(2);
    auto consumer = Consumer::Open(name, lossless ? Delivery::Lossless() : Delivery::Lossy(),
                                   scene_.From(Start::Oldest()));
    switch (ErrorOf(consumer.status())) {
      case Error::kNone:
        break;
      case Error::kNotFound:
        return void(scores_.nothing_there += 1);
      case Error::kIncarnation:  // the ring was replaced a hundred times during Open
        return void(scores_.replaced += 1);
      case Error::kEvicted:  // evicted while it joined
        return void(scores_.refused += 1);
      default:
        return scores_.Harm("opening: " + consumer.status().ToString());
    }
    scores_.rounds += 1;
    scores_.opened += 1;
    const ino_t inode = scene_.InodeOf(name + ".ring");
    for (uint64_t i = Random() % 30; i > 0; --i) {
      const Received got = consumer->TryNext();
      if (got && !oracle_.Check(got->sequence, got->payload)) scores_.Harm("a torn message");
      if (got) scores_.messages += 1;
      if (!got && got.why() != Got::kEmpty && got.why() != Got::kClosed)
        scores_.Harm("reading: " + consumer->status().ToString());
    }
    if (inode == 0 || scene_.InodeOf(name + ".ring") != inode) scores_.Harm("removed under its consumer");
  }

 private:
  uint64_t Random() { return testing::Mix(state_++); }
  bool OneIn(uint64_t n) { return Random() % n == 0; }
  std::string Name() { return OneIn(2) ? "mill" : "race"; }

  const Scene& scene_;
  Scores& scores_;
  uint64_t state_;
  const Oracle oracle_{1, 16, 200};
};

TEST(CleanupRace, PrunesHarmNoLivingQueueAndLeaveNothingDead) {
  const Watchdog watchdog("race of prunes", 110);
  const Scene scene;
  const SharedPage<Scores> scores;
  uint64_t forks = 0;
  const auto start_racer = [&](void (Racer::*act)()) {
    const uint64_t seed = ++forks;
    return std::make_unique<Child>([&, act, seed](const Child::Line&) {
      Racer racer(scene, *scores, seed);
      while (!scores->over.load()) {
        (racer.*act)();
        sched_yield();  // gives other racers a turn on machines with few CPUs
      }
      return 0;
    });
  };
  void (Racer::*const acts[])() = {&Racer::Prune, &Racer::Prune, &Racer::Produce, &Racer::Produce,
                                   &Racer::Consume};
  std::vector<std::unique_ptr<Child>> racers;
  for (const auto act : acts) racers.push_back(start_racer(act));

  // A race in which one side never ran proves nothing. So it continues until each side has reached its quota.
  const auto all_had_theirs = [&] {
    const Count* const counts[] = {&scores->created, &scores->taken_over, &scores->opened, &scores->messages,
                                   &scores->removed};
    return std::all_of(std::begin(counts), std::end(counts),
                       [](const Count* count) { return count->load() > 500; });
  };
  uint64_t kills = 0;
  for (uint64_t next = kKillEvery;
       (scores->rounds.load() < kRounds || !all_had_theirs()) && scores->harmed.load() == 0;) {
    if (scores->rounds.load() < next) {
      sched_yield();
      continue;
    }
    const size_t victim = testing::Mix(next) % std::size(acts);
    racers[victim]->Kill(SIGKILL);
    ASSERT_EQ(racers[victim]->Wait(), 128 + SIGKILL);
    racers[victim] = start_racer(acts[victim]);
    ++kills;
    next += kKillEvery;
  }
  scores->over.store(true);
  for (const auto& racer : racers) EXPECT_EQ(racer->Wait(), 0);
  EXPECT_EQ(scores->harmed.load(), 0u) << scores->first_harm;

  const auto last = scene.FindStale();
  for (const Stale& stale : last) EXPECT_EQ(scene.Prune(stale), Error::kNone) << stale.name;
  EXPECT_THAT(scene.Entries(), IsEmpty()) << "dead, and not found";

  const auto show = [](const Count& count) { return static_cast<unsigned long long>(count.load()); };
  std::printf(
      "%llu rounds: %llu created, %llu taken over, %llu refused, %llu opened (%llu messages), %llu times "
      "nothing there;\n"
      "%llu looks of two prunes: %llu removed, %llu in use, %llu gone, %llu replaced; %llu processes killed; "
      "%llu harmed\n",
      show(scores->rounds), show(scores->created), show(scores->taken_over), show(scores->refused),
      show(scores->opened), show(scores->messages), show(scores->nothing_there), show(scores->looks),
      show(scores->removed), show(scores->in_use), show(scores->gone), show(scores->replaced),
      static_cast<unsigned long long>(kills), show(scores->harmed));
  EXPECT_GE(scores->rounds.load(), kRounds);
  for (const Count* count :
       {&scores->created, &scores->taken_over, &scores->opened, &scores->messages, &scores->removed})
    EXPECT_GT(count->load(), 500u);
  EXPECT_GT(kills, 10u);
}

}  // namespace
}  // namespace millrace
