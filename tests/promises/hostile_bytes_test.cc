// SPDX-License-Identifier: Apache-2.0
// Promise: the contents of shared memory may be hostile. Whatever they are, no process crashes or hangs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/internal/layout.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/shared_page.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::microseconds;
using testing::Child;
using testing::Mix;
using testing::Must;
using testing::Oracle;
using testing::QueueWords;
using testing::ScratchDir;
using testing::SharedPage;
using testing::Watchdog;

constexpr size_t kCapacity = 4096;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t operator()() { return state_ = Mix(state_); }
  uint64_t Below(uint64_t n) { return (*this)() % n; }

 private:
  uint64_t state_;
};

uint64_t HostileValue(Random& random) {
  const uint64_t values[] = {0,
                             1,
                             7,
                             8,
                             ~uint64_t{0},
                             kCapacity,
                             kCapacity - 1,
                             kCapacity + 1,
                             kCapacity - 8,
                             kCapacity + 8,
                             uint64_t{1} << 31,
                             uint64_t{1} << 32,
                             uint64_t{1} << 63,
                             (uint64_t{1} << 63) - 8,
                             random(),
                             random() & 0xffffffff,
                             random() & 0xfff8,
                             random() & 0xffff};
  return values[random.Below(std::size(values))];
}

// Overwrites or flips words of the file. Prefers areas whose words are read by another process.
void Damage(testing::MappedFile& file, bool ring, Random& random) {
  const size_t areas_ring[][2] = {{0, 128}, {4096, 640}, {4096 + 2048, 2048}, {8192, kCapacity}};
  const size_t areas_seats[][2] = {{0, 96}, {2048, 640}, {4096, 1024}, {2560, 256}};
  const uint64_t times = 1 + random.Below(4);
  for (uint64_t i = 0; i < times; ++i) {
    const size_t(&area)[2] = ring ? areas_ring[random.Below(4)] : areas_seats[random.Below(4)];
    const size_t at = (area[0] + random.Below(area[1])) & ~size_t{7};
    // A reader looks again for 100 ms if two incarnations differ. So only some cases damage them.
    const size_t incarnation =
        ring ? offsetof(internal::RingHeader, incarnation) : offsetof(internal::SeatsHeader, incarnation);
    if (at >= incarnation && at < incarnation + 16 && random.Below(50) != 0) continue;
    uint64_t word;
    std::memcpy(&word, file.data() + at, sizeof word);
    switch (random.Below(4)) {
      case 0:
        word ^= uint64_t{1} << random.Below(64);
        break;
      case 1:
        word += random.Below(33) - 16;
        break;
      default:
        word = HostileValue(random);
    }
    // Stores one whole word, like a peer.
    std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(file.data() + at))
        .store(word, std::memory_order_relaxed);
  }
}

struct Progress {
  std::atomic<uint64_t> cases{0}, answers{0}, refused{0}, messages{0};
};

// Reads a few messages in every way. Only the return of each call matters.
void Consume(Consumer& consumer, Progress& progress) {
  for (int i = 0; i < 40; ++i) {
    const Received got = i < 36 ? consumer.TryNext() : consumer.Next(microseconds(5));
    ++progress.answers;
    if (!got) {
      (void)consumer.status().ok();
      if (i < 36) i = 35;
      continue;
    }
    ++progress.messages;
    uint64_t sum = 0;
    for (const std::byte b : got->payload) sum += static_cast<uint64_t>(b);  // lent bytes must be readable
    asm volatile("" : : "r"(sum));
  }
  (void)consumer.StillIntact();
  (void)consumer.SkipTo(Start::Last(3)).ok();
  (void)consumer.producer();
  (void)consumer.stats();
}

