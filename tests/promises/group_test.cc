// SPDX-License-Identifier: Apache-2.0
// Promise: in a group each message goes to exactly one member. Another member gets it, marked as delivered
// again, only after the first one died, was evicted or left without acknowledging it. No message is left
// without a member.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/oracle.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch.h"
#include "tests/support/shared_page.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Watchdog;
using Clock = std::chrono::steady_clock;

const Delivery kWorkers = Delivery::Group("workers");

Consumer Member(const ScratchName& name, const ConsumerOptions& options = {}) {
  return Must(Consumer::Open(name, kWorkers, options));
}
SeatInfo SeatLabelled(const ScratchName& name, const std::string& label) {
  for (const SeatInfo& seat : Must(SegmentManager().Inspect(name)).consumers)
    if (seat.label == label) return seat;
  ADD_FAILURE() << "no seat of " << label;
  return {};
}
void EvictLabelled(const ScratchName& name, const std::string& label) {
  const SeatInfo seat = SeatLabelled(name, label);
  ASSERT_TRUE(SegmentManager().Evict(name, seat.seat, seat.generation).ok());
}
// Publishes the texts "0", "1", ...
void PublishNumbers(Producer& producer, int n) {
  for (int i = 0; i < n; ++i)
    ASSERT_EQ(producer.TryPublish(std::to_string(producer.next_sequence())), Sent::kOk);
}
// A member in its own process. It takes one message, reports which, and holds it until its parent says
// otherwise.
int TakeOneAndHold(const ScratchName& name, const Child::Line& line, const std::string& label = "holder") {
  Consumer member = Must(Consumer::Open(name, kWorkers, {.label = label}));
  line.Say("joined");
  const Received got = member.Next();
  line.Say(got ? std::to_string(got->sequence) + " " + std::to_string(got->deliveries)
               : std::string(ToString(got.why())));
  const std::string then = line.Hear();
  if (then == "ack") member.Ack();
  if (then == "next") {
    const Received next = member.TryNext();
    line.Say(next ? std::to_string(next->sequence) : std::string(ToString(next.why())));
    line.Hear();
  }
  return 0;
}

struct Counts {
  static constexpr int kMost = 200'000;
  // `times` counts all deliveries of a message, `first_times` those that were marked as the first.
  std::atomic<uint8_t> times[kMost]{}, first_times[kMost]{};
  std::atomic<uint64_t> received{0}, marked{0}, wrong{0};
};
void Count(const Message& message, const Oracle& oracle, Counts& counts) {
  if (!oracle.Check(message.sequence, message.payload) || message.lost != 0) ++counts.wrong;
  ++counts.times[message.sequence];
  ++counts.received;
  if (message.deliveries > 1)
    ++counts.marked;
  else
    ++counts.first_times[message.sequence];
}
// Reads to the end of the closed ring and counts every message.
int CountToTheEnd(const ScratchName& name, const Oracle& oracle, Counts& counts,
                  const ConsumerOptions& options) {
  Consumer member = Must(Consumer::Open(name, kWorkers, options));
  for (;;) {
    const Received got = member.Next();
    if (!got) return got.why() == Got::kClosed ? 0 : 1;
    Count(*got, oracle, counts);
  }
}

TEST(PromiseGroup, EachMessageGoesToOneMember) {
  const Watchdog watchdog("a group");
  for (const uint32_t at_once : {1u, 8u}) {
    const ScratchName name;
    const Oracle oracle;
    const SharedPage<Counts> counts;
    constexpr int kMembers = 3, kMessages = 50'000;
    Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
    std::vector<std::unique_ptr<Child>> members;
    for (int i = 0; i < kMembers; ++i) {
      members.push_back(std::make_unique<Child>([&](const Child::Line&) {
        return CountToTheEnd(name, oracle, *counts, {.messages_per_lease = at_once});
      }));
    }
    ASSERT_TRUE(producer.WaitForConsumers(kMembers));
    Consumer beside = Must(Consumer::Open(name, Delivery::Lossy()));
    ASSERT_EQ(testing::PublishUntil(producer, oracle, kMessages), Sent::kOk);
    ASSERT_TRUE(producer.Close().ok());
    for (auto& member : members) EXPECT_EQ(member->Wait(), 0);
    EXPECT_EQ(counts->wrong, 0u);
    EXPECT_EQ(counts->received, uint64_t{kMessages});
    EXPECT_EQ(counts->marked, 0u) << "nobody died";
    for (int i = 0; i < kMessages; ++i) ASSERT_EQ(counts->times[i], 1) << "message " << i;
    EXPECT_EQ(Must(SegmentManager().Inspect(name)).consumers.size(), 1u) << "all members have left";
  }
}

