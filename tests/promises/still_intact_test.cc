// SPDX-License-Identifier: Apache-2.0
// Promise: StillIntact is about the current message only, and returns false if there is none.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"

namespace millrace {
namespace {

using testing::Must;
using testing::ScratchName;

struct Reader {
  std::string name;
  Delivery delivery;
  bool copy = false;
};

class PromiseStillIntact : public ::testing::TestWithParam<Reader> {
 protected:
  PromiseStillIntact() : producer_(Must(Producer::Create(name_, {.capacity = 4096}))), consumer_(Open()) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(producer_.TryPublish(std::string(100, 'a')), Sent::kOk);
  }
  Consumer Open() { return Must(Consumer::Open(name_, GetParam().delivery, {.copy = GetParam().copy})); }

  ScratchName name_;
  Producer producer_;
  Consumer consumer_;
};

TEST_P(PromiseStillIntact, IsFalseBeforeTheFirstMessage) {
  EXPECT_FALSE(consumer_.StillIntact());
  ASSERT_TRUE(consumer_.TryNext());
  EXPECT_TRUE(consumer_.StillIntact());
}

TEST_P(PromiseStillIntact, IsFalseAfterAck) {
  ASSERT_TRUE(consumer_.TryNext());
  consumer_.Ack();
  EXPECT_FALSE(consumer_.StillIntact());
  ASSERT_TRUE(consumer_.TryNext());
  EXPECT_TRUE(consumer_.StillIntact());
}

TEST_P(PromiseStillIntact, IsFalseAfterSkipping) {
  if (GetParam().delivery.kind() == Delivery::Kind::kGroup) return;  // a group member cannot skip
  ASSERT_TRUE(consumer_.TryNext());
  Must(consumer_.SkipTo(Start::Last(1)));
  EXPECT_FALSE(consumer_.StillIntact());
  ASSERT_TRUE(consumer_.TryNext());
  EXPECT_TRUE(consumer_.StillIntact());
}

TEST_P(PromiseStillIntact, IsFalseAfterTheLastMessage) {
  while (consumer_.TryNext()) EXPECT_TRUE(consumer_.StillIntact());
  EXPECT_FALSE(consumer_.StillIntact());
}

// Reads eleven laps of a ring that holds at most 40 of these messages.
TEST_P(PromiseStillIntact, IsRightInEveryLap) {
  while (consumer_.TryNext()) {
  }
  for (int i = 0; i < 440; ++i) {
    ASSERT_EQ(producer_.TryPublish(std::string(90, 'b')), Sent::kOk) << i;
    ASSERT_TRUE(consumer_.TryNext());
    EXPECT_TRUE(consumer_.StillIntact()) << i;
    if (i % 3 == 0) consumer_.Ack();
    EXPECT_EQ(consumer_.StillIntact(), i % 3 != 0) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , PromiseStillIntact,
    ::testing::Values(Reader{"Lossless", Delivery::Lossless()}, Reader{"Copy", Delivery::Lossless(), true},
                      Reader{"Lossy", Delivery::Lossy()}, Reader{"Observer", Delivery::Observer()},
                      Reader{"Group", Delivery::Group("g")}, Reader{"GroupCopy", Delivery::Group("g"), true}),
    [](const auto& kind) { return kind.param.name; });

// A copy belongs to the consumer: a producer that writes a full lap does not change it.
TEST(PromiseStillIntactCopy, StaysIntactWhateverTheProducerDoes) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  Consumer consumer = Must(Consumer::Open(name, Delivery::Lossy()));
  ASSERT_EQ(producer.TryPublish("mine"), Sent::kOk);
  const Received mine = consumer.TryNext();
  ASSERT_TRUE(mine);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(producer.TryPublish(std::string(100, 'b')), Sent::kOk);
  EXPECT_TRUE(consumer.StillIntact());
  EXPECT_EQ(mine->text(), "mine");
}

}  // namespace
}  // namespace millrace