Delivery KindOf(uint64_t i) {
  return i % 4 == 0   ? Delivery::Lossless()
         : i % 4 == 1 ? Delivery::Lossy()
         : i % 4 == 2 ? Delivery::Observer()
                      : Delivery::Group("g", i % 8 == 3);
}
Start StartOf(uint64_t i) {
  return i % 4 == 0   ? Start::Oldest()
         : i % 4 == 1 ? Start::Last(3)
         : i % 4 == 2 ? Start::End()
                      : Start::Sequence(15);
}

// Runs one case: a sound queue that is damaged before or after the handles are opened. All kinds of handles
// then use it.
void Case(uint64_t seed, const ScratchDir& dir, QueueWords& words, const std::vector<std::byte>& ring,
          const std::vector<std::byte>& seats, Progress& progress) {
  Random random(seed);
  std::memcpy(words.ring_file().data(), ring.data(), ring.size());
  std::memcpy(words.seats_file().data(), seats.data(), seats.size());
  const bool late = random.Below(2) == 0;
  const uint64_t who = random.Below(5);
  const auto damage = [&] {
    const bool in_ring = random.Below(3) != 0;
    Damage(in_ring ? words.ring_file() : words.seats_file(), in_ring, random);
  };
  if (!late) damage();
  if (who == 0) {
    absl::StatusOr<RingInfo> info = SegmentManager(dir.path()).Inspect("q");
    info.ok() ? ++progress.answers : ++progress.refused;
    (void)SegmentManager(dir.path()).List().ok();
    return;
  }
  if (who == 1) {
    absl::StatusOr<Producer> producer = Producer::Open("q", {.directory = dir.path()});
    if (!producer.ok()) {
      ++progress.refused;
      return;
    }
    if (late) Damage(words.seats_file(), false, random);  // only the producer itself can write the ring
    for (int i = 0; i < 60; ++i) {
      if (producer->Publish(std::string(random.Below(200), 'h'), microseconds(i % 20 == 0 ? 5 : 0)) ==
          Sent::kOk)
        ++progress.messages;
      ++progress.answers;
    }
    (void)producer->WaitForConsumers(1, microseconds(1));
    (void)producer->Check().ok();
    return;
  }
  absl::StatusOr<Consumer> consumer =
      Consumer::Open("q", KindOf(random()),
                     {.start = StartOf(random()), .copy = random.Below(2) == 0, .directory = dir.path()});
  if (!consumer.ok()) {
    ++progress.refused;
    return;
  }
  if (late) damage();
  Consume(*consumer, progress);
}

void ExpectNoCrashNoHang(Child& victim, Progress& progress, uint64_t cases, uint64_t seed) {
  uint64_t seen = 0;
  for (std::string said = victim.Hear(20'000); said != "done"; said = victim.Hear(20'000)) {
    ASSERT_EQ(said, "going on") << (victim.Kill(), victim.Wait()) << ": crashed or hung in case "
                                << progress.cases.load() << " of seed " << seed;
    ASSERT_GE(progress.cases.load(), seen);  // several lines may be queued; only silence shows a hang
    seen = progress.cases.load();
  }
  EXPECT_EQ(victim.Wait(), 0);
  EXPECT_EQ(progress.cases.load(), cases);
  EXPECT_GT(progress.refused.load(), 0u);
  EXPECT_GT(progress.messages.load(), 0u);
  std::printf("%llu cases, %llu answers, %llu refusals at opening, %llu messages, 0 crashes\n",
              static_cast<unsigned long long>(cases),
              static_cast<unsigned long long>(progress.answers.load()),
              static_cast<unsigned long long>(progress.refused.load()),
              static_cast<unsigned long long>(progress.messages.load()));
}

// Makes a queue that has completed a few laps, with marks and a seat in use.
void MakeQueue(const ScratchDir& dir) {
  const Oracle oracle(9, 0, 200);
  Producer producer =
      Must(Producer::Create("q", {.capacity = kCapacity, .seats = 4}, {.directory = dir.path()}));
  Consumer consumer = Must(Consumer::Open("q", Delivery::Lossless(), {.directory = dir.path()}));
  for (uint64_t i = 0; i < 150; ++i) {
    ASSERT_EQ(testing::PublishUntil(producer, oracle, i + 1), Sent::kOk);
    if (i < 145) {
      ASSERT_TRUE(consumer.TryNext());
    }
  }
}

