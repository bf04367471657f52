// SPDX-License-Identifier: Apache-2.0
// Promise: start + received + lost + skipped = next sequence, for every delivery and every kind of start.
#include <string>
#include <tuple>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"

namespace millrace {
namespace {

using testing::Must;
using testing::ScratchName;

constexpr uint64_t kPublished = 500;  // a ring of 4 KiB retains fewer than 40 of them

struct Kind {
  std::string name;
  Delivery delivery;
};
struct Beginning {
  std::string name;
  Start start;
  uint64_t sequence;  // the sequence from which the consumer counts; 0: wherever the ring lets it begin
};

class PromiseCounts : public ::testing::TestWithParam<std::tuple<Kind, Beginning>> {
 protected:
  static void Publish(Producer& producer, uint64_t n) {
    for (uint64_t i = 0; i < n; ++i) ASSERT_EQ(producer.TryPublish(std::string(100, 'x')), Sent::kOk);
  }
  static void Expect(const Consumer& consumer, const Producer& producer) {
    const ConsumerStats stats = consumer.stats();
    EXPECT_EQ(stats.start + stats.received + stats.lost + stats.skipped, consumer.next_sequence());
    EXPECT_EQ(consumer.next_sequence() + stats.approximate_lag_messages, producer.stats().published);
  }
};

TEST_P(PromiseCounts, AddUpWhereverItBegan) {
  const auto& [kind, beginning] = GetParam();
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  ASSERT_NO_FATAL_FAILURE(Publish(producer, kPublished));
  Consumer consumer = Must(Consumer::Open(name, kind.delivery, {.start = beginning.start}));
  const uint64_t start = consumer.stats().start;
  if (beginning.sequence != 0) {
    EXPECT_EQ(start, beginning.sequence);
  }
  Expect(consumer, producer);
  uint64_t received = 0, told_lost = 0;
  const auto read = [&](uint64_t most) {
    for (uint64_t i = 0; i < most; ++i) {
      const Received got = consumer.TryNext();
      if (!got) return;
      ++received;
      told_lost += got->lost;
      Expect(consumer, producer);
    }
  };
  read(5);
  if (kind.delivery.kind() != Delivery::Kind::kGroup) Must(consumer.SkipTo(Start::Last(3)));
  Expect(consumer, producer);
  read(1);
  // If a consumer can be overrun, it is overrun here.
  const bool overrun =
      kind.delivery.kind() == Delivery::Kind::kLossy || kind.delivery.kind() == Delivery::Kind::kObserver;
  ASSERT_NO_FATAL_FAILURE(Publish(producer, overrun ? 200 : 3));
  read(kPublished);
  Expect(consumer, producer);
  const ConsumerStats stats = consumer.stats();
  EXPECT_EQ(stats.start, start) << "it stays";
  EXPECT_EQ(stats.received, received);
  EXPECT_EQ(stats.lost, told_lost);
  EXPECT_EQ(stats.approximate_lag_messages, 0u);
  EXPECT_EQ(stats.start + stats.received + stats.lost + stats.skipped, producer.stats().published);
  if (overrun) {
    EXPECT_GT(stats.lost, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , PromiseCounts,
    ::testing::Combine(
        ::testing::Values(Kind{"Lossless", Delivery::Lossless()}, Kind{"Lossy", Delivery::Lossy()},
                          Kind{"Observer", Delivery::Observer()}, Kind{"Group", Delivery::Group("g")}),
        ::testing::Values(Beginning{"End", Start::End(), kPublished}, Beginning{"Oldest", Start::Oldest(), 0},
                          Beginning{"LastTen", Start::Last(10), kPublished - 10},
                          Beginning{"MoreThanThereIs", Start::Last(400), 0},
                          Beginning{"Sequence", Start::Sequence(490), 490},
                          Beginning{"Overwritten", Start::Sequence(7), 7},
                          Beginning{"Ago", Start::Ago(std::chrono::hours(1)), 0})),
    [](const auto& both) { return std::get<0>(both.param).name + std::get<1>(both.param).name; });

}  // namespace
}  // namespace millrace
