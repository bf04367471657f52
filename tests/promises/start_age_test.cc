// SPDX-License-Identifier: Apache-2.0
// Promise: a start by age returns all messages up to that age, and at most one chunk of older ones.
#include <time.h>

#include <algorithm>
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

int64_t NowNs() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

int64_t TicksNs(int n) {
  timespec tick{};
  clock_getres(CLOCK_REALTIME_COARSE, &tick);
  return n * tick.tv_nsec;
}

// What a child process did: the clock before and after its start, and what it then read.
struct Look {
  int64_t before_ns, after_ns;
  Tally tally;
};

class PromiseStartByAge : public ::testing::TestWithParam<int> {
 protected:
  Delivery delivery() const {
    return GetParam() == 0   ? Delivery::Lossless()
           : GetParam() == 1 ? Delivery::Lossy()
                             : Delivery::Observer();
  }
  // Publishes bursts with pauses of five kernel ticks between them. Each message was published between its
  // times in `before_` and `after_`.
  void PublishBursts() {
    for (int burst = 0; burst < 8; ++burst) {
      for (int i = 0; i < 400; ++i) {
        before_.push_back(NowNs());
        ASSERT_EQ(testing::PublishUntil(producer_, oracle_, before_.size()), Sent::kOk);
        after_.push_back(NowNs());
        while (NowNs() < before_.back() + kPaceNs) {
        }
      }
      const int64_t end = NowNs();
      pauses_.push_back(end);
      while (NowNs() < end + TicksNs(5)) usleep(1000);
    }
  }
  // Runs a consumer in another process that begins at `age`, or at the oldest message and skips to `age`.
  // Drains the ring and returns the result.
  Look LookBack(Nanos age, bool skip) {
    const SharedPage<Look> look;
    Child child([&](const Child::Line&) {
      look->before_ns = NowNs();
      Consumer consumer =
          Must(Consumer::Open(name_, delivery(), {.start = skip ? Start::Oldest() : Start::Ago(age)}));
      look->after_ns = NowNs();
      look->tally.Begin(consumer);
      if (skip) {
        look->before_ns = NowNs();
        if (!consumer.SkipTo(Start::Ago(age)).ok()) return 1;
        look->after_ns = NowNs();
        look->tally.Skipped(consumer);
      }
      const Got why = look->tally.Drain(consumer, oracle_);
      look->tally.Finish(consumer, why);
      return 0;
    });
    EXPECT_EQ(child.Wait(), 0);
    EXPECT_EQ(look->tally.end, Got::kEmpty);
    EXPECT_EQ(look->tally.lost, 0u);
    look->tally.ExpectConserved(producer_.next_sequence(), 0);
    return *look;
  }
  static uint64_t FirstFrom(const std::vector<int64_t>& times, int64_t ns) {
    return static_cast<uint64_t>(std::lower_bound(times.begin(), times.end(), ns) - times.begin());
  }

  static constexpr int64_t kPaceNs = 20'000;  // makes a burst longer than a start takes
  static constexpr uint64_t kInAChunk = 65536 / 64 / 32;
  const Watchdog watchdog_{"start by age"};
  const ScratchName name_;
  const Oracle oracle_{1, 24, 24};  // frames of 32 bytes: the ring holds 2048
  Producer producer_ = Must(Producer::Create(name_, {.capacity = 65536}));
  std::vector<int64_t> before_, after_, pauses_;
};

TEST_P(PromiseStartByAge, GivesAllYoungMessagesAndAtMostOneChunkOfOlderOnes) {
  PublishBursts();
  std::vector<int64_t> times = pauses_;  // in the middle of each pause; times within bursts are added below
  for (int64_t& time : times) time += TicksNs(2);
  for (size_t i = 1400; i < after_.size(); i += 400) times.push_back(after_[i]);
  for (const bool skip : {false, true}) {
    for (const int64_t time : times) {
      const Nanos age(NowNs() - time);
      const Look look = LookBack(age, skip);
      const uint64_t oldest = LookBack(kForever, false).tally.start;
      const uint64_t first = look.tally.start + look.tally.skipped;
      EXPECT_LE(first, std::max(oldest, FirstFrom(before_, look.after_ns - age.count())))
          << "younger ones are missing";
      // Where the producer's fine clock would need a system call, its marks are up to one tick late.
      const uint64_t needed = FirstFrom(after_, look.before_ns - age.count() - TicksNs(1));
      EXPECT_GE(first + kInAChunk + 1, needed) << "more than a chunk earlier";
    }
  }
}

TEST_P(PromiseStartByAge, AnAgeAboveEveryMessageIsTheOldestAndZeroIsTheEnd) {
  EXPECT_EQ(LookBack(std::chrono::hours(1), false).tally.received, 0u);
  EXPECT_EQ(LookBack(Nanos::zero(), false).tally.received, 0u);
  PublishBursts();
  for (const Nanos age : {Nanos(std::chrono::hours(1)), Nanos(std::chrono::years(100)), kForever}) {
    // Chunks of 64 in the ring. A lossless consumer begins above what the producer has announced.
    const uint64_t chunks = GetParam() == 0 ? 59 : 61;
    EXPECT_GE(LookBack(age, false).tally.received, 2048u * chunks / 64);
    EXPECT_EQ(LookBack(age, true).tally.skipped, 0u) << "never goes back";
  }
  const Tally now = LookBack(Nanos::zero(), false).tally;
  EXPECT_EQ(now.start, producer_.next_sequence());
  EXPECT_EQ(LookBack(Nanos::zero(), true).tally.received, 0u);
}

TEST_P(PromiseStartByAge, SkippingNeverGoesBack) {
  PublishBursts();
  Consumer consumer = Must(Consumer::Open(name_, delivery(), {.start = Start::Last(5)}));
  ASSERT_TRUE(consumer.SkipTo(Start::Ago(std::chrono::hours(1))).ok());
  ASSERT_TRUE(consumer.SkipTo(Start::Ago(Nanos(NowNs() - pauses_[6]))).ok());
  EXPECT_EQ(consumer.next_sequence(), producer_.next_sequence() - 5);
}

// A start time in the future. `Start::Ago(now - then)` gives one if two clocks differ a little.
TEST_P(PromiseStartByAge, ANegativeAgeIsTheEnd) {
  PublishBursts();
  EXPECT_EQ(LookBack(Nanos(-1), false).tally.received, 0u);
  Consumer consumer = Must(Consumer::Open(name_, delivery(), {.start = Start::Last(5)}));
  ASSERT_TRUE(consumer.SkipTo(Start::Ago(Nanos::min())).ok());
  EXPECT_EQ(consumer.next_sequence(), producer_.next_sequence());
}

// 300 years and hours::max() cannot be expressed in nanoseconds.
TEST_P(PromiseStartByAge, AnAgeBeyondNanosecondsIsTheOldest) {
  PublishBursts();
  const uint64_t oldest = LookBack(kForever, false).tally.received;
  EXPECT_GT(oldest, 0u);
  EXPECT_EQ(LookBack(std::chrono::years(300), false).tally.received, oldest);
  EXPECT_EQ(LookBack(std::chrono::hours::max(), false).tally.received, oldest);
}

INSTANTIATE_TEST_SUITE_P(, PromiseStartByAge, ::testing::Values(0, 1, 2), [](const auto& kind) {
  return std::string(kind.param == 0 ? "Lossless" : kind.param == 1 ? "Lossy" : "Observer");
});

}  // namespace
}  // namespace millrace