TEST(PromiseHostileBytes, NoContentsCauseACrashOrAHang) {
  const Watchdog watchdog("hostile bytes", 110);
  const ScratchDir dir;
  ASSERT_NO_FATAL_FAILURE(MakeQueue(dir));
  constexpr uint64_t kCases = 30'000, kSeed = 20'240'601;
  const SharedPage<Progress> progress;
  Child victim([&](const Child::Line& line) {
    QueueWords words(dir / "q");
    const std::vector<std::byte> ring(words.ring_file().data(),
                                      words.ring_file().data() + words.ring_file().bytes());
    const std::vector<std::byte> seats(words.seats_file().data(),
                                       words.seats_file().data() + words.seats_file().bytes());
    for (uint64_t i = 0; i < kCases; ++i) {
      progress->cases = i + 1;
      Case(Mix(kSeed + i), dir, words, ring, seats, *progress);
      if (i % 500 == 499) line.Say("going on");
    }
    line.Say("done");
    return 0;
  });
  ExpectNoCrashNoHang(victim, *progress, kCases, kSeed);
}

// Runs the cases while an attacker in another process overwrites words all the time.
TEST(PromiseHostileBytes, NoConcurrentScribblingCausesACrashOrAHang) {
  const Watchdog watchdog("scribbler", 110);
  const ScratchDir dir;
  ASSERT_NO_FATAL_FAILURE(MakeQueue(dir));
  constexpr uint64_t kCases = 4'000, kSeed = 77;
  const SharedPage<Progress> progress;
  Child attacker([&](const Child::Line& line) -> int {
    QueueWords words(dir / "q");
    const std::vector<std::byte> ring(words.ring_file().data(),
                                      words.ring_file().data() + words.ring_file().bytes());
    const std::vector<std::byte> seats(words.seats_file().data(),
                                       words.seats_file().data() + words.seats_file().bytes());
    line.Say("scribbling");
    Random random(kSeed);
    for (;;) {
      const bool in_ring = random.Below(2) == 0;
      Damage(in_ring ? words.ring_file() : words.seats_file(), in_ring, random);
      if (random.Below(16) != 0) continue;  // now and then whole again, so that the handles get far
      std::memcpy(words.ring_file().data(), ring.data(), ring.size());
      std::memcpy(words.seats_file().data(), seats.data(), seats.size());
    }
  });
  ASSERT_EQ(attacker.Hear(), "scribbling");
  Child victim([&](const Child::Line& line) {
    for (uint64_t i = 0; i < kCases; ++i) {
      progress->cases = i + 1;
      const uint64_t random = Mix(kSeed + i);
      if (i % 5 == 0) {
        (void)SegmentManager(dir.path()).Inspect("q").ok();
      } else if (i % 5 == 1) {
        absl::StatusOr<Producer> producer = Producer::Open("q", {.directory = dir.path()});
        for (int k = 0; producer.ok() && k < 50; ++k) {
          if (producer->TryPublish(std::string(random % 300, 'h')) == Sent::kOk) ++progress->messages;
        }
      } else {
        absl::StatusOr<Consumer> consumer =
            Consumer::Open("q", KindOf(random), {.start = StartOf(random / 16), .directory = dir.path()});
        if (consumer.ok())
          Consume(*consumer, *progress);
        else
          ++progress->refused;
      }
      if (i % 100 == 99) line.Say("going on");
    }
    line.Say("done");
    return 0;
  });
  ExpectNoCrashNoHang(victim, *progress, kCases, kSeed);
}

}  // namespace
}  // namespace millrace
