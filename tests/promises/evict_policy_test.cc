// SPDX-License-Identifier: Apache-2.0
// Promise: an evicted consumer learns who evicted it, when and why. It can query
// whether the message it reads stayed whole.
#include <string>

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

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

TEST(PromiseEvict, AnInPlaceReaderCanCheckThatItsMessageStayedIntact) {
  const Watchdog watchdog("evicted in place");
  const ScratchName name;
  const Oracle oracle;
  const SharedPage<Tally> tally;
  Producer producer = Must(Producer::Create(
      name, {.capacity = 4096}, {.on_full = OnFull::kEvictSlowest, .evict_after = milliseconds(5)}));
  Child reader([&](const Child::Line& line) {
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    tally->Begin(consumer);
    line.Say("joined");
    const Received lent = consumer.Next();
    if (!lent || !consumer.StillIntact()) return 1;
    tally->Take(*lent, oracle);
    line.Say("holding");
    if (line.Hear() != "full") return 2;
    if (!consumer.StillIntact() || !oracle.Check(0, lent->payload)) return 3;  // not evicted yet
    line.Say("intact");
    if (line.Hear() != "evicted") return 4;
    if (consumer.StillIntact()) return 5;  // the producer has written a full lap since then
    const Got why = consumer.TryNext().why();
    tally->Finish(consumer, why);
    line.Say(consumer.status().ToString());
    return 0;
  });
  ASSERT_EQ(reader.Hear(), "joined");
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 1), Sent::kOk);
  ASSERT_EQ(reader.Hear(), "holding");
  ASSERT_EQ(testing::PublishWithoutWaiting(producer, oracle, 1000), Sent::kFull);
  reader.Say("full");
  ASSERT_EQ(reader.Hear(), "intact");
  ASSERT_EQ(testing::PublishUntil(producer, oracle, producer.next_sequence() + 200), Sent::kOk);
  EXPECT_EQ(producer.stats().evictions, 1u);
  reader.Say("evicted");
  const std::string said = reader.Hear();
  EXPECT_NE(said.find(name.str()), std::string::npos) << said;
  EXPECT_NE(said.find("producer"), std::string::npos) << said;
  EXPECT_NE(said.find("held the producer back"), std::string::npos) << said;
  EXPECT_NE(said.find("open the ring again"), std::string::npos) << said;
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_EQ(tally->end, Got::kEvicted);
}

// evict_after adds up over several waiting calls. A small message that still fits does not restart the time
// of the consumer that leaves no room for large ones.
TEST(PromiseEvict, AMessageThatStillFitsDoesNotBuyTime) {
  const Watchdog watchdog("bought time");
  const ScratchName name;
  Producer producer =
      Must(Producer::Create(name, {}, {.on_full = OnFull::kEvictSlowest, .evict_after = milliseconds(2000)}));
  const Consumer stuck = Must(Consumer::Open(name, Delivery::Lossless()));
  const std::string large(4000, 'x');
  while (producer.TryPublish(large) == Sent::kOk) {
  }
  EXPECT_EQ(producer.Publish(large, milliseconds(1500)), Sent::kTimedOut);
  EXPECT_EQ(producer.Publish("small", milliseconds(0)), Sent::kOk);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(producer.Publish(large, milliseconds(10'000)), Sent::kOk);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(1500));
  EXPECT_EQ(producer.stats().evictions, 1u);
}

TEST(PromiseEvict, SparesReadersThatAdvanceAndLossyConsumers) {
  const Watchdog watchdog("spared");
  const ScratchName name;
  const Oracle oracle;
  struct Tallies {
    Tally reads, lossy;
  };
  const SharedPage<Tallies> tallies;
  Producer producer = Must(Producer::Create(
      name, {.capacity = 4096}, {.on_full = OnFull::kEvictSlowest, .evict_after = milliseconds(200)}));
  const auto run = [&](Delivery delivery, Tally& tally) {
    return [&, delivery](const Child::Line& line) {
      Consumer consumer = Must(Consumer::Open(name, delivery));
      tally.Begin(consumer);
      line.Say("joined");
      tally.ReadUntilEnd(consumer, oracle);
      return 0;
    };
  };
  Child reads(run(Delivery::Lossless(), tallies->reads)), lossy(run(Delivery::Lossy(), tallies->lossy));
  Child sleeps([&](const Child::Line& line) {
    const Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    line.Say("joined");
    return line.Hear() == "end" ? 0 : 1;
  });
  for (const Child* child : {&reads, &lossy, &sleeps}) ASSERT_EQ(child->Hear(), "joined");
  ASSERT_EQ(testing::PublishUntil(producer, oracle, 20'000), Sent::kOk);
  EXPECT_EQ(producer.stats().evictions, 1u);
  ASSERT_TRUE(producer.Close().ok());
  EXPECT_EQ(reads.Wait(), 0);
  EXPECT_EQ(lossy.Wait(), 0);
  EXPECT_EQ(tallies->reads.end, Got::kClosed);
  EXPECT_EQ(tallies->reads.lost, 0u);
  tallies->reads.ExpectConserved(20'000, 0);
  tallies->lossy.ExpectConserved(20'000, 0);
}

}  // namespace
}  // namespace millrace
