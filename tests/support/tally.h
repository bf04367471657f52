// SPDX-License-Identifier: Apache-2.0
// Counts what one consumer received, independently of the library, and compares both counts.
#ifndef MILLRACE_TESTS_SUPPORT_TALLY_H_
#define MILLRACE_TESTS_SUPPORT_TALLY_H_

#include <cstdint>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/oracle.h"

namespace millrace::testing {

// Trivially copyable: a child can fill a Tally in a SharedPage, and its parent reads it there.
struct Tally {
  uint64_t start = 0, next = 0;  // sequences
  uint64_t received = 0, lost = 0, skipped = 0;
  // Messages passed over by an overrun that no later message has reported yet.
  uint64_t untold = 0;
  // `torn`: messages with wrong bytes. `misplaced`: messages with a wrong sequence or lost count.
  uint64_t torn = 0, misplaced = 0;
  ConsumerStats said{};  // the library's counts, taken at Finish
  Got end = Got::kMessage;

  void Begin(uint64_t first) { start = next = first; }
  void Begin(const Consumer& consumer) { Begin(consumer.next_sequence()); }

  void Take(const Message& message, const Oracle& oracle) {
    const uint64_t gap = message.sequence - next;
    if (message.sequence < next || gap != message.lost || message.deliveries != 1) ++misplaced;
    if (!oracle.Check(message.sequence, message.payload)) ++torn;
    lost += gap;
    ++received;
    next = message.sequence + 1;
  }
  // Records that SkipTo has moved the consumer.
  void Skipped(const Consumer& consumer) {
    skipped += consumer.next_sequence() - next;
    next = consumer.next_sequence();
  }
  void Finish(const Consumer& consumer, Got why = Got::kMessage) {
    said = consumer.stats();
    untold = consumer.next_sequence() - next;
    end = why;
  }
  // Reads up to `at_most` messages without waiting. Returns the reason for the stop, kMessage at the limit.
  Got Drain(Consumer& consumer, const Oracle& oracle, uint64_t at_most = ~uint64_t{0}) {
    for (; at_most > 0; --at_most) {
      const Received got = consumer.TryNext();
      if (!got) return got.why();
      Take(*got, oracle);
    }
    return Got::kMessage;
  }
  // Reads, and waits, until the consumer returns a reason to stop. Records that reason.
  void ReadUntilEnd(Consumer& consumer, const Oracle& oracle, Nanos timeout = kForever) {
    Received got = consumer.Next(timeout);
    for (; got; got = consumer.Next(timeout)) Take(*got, oracle);
    Finish(consumer, got.why());
  }

  // Expects that every published message was received, lost, skipped or left unread, by both counts.
  void ExpectConserved(uint64_t published, uint64_t unread) const {
    EXPECT_EQ(torn, 0u);
    EXPECT_EQ(misplaced, 0u);
    EXPECT_EQ(received + lost + untold + skipped + unread, published - start);
    EXPECT_EQ(said.received, received);
    EXPECT_EQ(said.lost, lost + untold);
    EXPECT_EQ(said.skipped, skipped);
    EXPECT_EQ(said.received + said.lost + said.skipped + unread, published - start);
    EXPECT_EQ(said.late_wakeups, 0u);
  }
};

// Publishes the oracle's messages below sequence `end`. Returns kOk, or why a claim failed.
inline Sent PublishUntil(Producer& producer, const Oracle& oracle, uint64_t end, Nanos timeout = kForever) {
  while (producer.next_sequence() < end) {
    const uint64_t sequence = producer.next_sequence();
    Claim claim = producer.WaitClaim(oracle.SizeOf(sequence), timeout);
    if (!claim) return claim.why();
    oracle.Fill(sequence, claim.bytes());
    claim.Commit();
  }
  return Sent::kOk;
}
// Publishes like PublishUntil, but without waiting: stops when the ring is full.
inline Sent PublishWithoutWaiting(Producer& producer, const Oracle& oracle, uint64_t end) {
  while (producer.next_sequence() < end) {
    const uint64_t sequence = producer.next_sequence();
    Claim claim = producer.TryClaim(oracle.SizeOf(sequence));
    if (!claim) return claim.why();
    oracle.Fill(sequence, claim.bytes());
    claim.Commit();
  }
  return Sent::kOk;
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_TALLY_H_
