// SPDX-License-Identifier: Apache-2.0
// A member of a group dies at any instruction: when it takes messages, acknowledges them, adopts
// what another dead member held, or leaves. The next member gets every unacknowledged message,
// whole, and marked if it was delivered before.
#include <atomic>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/crash/after_crash.h"
#include "tests/crash/start_state.h"
#include "tests/crash/stepped_child.h"
#include "tests/support/shared_page.h"
#include "tests/support/watchdog.h"

namespace millrace::testing {
namespace {

constexpr uint64_t kMessages = 9;
const Delivery kGroup = Delivery::Group("workers", /*durable=*/true);

// What the stepped member has done, as exclusive ends of sequence numbers.
struct Progress {
  std::atomic<uint64_t> handed_out{0}, acknowledging{0};
};

// Creates a group that begins after `before` messages, and publishes further ones.
void Prepare(const ScratchDir& dir, uint64_t before) {
  Producer producer = ProducerAfter(dir, before);
  { const Consumer member = Must(Consumer::Open("q", kGroup, {.directory = dir.path()})); }
  if (PublishUntil(producer, CrashOracle(), before + kMessages) != Sent::kOk) std::abort();
}

Consumer OpenMember(const ScratchDir& dir, uint32_t at_once) {
  return Must(Consumer::Open("q", kGroup, {.messages_per_lease = at_once, .directory = dir.path()}));
}

// Reads some messages as a member, and records each step in `progress`.
void Work(Consumer& member, uint64_t messages, uint64_t first, Progress& progress) {
  for (uint64_t i = 0; i < messages; ++i) {
    progress.acknowledging = first + i;
    const Received got = member.TryNext();
    if (!got || !CrashOracle().Check(got->sequence, got->payload) || got->sequence != first + i) std::abort();
    progress.handed_out = got->sequence + 1;
  }
}

// Checks the queue `q` of a directory after all its processes died. Returns "" or what is wrong.
std::string JudgeGroup(const ScratchDir& dir, uint64_t first, uint64_t end, const Progress& progress) {
  auto successor = Producer::Open("q", {.take_over_timeout = Nanos::zero(), .directory = dir.path()});
  if (!successor.ok()) return "the successor is refused: " + successor.status().ToString();
  auto member = Consumer::Open("q", kGroup, {.directory = dir.path()});
  if (!member.ok()) return "a new member is refused: " + member.status().ToString();
  std::set<uint64_t> got;
  const auto drain = [&]() -> std::string {
    while (const Received message = member->TryNext()) {
      const uint64_t sequence = message->sequence;
      if (!CrashOracle().Check(sequence, message->payload))
        return absl::StrCat("message ", sequence, " is torn");
      // A message may be delivered twice if the adopter died between taking the lease and clearing the dead
      // member's `lease`. Then both deliveries are marked.
      if (!got.insert(sequence).second && message->deliveries < 2)
        return absl::StrCat("message ", sequence, " came twice to one member, the second time as the first");
      if (sequence < progress.handed_out && message->deliveries < 2)
        return absl::StrCat("message ", sequence, " was handed out before and does not say so");
      if (sequence > progress.handed_out && message->deliveries > 2)
        return absl::StrCat("message ", sequence, " counts ", message->deliveries, " deliveries");
    }
    return "";
  };
  if (std::string wrong = drain(); !wrong.empty()) return wrong;
  for (uint64_t sequence = std::max(first, progress.acknowledging.load()); sequence < end; ++sequence) {
    if (!got.contains(sequence)) return absl::StrCat("message ", sequence, " is lost");
  }
  // Nothing that the dead left holds the producer back.
  constexpr uint64_t kTwoLaps = 90;
  for (uint64_t i = 0; i < kTwoLaps; ++i) {
    if (const Sent sent = PublishUntil(*successor, CrashOracle(), end + i + 1, std::chrono::seconds(5));
        sent != Sent::kOk)
      return absl::StrCat("the successor cannot publish: ", ToString(sent));
    if (std::string wrong = drain(); !wrong.empty()) return wrong;
    if (!got.contains(end + i)) return absl::StrCat("message ", end + i, " is lost");
  }
  if (!successor->Close().ok() || member->TryNext().why() != Got::kClosed) return "closing is not told";
  return "";
}

struct Totals {
  uint64_t instructions = 0, images = 0, violations = 0;
};

void StepThrough(SteppedChild& child, QueueWords& words, uint64_t first, uint64_t end,
                 const Progress& progress, const std::string& what, Totals& totals) {
  Image last;
  for (uint64_t k = 0; !child.Over(); ++k) {
    child.Step();
    ++totals.instructions;
    if (last.Same(words)) continue;
    last = Image::Of(words);
    ++totals.images;
    const ScratchDir replay;
    last.WriteTo(replay);
    const std::string wrong = JudgeGroup(replay, first, end, progress);
    if (!wrong.empty() && ++totals.violations <= 5)
      ADD_FAILURE() << what << ", instruction " << k << ": " << wrong;
  }
}

void Report(const char* what, const Totals& totals, uint64_t images) {
  std::printf("%s: %llu instructions, %llu images, %llu violations\n", what,
              static_cast<unsigned long long>(totals.instructions),
              static_cast<unsigned long long>(totals.images),
              static_cast<unsigned long long>(totals.violations));
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.images, images);
}

// A member joins, takes messages one by one and several together, also across the end of the lap,
// acknowledges them, and leaves.
TEST(CrashOfAMember, TakingMessages) {
  const Watchdog watchdog("images of a member", 150);
  Totals totals;
  for (const uint32_t at_once : {1u, 4u}) {
    for (const uint64_t before : {0, 32}) {
      const ScratchDir dir;
      const SharedPage<Progress> progress;
      Prepare(dir, before);
      progress->handed_out = progress->acknowledging = before;
      SteppedChild child([&] {
        return [&] {
          Consumer member = OpenMember(dir, at_once);
          Work(member, 5, before, *progress);
          progress->acknowledging = before + 5;
          member.Ack();
        };
      });
      QueueWords words(dir / "q");
      StepThrough(child, words, before, before + kMessages, *progress,
                  absl::StrCat("a member that takes ", at_once, " after ", before), totals);
    }
  }
  Report("a member's life", totals, 100);
}

// A member is killed that holds two messages, or that holds several and has handed out two of them.
void DieAtWork(const ScratchDir& dir, uint32_t at_once, uint64_t before, Progress& progress) {
  SteppedChild dying([&] {
    auto* const member = new Consumer(OpenMember(dir, at_once));
    Work(*member, 2, before, progress);
    return [] {};
  });
  dying.Kill();
}

// Steps through the member that continues the work of a dead one. With `sits_down` it takes the dead
// member's seat. Otherwise it has joined before the death.
void GoOnWithTheDeadOnes(bool sits_down, Totals& totals) {
  for (const uint32_t at_once : {1u, 4u}) {
    for (const uint64_t before : {0, 32}) {
      const ScratchDir dir;
      const SharedPage<Progress> progress;
      Prepare(dir, before);
      if (sits_down) DieAtWork(dir, at_once, before, *progress);
      SteppedChild child([&] {
        auto* const member = new Consumer(OpenMember(dir, 1));
        return [&, member] {
          Work(*member, 4, before + 1, *progress);  // the second message again, then the others
          progress->acknowledging = before + 5;
          member->Ack();
        };
      });
      if (!sits_down) DieAtWork(dir, at_once, before, *progress);
      QueueWords words(dir / "q");
      StepThrough(child, words, before + 1, before + kMessages, *progress,
                  absl::StrCat("who goes on with a lease of ", at_once, " after ", before), totals);
    }
  }
}

TEST(CrashOfAMember, AdoptingADeadMembersMessage) {
  const Watchdog watchdog("images of an adopter", 150);
  Totals totals;
  GoOnWithTheDeadOnes(/*sits_down=*/false, totals);
  Report("adopting", totals, 60);
}

TEST(CrashOfAMember, TakingTheSeatOfADeadMember) {
  const Watchdog watchdog("images of a newcomer", 150);
  Totals totals;
  GoOnWithTheDeadOnes(/*sits_down=*/true, totals);
  Report("sitting down", totals, 40);
}

// An adopter is stopped and evicted between any two of its system calls, also while it holds
// locks. Bug: an adopter that held the lock of the dead member's seat made that member look
// alive, and its message was kept forever.
TEST(CrashOfAMember, StoppedWhileItAdopts) {
  const Watchdog watchdog("a stopped adopter", 150);
  int stops = 0;
  for (bool over = false; !over; ++stops) {
    const ScratchDir dir;
    const SharedPage<Progress> progress;
    Prepare(dir, 0);
    Consumer third = OpenMember(dir, 1);
    SteppedChild adopter([&] {
      auto* const member =
          new Consumer(Must(Consumer::Open("q", kGroup, {.label = "adopter", .directory = dir.path()})));
      return [member] { (void)member->TryNext(); };
    });
    DieAtWork(dir, 1, 0, *progress);  // this member dies with the second message in hand
    for (int i = 0; i < stops && !adopter.Over(); ++i) adopter.ToSystemCall();
    over = adopter.Over();
    const SegmentManager manager(dir.path());
    for (const SeatInfo& seat : Must(manager.Inspect("q")).consumers) {
      if (seat.label != "adopter") continue;
      ASSERT_TRUE(manager.Evict("q", seat.seat, seat.generation).ok());
    }
    std::set<uint64_t> got;
    while (const Received message = third.TryNext()) got.insert(message->sequence);
    for (uint64_t i = 1; i < kMessages; ++i)
      EXPECT_TRUE(got.contains(i)) << i << " after " << stops << " stops";
  }
  std::printf("an adopter stopped %d times\n", stops);
  EXPECT_GT(stops, 10);
}

}  // namespace
}  // namespace millrace::testing
