// SPDX-License-Identifier: Apache-2.0
// Promise: a typed handle does what an untyped one does, without going through it.
#include <poll.h>
#include <unistd.h>

#include <cstdint>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Must;
using testing::ScratchName;
using testing::Watchdog;

bool IsReadable(int fd) {
  pollfd looked{fd, POLLIN, 0};
  return poll(&looked, 1, 0) == 1;
}

TEST(PromiseTypedHandles, CloseWaitAndReportWithoutTheUntypedHandle) {
  const Watchdog watchdog("a typed handle");
  const ScratchName name;
  auto producer = Must(TypedProducer<uint64_t>::Create(name));
  EXPECT_FALSE(producer.WaitForConsumers(1, Nanos::zero()));
  auto consumer = Must(TypedConsumer<uint64_t>::Open(name, Delivery::Lossless()));
  EXPECT_TRUE(producer.WaitForConsumers(1));
  EXPECT_TRUE(producer.Check().ok());
  const int event = Must(consumer.EventFd());
  EXPECT_EQ(consumer.TryNext().why(), Got::kEmpty);
  EXPECT_FALSE(IsReadable(event));

  for (uint64_t i = 0; i < 3; ++i) ASSERT_EQ(producer.Publish(i), Sent::kOk);
  EXPECT_EQ(producer.next_sequence(), 3u);
  EXPECT_EQ(producer.stats().published, 3u);
  EXPECT_EQ(*consumer.Next(), 0u);
  EXPECT_TRUE(consumer.StillIntact());
  consumer.Ack();
  EXPECT_EQ(consumer.next_sequence(), 1u);
  ASSERT_TRUE(consumer.SkipTo(Start::Last(1)).ok());
  EXPECT_EQ(*consumer.Next(), 2u);
  EXPECT_EQ(consumer.stats().received, 2u);
  EXPECT_EQ(consumer.stats().skipped, 1u);

  EXPECT_TRUE(consumer.producer().alive);
  ASSERT_TRUE(producer.Close().ok());
  EXPECT_EQ(consumer.Next().why(), Got::kClosed);
  EXPECT_EQ(ErrorOf(consumer.status()), Error::kClosed);
  EXPECT_TRUE(consumer.producer().closed);
  close(event);
}

TEST(PromiseTypedHandles, CanBeInterrupted) {
  const Watchdog watchdog("a typed handle");
  const ScratchName name;
  auto producer = Must(TypedProducer<uint64_t>::Create(name));
  auto consumer = Must(TypedConsumer<uint64_t>::Open(name, Delivery::Lossless()));
  consumer.Interrupt();
  EXPECT_EQ(consumer.Next().why(), Got::kInterrupted);
  producer.Interrupt();
  EXPECT_FALSE(producer.WaitForConsumers(2));
  EXPECT_TRUE(producer.valid() && consumer.valid());
}

}  // namespace
}  // namespace millrace