TEST(PromiseGroup, AMessageOfADeadMemberArrivesAtTheNextEmptyPoll) {
  const Watchdog watchdog("a dead member's message");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer member = Member(name);
  for (int kill = 0; kill < 20; ++kill) {
    Child dying([&](const Child::Line& line) { return TakeOneAndHold(name, line); });
    ASSERT_EQ(dying.Hear(), "joined");
    const std::string number = std::to_string(producer.next_sequence());
    PublishNumbers(producer, 1);
    ASSERT_EQ(dying.Hear(), number + " 1");
    ASSERT_EQ(member.TryNext().why(), Got::kEmpty) << "it is in somebody's hands";
    dying.Kill();
    dying.Wait();  // when the child is reaped, the kernel has already released its locks
    const Received again = member.TryNext();
    ASSERT_TRUE(again) << ToString(again.why());
    EXPECT_EQ(again->text(), number);
    EXPECT_EQ(again->deliveries, 2u);
    ASSERT_EQ(member.TryNext().why(), Got::kEmpty);
  }
}

TEST(PromiseGroup, AMessageThatKilledFiveMembersStillArrives) {
  const Watchdog watchdog("a deadly message");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer patient = Member(name);
  PublishNumbers(producer, 1);
  for (int kill = 0; kill < 5; ++kill) {
    Child dying([&](const Child::Line& line) { return TakeOneAndHold(name, line); });
    ASSERT_EQ(dying.Hear(), "joined");
    ASSERT_EQ(dying.Hear(), "0 " + std::to_string(kill + 1));
    dying.Kill();
    dying.Wait();
  }
  const Received got = patient.TryNext();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->deliveries, 6u);
}

TEST(PromiseGroup, SleepingMembersGetADeadMembersMessage) {
  const Watchdog watchdog("sleeping members");
  constexpr int kKills = 100;
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer member = Must(Consumer::Open(name, kWorkers, {.wait = Wait::kPark}));
  std::vector<double> ms;
  for (int kill = 0; kill < kKills; ++kill) {
    Child dying([&](const Child::Line& line) { return TakeOneAndHold(name, line); });
    ASSERT_EQ(dying.Hear(), "joined");
    PublishNumbers(producer, 1);
    ASSERT_NE(dying.Hear(), "");
    std::atomic<int64_t> killed{0};
    std::thread killer([&] {
      testing::QueueWords(name.path()).AwaitSleeper();
      killed = Clock::now().time_since_epoch().count();
      dying.Kill();
    });
    const Received got = member.Next();
    ms.push_back(1e-6 * static_cast<double>(Clock::now().time_since_epoch().count() - killed));
    killer.join();
    ASSERT_TRUE(got);
    ASSERT_EQ(got->deliveries, 2u);
    member.Ack();
  }
  std::nth_element(ms.begin(), ms.begin() + kKills / 2, ms.end());
  EXPECT_LT(ms[kKills / 2], 200.0);
  std::printf("%d kills, redelivered after %.1f ms (median)\n", kKills, ms[kKills / 2]);
}

// One message hangs every member that works on it. Each member except the
// last is stopped and evicted in turn.
TEST(PromiseGroup, AStoppedMemberKeepsItsMessageUntilItIsEvicted) {
  const Watchdog watchdog("stopped members");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer last = Member(name);
  PublishNumbers(producer, 1);
  std::vector<std::unique_ptr<Child>> hanging;
  for (int i = 0; i < 3; ++i) {
    const std::string label = "hanging" + std::to_string(i);
    hanging.push_back(
        std::make_unique<Child>([&](const Child::Line& line) { return TakeOneAndHold(name, line, label); }));
    ASSERT_EQ(hanging[i]->Hear(), "joined");
    ASSERT_EQ(hanging[i]->Hear(), "0 " + std::to_string(i + 1));
    hanging[i]->Kill(SIGSTOP);
    ASSERT_EQ(last.TryNext().why(), Got::kEmpty) << "stopped is not dead";
    EvictLabelled(name, label);
  }
  const Received got = last.TryNext();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->deliveries, 4u);
  for (auto& child : hanging) {
    child->Kill(SIGCONT);
    child->Say("next");
    EXPECT_EQ(child->Hear(), "kEvicted");
    child->Say("end");
    EXPECT_EQ(child->Wait(), 0);
  }
  ASSERT_EQ(last.TryNext().why(), Got::kEmpty) << "once is enough";
}

