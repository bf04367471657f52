// What one consumer got, counted by the test itself and compared with what the library says.
#ifndef MILLRACE_TESTS_SUPPORT_TALLY_H_
#define MILLRACE_TESTS_SUPPORT_TALLY_H_

#include <cstdint>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/oracle.h"

namespace millrace::testing {

// Plain: it may lie in a SharedPage, counted in a child and judged by its parent.
struct Tally {
  uint64_t start = 0, next = 0;  // sequences
  uint64_t received = 0, lost = 0, skipped = 0;
  uint64_t untold = 0;  // passed over by an overrun, to be told with the next message
  uint64_t torn = 0, misplaced = 0;  // messages with wrong bytes; with a wrong sequence or lost count
  ConsumerStats said{};              // by the library, at Finish
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
  // After SkipTo.
  void Skipped(const Consumer& consumer) {
    skipped += consumer.next_sequence() - next;
    next = consumer.next_sequence();
  }
  void Finish(const Consumer& consumer, Got why = Got::kMessage) {
    said = consumer.stats();
    untold = consumer.next_sequence() - next;
    end = why;
  }
  // Reads what is there, without waiting; why there is no more.
  Got Drain(Consumer& consumer, const Oracle& oracle, uint64_t at_most = ~uint64_t{0}) {
    for (; at_most > 0; --at_most) {
      const Received got = consumer.TryNext();
      if (!got) return got.why();
      Take(*got, oracle);
    }
    return Got::kMessage;
  }
  // Reads, waiting, until there is a reason to stop; records it.
  void ReadUntilEnd(Consumer& consumer, const Oracle& oracle, Nanos timeout = kForever) {
    Received got = consumer.Next(timeout);
    for (; got; got = consumer.Next(timeout)) Take(*got, oracle);
    Finish(consumer, got.why());
  }

  // Conservation, by the test's own counters and by the library's.
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

// Publishes the oracle's messages up to sequence `end`. What stopped it, kOk if nothing did.
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
// The same without waiting: until the ring is full or `end` is reached.
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
