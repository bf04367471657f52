// SPDX-License-Identifier: Apache-2.0
// A unit test of code that uses millrace (GoogleTest). Each test has its own ring, removed at the end of the
// scope, so tests can run in parallel. One thread can be both sides if it never waits for itself.
//   millrace_unit_test
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "millrace/millrace.h"
#include "millrace/testing.h"

// The code under test: adds up the numbers in a ring until its producer closes it or dies (then -1).
int64_t Sum(millrace::Consumer& numbers) {
  int64_t sum = 0;
  for (;;) {
    const millrace::Received number = numbers.Next(std::chrono::milliseconds(50));
    if (number) sum += std::stoi(std::string(number->text()));
    if (number.why() == millrace::Got::kClosed) return sum;
    if (number.why() == millrace::Got::kTimedOut && !numbers.producer().alive) return -1;
  }
}

TEST(Sum, OfWhatWasPublishedBeforeTheClose) {
  const millrace::ScopedRing ring;  // declared first, so destroyed last
  auto producer = millrace::Producer::Create(ring);
  auto consumer = millrace::Consumer::Open(ring, millrace::Delivery::Lossless());
  ASSERT_TRUE(producer.ok() && consumer.ok()) << producer.status() << consumer.status();
  for (const char* number : {"1", "2", "39"}) ASSERT_EQ(producer->Publish(number), millrace::Sent::kOk);
  ASSERT_TRUE(producer->Close().ok());
  EXPECT_EQ(Sum(*consumer), 42);
}

TEST(Sum, OfAProducerThatDiesIsNone) {
  const millrace::ScopedRing ring;
  auto consumer = [&] {  // to consumers, the detaching destructor looks like a crash
    auto producer = millrace::Producer::Create(ring);
    return millrace::Consumer::Open(ring, millrace::Delivery::Lossless());
  }();
  EXPECT_EQ(Sum(consumer.value()), -1);
}

TEST(FullRing, OneThreadOnBothSidesNeedsATimeOut) {
  const millrace::ScopedRing ring;
  auto producer = millrace::Producer::Create(ring, {.capacity = 4096});
  auto consumer = millrace::Consumer::Open(ring, millrace::Delivery::Lossless());
  const std::string message(500, 'x');
  millrace::Sent sent = millrace::Sent::kOk;
  // Without the time-out Publish would wait forever: the consumer cannot read before this call returns.
  while (sent == millrace::Sent::kOk) sent = producer->Publish(message, std::chrono::milliseconds(10));
  EXPECT_EQ(sent, millrace::Sent::kTimedOut);
  while (consumer->TryNext()) {
  }  // reads all messages, which makes room
  EXPECT_EQ(producer->Publish(message), millrace::Sent::kOk);
}