// The copy is refused then. The message still belongs to another member,
// whatever Poll acknowledges at its end.
TEST(PromiseGroup, AMessageIsRedeliveredIfItsMemberIsEvictedDuringTheCopy) {
  const Watchdog watchdog("evicted in a copy");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 16 << 20}));
  Consumer other = Member(name);
  const std::string large(1 << 20, 'x');  // the copy takes about as long as the eviction's time varies
  int refused = 0;
  for (unsigned round = 0; round < 400; ++round) {
    std::optional<Consumer> member = Member(name, {.copy = true, .label = "victim"});
    const SeatInfo seat = SeatLabelled(name, "victim");
    ASSERT_EQ(producer.Publish(large), Sent::kOk);
    std::atomic<bool> go{false};
    std::thread evicter([&] {
      while (!go.load()) continue;
      EXPECT_TRUE(SegmentManager().Evict(name, seat.seat, seat.generation).ok());
    });
    go.store(true);
    const auto start = Clock::now() + std::chrono::microseconds(round * 37 % 400);
    while (Clock::now() < start) continue;
    const Polled polled = member->Poll([](const Message&) {});
    evicter.join();
    member.reset();
    refused += polled.handled == 0;
    const Received got = polled.handled == 0 ? other.Next(seconds(10)) : other.TryNext();
    if (polled.handled == 0) {
      ASSERT_TRUE(got) << "round " << round << ": nobody was given the message";
    }
    if (got) {
      ASSERT_EQ(got->sequence, round);
      ASSERT_EQ(other.TryNext().why(), Got::kEmpty);
    }
  }
  EXPECT_GT(refused, 0) << "the eviction never came in time";
}

TEST(PromiseGroup, LeavingDoesNotAcknowledge) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer stays = Member(name);
  PublishNumbers(producer, 2);
  {
    Consumer leaves = Member(name);
    ASSERT_EQ(leaves.TryNext()->sequence, 0u);
    leaves.Ack();
    ASSERT_EQ(leaves.TryNext()->sequence, 1u);
  }
  const Received got = stays.TryNext();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->sequence, 1u);
  EXPECT_EQ(got->deliveries, 2u);
}

TEST(PromiseGroup, AHandlerThatThrowsHasNotConsumedItsMessage) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer member = Member(name);
  PublishNumbers(producer, 3);
  EXPECT_THROW(
      {
        const Polled polled = member.Poll([](const Message& m) {
          if (m.sequence == 1) throw std::runtime_error("no");
        });
        ADD_FAILURE() << polled.handled;
      },
      std::runtime_error);
  const Received got = member.TryNext();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->sequence, 1u);
  EXPECT_EQ(got->deliveries, 2u);
  EXPECT_EQ(member.stats().received, 2u);
}

// Poll acknowledges a message as soon as its handler returns, although no
// call has requested the next message.
TEST(PromiseGroup, PollAcknowledgesHandledMessages) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer stays = Member(name);
  PublishNumbers(producer, 3);
  {
    Consumer leaves = Member(name);
    EXPECT_EQ(leaves.Poll([](const Message&) {}, 2).handled, 2u);
  }
  EXPECT_EQ(stays.TryNext()->sequence, 2u);
  EXPECT_EQ(stays.TryNext().why(), Got::kEmpty);
}

TEST(PromiseGroup, ClosedIsReturnedOnlyAfterTheLastLeaseEnds) {
  const Watchdog watchdog("the end of a group");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  Consumer member = Member(name);
  Child dying([&](const Child::Line& line) { return TakeOneAndHold(name, line); });
  ASSERT_EQ(dying.Hear(), "joined");
  PublishNumbers(producer, 1);
  ASSERT_EQ(dying.Hear(), "0 1");
  ASSERT_TRUE(producer.Close().ok());
  EXPECT_EQ(member.TryNext().why(), Got::kEmpty) << "the last message may come to us yet";
  EXPECT_EQ(member.Next(milliseconds(1)).why(), Got::kTimedOut);
  dying.Kill();
  const Received got = member.Next();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->deliveries, 2u);
  EXPECT_EQ(member.Next().why(), Got::kClosed);
}

TEST(PromiseGroup, ADurableGroupKeepsItsPlaceWithoutMembers) {
  const Watchdog watchdog("a durable group");
  const ScratchName name;
  const Delivery durable = Delivery::Group("archive", /*durable=*/true);
  {
    Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
    {
      Consumer member = Must(Consumer::Open(name, durable));
      PublishNumbers(producer, 3);
      EXPECT_EQ(member.TryNext()->sequence, 0u);
      EXPECT_EQ(member.TryNext()->sequence, 1u);
      member.Ack();
    }
    while (producer.TryPublish(std::string(100, 'x')) == Sent::kOk) {
    }
    EXPECT_EQ(producer.TryPublish(std::string(100, 'x')), Sent::kFull)
        << "it holds back what it has not read";
  }
  Producer successor = Must(Producer::Open(name));
  EXPECT_EQ(successor.TryPublish(std::string(100, 'x')), Sent::kFull);
  Consumer member = Must(Consumer::Open(name, durable));
  const Received got = member.TryNext();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->sequence, 2u);
  EXPECT_EQ(got->deliveries, 1u);
  while (member.TryNext()) {
  }
  EXPECT_EQ(successor.TryPublish(std::string(100, 'x')), Sent::kOk);
}

