// SPDX-License-Identifier: Apache-2.0
// Promise: Last(1) of a slow publisher is still retained after the producer has reserved ahead.
#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::Watchdog;

Delivery KindOf(uint64_t i) {
  return i % 8 == 0 ? Delivery::Lossless() : i % 8 == 4 ? Delivery::Lossy() : Delivery::Observer();
}

// Uses sizes around every boundary, at every position that they lead to. After each message another process
// reads the current value, with and without an open claim above it.
TEST(PromiseSlowPublisher, TheLastMessageIsFoundAfterTheProducerReservedAhead) {
  const Watchdog watchdog("Last(1)");
  uint64_t looks = 0;
  for (const size_t capacity : {size_t{4096}, size_t{65536}}) {
    const size_t most = capacity / 8;
    for (const size_t size : {size_t{0}, size_t{1}, size_t{8}, capacity / 64 - 8, capacity / 64,
                              capacity / 64 + 1, capacity / 16, most / 2, most - 8, most}) {
      const ScratchName name;
      const Oracle oracle(size, size, size);
      Child publisher([&](const Child::Line& line) {
        Producer producer = Must(Producer::Create(name, {.capacity = capacity}));
        const uint64_t laps = 3 * capacity / (size + 8);
        // With small messages, only the end of the last lap is checked.
        const uint64_t fast = laps > 130 ? laps - 130 : 0;
        for (uint64_t i = 0; i < laps; ++i) {
          if (testing::PublishUntil(producer, oracle, i + 1) != Sent::kOk) return 1;
          if (i < fast) continue;
          line.Say("published " + std::to_string(i));
          if (line.Hear() != "seen") return 2;
          // Makes room above the newest message.
          const Claim ahead = producer.TryClaim(most - testing::Mix(i) % (most / 2));
          if (!ahead) return 3;
          line.Say("claimed " + std::to_string(i));
          if (line.Hear() != "seen") return 4;
        }
        line.Say("end");
        return 0;
      });
      for (std::string words = publisher.Hear(); words != "end"; words = publisher.Hear()) {
        ASSERT_NE(words, "") << "publisher ended with " << publisher.Wait();
        const uint64_t newest = std::stoull(words.substr(words.find(' ')));
        Consumer consumer = Must(Consumer::Open(name, KindOf(looks), {.start = Start::Last(1)}));
        ++looks;
        const Received got = consumer.TryNext();
        ASSERT_TRUE(got) << ToString(got.why()) << " capacity " << capacity << " size " << size << " "
                         << words;
        ASSERT_EQ(got->sequence, newest) << "capacity " << capacity << " size " << size << " " << words;
        ASSERT_EQ(got->lost, 0u);
        ASSERT_TRUE(oracle.Check(newest, got->payload));
        ASSERT_EQ(consumer.TryNext().why(), Got::kEmpty);
        publisher.Say("seen");
      }
      EXPECT_EQ(publisher.Wait(), 0);
    }
  }
  std::printf("%llu looks at the current value\n", static_cast<unsigned long long>(looks));
  EXPECT_GT(looks, 1000u);
}

}  // namespace
}  // namespace millrace