TEST(PromiseGroup, AGroupWithoutMembersIsGone) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}));
  { Consumer member = Member(name); }
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(producer.TryPublish(std::string(100, 'x')), Sent::kOk);
  EXPECT_TRUE(Must(SegmentManager().Inspect(name)).groups.empty());
}

// All members were killed. The messages they held wait for the next member until evict_after has passed.
TEST(PromiseGroup, MessagesOfAGroupWithoutMembersWaitForEvictAfter) {
  const Watchdog watchdog("a dead group");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.capacity = 4096}, {.evict_after = milliseconds(50)}));
  for (int round = 0; round < 2; ++round) {
    Child dying([&](const Child::Line& line) { return TakeOneAndHold(name, line); });
    ASSERT_EQ(dying.Hear(), "joined");
    PublishNumbers(producer, 1);
    ASSERT_NE(dying.Hear(), "");
    dying.Kill();
    dying.Wait();
    while (producer.TryPublish(std::string(100, 'x')) == Sent::kOk) {
    }
    if (round == 0) {  // a new member arrives in time
      Consumer member = Member(name);
      EXPECT_EQ(member.TryNext()->deliveries, 2u);
      while (member.TryNext()) {
      }
    } else {
      EXPECT_EQ(producer.Publish(std::string(100, 'x')), Sent::kOk);
      const RingInfo info = Must(SegmentManager().Inspect(name));
      EXPECT_TRUE(info.groups.empty());
      EXPECT_EQ(info.abandoned, 1u);
      EXPECT_EQ(Member(name).TryNext().why(), Got::kEmpty) << "another group of that name";
    }
  }
}

// Bug: an evicted member's message held the producer back. The other member had no message in hand and did
// not adopt it. No member was evicted, and the producer stood still forever.
TEST(PromiseGroup, AnEvictedMembersMessageIsGivenUpIfNoMemberAdoptsIt) {
  const Watchdog watchdog("a message that nobody comes for");
  const ScratchName name;
  Producer producer = Must(Producer::Create(
      name, {.capacity = 4096}, {.on_full = OnFull::kEvictSlowest, .evict_after = milliseconds(20)}));
  Consumer idle = Member(name), slow = Member(name, {.label = "slow"});
  ASSERT_EQ(producer.TryPublish(std::string(500, 'x')), Sent::kOk);
  ASSERT_TRUE(slow.TryNext());
  EvictLabelled(name, "slow");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(producer.Publish(std::string(100, 'x')), Sent::kOk);
  EXPECT_EQ(Must(SegmentManager().Inspect(name)).abandoned, 1u);
  EXPECT_EQ(idle.TryNext().why(), Got::kEvicted);
}

// Bug: a new member saw the delivery count of a message of another group. A member of that group had used the
// same seat, and the message had the same position.
TEST(PromiseGroup, DeliveriesOfAnotherGroupAreNotCounted) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  PublishNumbers(producer, 1);
  for (const char* const group : {"first", "second"}) {
    Consumer member = Must(Consumer::Open(name, Delivery::Group(group), {.start = Start::Oldest()}));
    const Received got = member.TryNext();
    ASSERT_TRUE(got) << group;
    EXPECT_EQ(got->deliveries, 1u) << group;
    member.Ack();
  }
}

// The dead holder of the only seat still holds a message. The next member takes that seat with the message.
TEST(PromiseGroup, TheOnlyWorkerIsKilledAndRestarted) {
  const Watchdog watchdog("the only seat");
  const ScratchName name;
  Producer producer = Must(Producer::Create(name, {.seats = 1}));
  for (int kill = 0; kill < 20; ++kill) {
    Child worker([&](const Child::Line& line) { return TakeOneAndHold(name, line); });
    ASSERT_EQ(worker.Hear(), "joined");
    if (kill == 0) PublishNumbers(producer, 1);
    ASSERT_EQ(worker.Hear(), "0 " + std::to_string(kill + 1));
    worker.Kill();
    worker.Wait();
    const auto other = Consumer::Open(name, Delivery::Lossless());
    EXPECT_EQ(ErrorOf(other.status()), Error::kNoSeat) << "it is not for strangers";
  }
  Consumer worker = Member(name);
  EXPECT_EQ(worker.TryNext()->deliveries, 21u);
  EXPECT_EQ(worker.TryNext().why(), Got::kEmpty);
}

TEST(PromiseGroup, NothingIsMissingWhileMembersKeepDying) {
  const Watchdog watchdog("dying members");
  for (const uint32_t at_once : {1u, 16u}) {
    const ScratchName name;
    const Oracle oracle;
    const SharedPage<Counts> counts;
    constexpr int kMembers = 4, kMessages = 60'000;
    Producer producer = Must(Producer::Create(name, {.capacity = 65536}));
    Consumer anchor = Member(name);  // keeps the group alive; reads nothing until the end
    std::vector<std::unique_ptr<Child>> members(kMembers);
    const auto start = [&](int i) {
      members[i] = std::make_unique<Child>([&](const Child::Line&) {
        return CountToTheEnd(name, oracle, *counts, {.messages_per_lease = at_once});
      });
    };
    for (int i = 0; i < kMembers; ++i) start(i);
    int kills = 0;
    for (uint64_t next = 0; next < kMessages; ++kills) {
      next += testing::Mix(next) % 700;
      ASSERT_EQ(testing::PublishUntil(producer, oracle, std::min<uint64_t>(next, kMessages)), Sent::kOk);
      const int victim = kills % kMembers;
      members[victim]->Kill();
      start(victim);
    }
    ASSERT_TRUE(producer.Close().ok());
    for (auto& member : members) EXPECT_EQ(member->Wait(), 0);
    while (const Received got = anchor.Next()) Count(*got, oracle, *counts);
    EXPECT_EQ(counts->wrong, 0u);
    uint64_t duplicates = 0;
    for (int i = 0; i < kMessages; ++i) {
      ASSERT_GE(counts->times[i], 1) << "message " << i << " was given to nobody";
      ASSERT_LE(counts->first_times[i], 1) << "message " << i << " came again and did not say so";
      duplicates += counts->times[i] - 1;
    }
    // A victim may have counted a message and died before it requested the next one. So the duplicates per
    // kill are at most the messages of one lease (`at_once`).
    EXPECT_LE(duplicates, static_cast<uint64_t>(kills) * at_once);
    std::printf("%d kills, %u a lease: %llu of %d messages came twice\n", kills, at_once,
                static_cast<unsigned long long>(duplicates), kMessages);
  }
}

TEST(PromiseGroup, RefusesInvalidOptions) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Group("")).status()), Error::kBadName);
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Group("a b")).status()), Error::kBadName);
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Group(std::string(64, 'g'))).status()), Error::kBadName);
  EXPECT_EQ(ErrorOf(Consumer::Open(name, kWorkers, {.messages_per_lease = 0}).status()), Error::kBadArgument);
  EXPECT_EQ(ErrorOf(Consumer::Open(name, kWorkers, {.messages_per_lease = 65}).status()),
            Error::kBadArgument);
  Consumer member = Member(name);
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Group("workers", true)).status()), Error::kOptionsDiffer);
  EXPECT_EQ(ErrorOf(member.SkipTo(Start::End())), Error::kBadArgument);
  std::vector<Consumer> groups;
  for (int i = 1; i < 8; ++i)
    groups.push_back(Must(Consumer::Open(name, Delivery::Group(std::string(1, static_cast<char>('a' + i))))));
  const auto ninth = Consumer::Open(name, Delivery::Group("ninth"));
  EXPECT_EQ(ErrorOf(ninth.status()), Error::kNoSeat);
  EXPECT_NE(ninth.status().message().find("workers, b, c, d, e, f, g, h"), std::string::npos)
      << ninth.status();
  groups.pop_back();
  EXPECT_TRUE(Consumer::Open(name, Delivery::Group("ninth")).ok());
}

TEST(PromiseGroup, TheFirstMemberDecidesWhereTheGroupStarts) {
  const ScratchName name;
  Producer producer = Must(Producer::Create(name));
  PublishNumbers(producer, 10);
  Consumer first = Must(Consumer::Open(name, kWorkers, {.start = Start::Last(3)}));
  Consumer second = Must(Consumer::Open(name, kWorkers, {.start = Start::End()}));
  EXPECT_EQ(second.TryNext()->sequence, 7u);
  EXPECT_EQ(first.TryNext()->sequence, 8u);
  EXPECT_EQ(second.next_sequence(), 9u);
}

}  // namespace
}  // namespace millrace
