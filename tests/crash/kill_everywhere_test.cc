// SPDX-License-Identifier: Apache-2.0
// F2: kill -9 at an instruction, with real files, real locks and living peers. Then the queue is judged.
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/crash/after_crash.h"
#include "tests/crash/start_state.h"
#include "tests/crash/stepped_child.h"
#include "tests/support/child.h"
#include "tests/support/shared_page.h"
#include "tests/support/watchdog.h"

namespace millrace::testing {
namespace {

struct Totals {
  uint64_t kills = 0, violations = 0;
  void Count(const Verdict& verdict, const std::string& what) {
    ++kills;
    if (verdict.violation.empty()) return;
    if (++violations <= 5) ADD_FAILURE() << what << ": " << verdict.violation;
  }
  void Print(const char* what) const {
    std::printf("%s: %llu kills, %llu violations\n", what, static_cast<unsigned long long>(kills),
                static_cast<unsigned long long>(violations));
  }
};

// A living peer that sleeps, is woken, and reads to the end of the ring. The
// test judges its tally at the end.
class Peer {
 public:
  explicit Peer(const ScratchDir& dir)
      : child_([this, &dir](const Child::Line& line) {
          Consumer consumer =
              Must(Consumer::Open("q", Delivery::Lossless(), {.wait = Wait::kPark, .directory = dir.path()}));
          tally_->Begin(consumer);
          line.Say("joined");
          tally_->ReadUntilEnd(consumer, CrashOracle());
          return 0;
        }) {
    if (child_.Hear() != "joined") std::abort();
  }
  std::string Complaint(uint64_t published) {
    if (child_.Wait() != 0) return "the peer died";
    if (tally_->end != Got::kClosed && tally_->end != Got::kRemoved)
      return absl::StrCat("the peer ended with ", ToString(tally_->end));
    if (tally_->torn != 0 || tally_->misplaced != 0 || tally_->lost != 0)
      return "the peer got something torn or lost something";
    if (tally_->next != published) return absl::StrCat("the peer got ", tally_->next, " of ", published);
    return "";
  }

 private:
  SharedPage<Tally> tally_;
  Child child_;
};

// Kills a publish at step k. Returns false if the operation has fewer steps.
bool KillPublishAt(uint64_t k, uint64_t messages, bool with_peer, Totals& totals) {
  const ScratchDir dir;
  SteppedChild child([&]() -> SteppedChild::Operation {
    auto* const producer = new Producer(ProducerAfter(dir, messages));
    auto* const bytes = new std::vector<std::byte>(CrashOracle().Make(messages));
    return [=] {
      if (producer->TryPublish(*bytes) != Sent::kOk) std::abort();
    };
  });
  std::unique_ptr<Peer> peer;
  if (with_peer) {
    peer = std::make_unique<Peer>(dir);
    QueueWords(dir / "q").AwaitSleeper();
  }
  uint64_t step = 0;
  while (step < k && !child.Over()) child.Step(), ++step;
  const bool reached = step == k;
  child.Kill();
  Verdict verdict = JudgeAfterCrash(dir, CrashOracle(), {messages, messages + 1, RetainedAfter(messages)});
  if (peer != nullptr && verdict.violation.empty())
    verdict.violation = peer->Complaint(verdict.published + 90);
  totals.Count(verdict, absl::StrCat("publish after ", messages, (with_peer ? " to a sleeping peer" : ""),
                                     ", killed at instruction ", k));
  return reached;
}

TEST(CrashKillAtEveryInstruction, OfPublish) {
  const Watchdog watchdog("kills in publish", 150);
  Totals totals;
  for (const uint64_t messages : {BeforeAShortOne(0), BeforeAShortOne(40)}) {
    for (uint64_t k = 0; KillPublishAt(k, messages, false, totals); ++k) {
    }
  }
  totals.Print("publish");
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.kills, 80u);
}

// The message that ends the first lap needs a padding frame, the slow path and a mark.
TEST(CrashKillAtEveryInstruction, OfPublishWithPadding) {
  const Watchdog watchdog("kills in a wrap", 150);
  Totals totals;
  uint64_t wraps = 0;
  // The sizes determine where the wrap is.
  for (uint64_t sequence = 0, position = 0; sequence < 60; ++sequence) {
    const uint64_t frame = internal::FrameBytes(CrashOracle().SizeOf(sequence));
    const uint64_t room = kCrashCapacity - position % kCrashCapacity;
    if (frame > room) {
      for (uint64_t k = 0; KillPublishAt(k, sequence, false, totals); ++k) {
      }
      ++wraps;
      position += room;
      break;
    }
    position += frame;
  }
  totals.Print("publish with padding");
  EXPECT_EQ(wraps, 1u);
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.kills, 100u);
}

TEST(CrashKillAtEveryInstruction, OfPublishToASleepingPeer) {
  const Watchdog watchdog("kills beside a sleeper", 150);
  Totals totals;
  for (uint64_t k = 0; KillPublishAt(k, BeforeAShortOne(20), true, totals); ++k) {
  }
  totals.Print("publish to a sleeping peer");
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.kills, 50u);
}

// Kills a long operation at each entry to and return from a system call, and some instructions later, because
// other processes see its effects at system calls. `judge` checks what remains in the directory.
void KillAroundEverySystemCall(const std::function<SteppedChild::Operation(const ScratchDir&)>& prepare,
                               const std::function<void(const ScratchDir&)>& before,
                               const std::function<Verdict(const ScratchDir&)>& judge, const char* what,
                               Totals& totals) {
  for (uint64_t stop = 0;; ++stop) {
    bool over = false;
    for (const uint64_t more : {uint64_t{0}, 1 + Mix(stop) % 120}) {
      const ScratchDir dir;
      before(dir);
      SteppedChild child([&] { return prepare(dir); });
      for (uint64_t i = 0; i < stop && !child.Over(); ++i) child.ToSystemCall();
      for (uint64_t i = 0; i < more && !child.Over(); ++i) child.Step();
      over = child.Over();
      child.Kill();
      totals.Count(judge(dir), absl::StrCat(what, ", killed ", more, " instructions after stop ", stop));
    }
    if (over || stop > 1000) break;
  }
  totals.Print(what);
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.kills, 30u);
}

TEST(CrashKillAroundEverySystemCall, OfCreate) {
  const Watchdog watchdog("kills in create", 150);
  const std::set<std::string> queue = {"q.lock", "q.ring", "q.seats"};
  Totals totals;
  KillAroundEverySystemCall(
      [](const ScratchDir& dir) { return [&dir] { (void)new Producer(ProducerAfter(dir, 0)); }; },
      [](const ScratchDir&) {},
      [&](const ScratchDir& dir) -> Verdict {
        {
          absl::StatusOr<RingInfo> seen = SegmentManager(dir.path()).Inspect("q");
          if (seen.ok() && !seen->damage.empty())
            return Verdict{"a half-made ring is visible: " + seen->damage, 0};
          if (!seen.ok() && ErrorOf(seen.status()) != Error::kNotFound)
            return Verdict{seen.status().ToString(), 0};
          absl::StatusOr<Producer> next =
              Producer::OpenOrCreate("q", {.capacity = kCrashCapacity, .seats = 4},
                                     {.take_over_timeout = Nanos::zero(), .directory = dir.path()});
          if (!next.ok()) return Verdict{"the next creator is refused: " + next.status().ToString(), 0};
          if (dir.Entries() != queue)
            return Verdict{absl::StrCat(dir.Entries().size(), " objects in the directory"), 0};
        }
        return JudgeAfterCrash(dir, CrashOracle(), {0, 0, 0});
      },
      "create", totals);
}

TEST(CrashKillAroundEverySystemCall, OfTakeOver) {
  const Watchdog watchdog("kills in take-over", 150);
  Totals totals;
  KillAroundEverySystemCall(
      [](const ScratchDir& dir) {
        return [&dir] { (void)new Producer(Must(Producer::Open("q", {.directory = dir.path()}))); };
      },
      [](const ScratchDir& dir) { const Producer first = ProducerAfter(dir, 40); },
      [](const ScratchDir& dir) {
        return JudgeAfterCrash(dir, CrashOracle(), {40, 40, RetainedAfter(40)});
      },
      "take-over", totals);
}

TEST(CrashKillAroundEverySystemCall, OfClose) {
  const Watchdog watchdog("kills in close", 150);
  Totals totals;
  KillAroundEverySystemCall(
      [](const ScratchDir& dir) -> SteppedChild::Operation {
        auto* const producer = new Producer(ProducerAfter(dir, 40));
        return [producer] {
          if (!producer->Close().ok()) std::abort();
          delete producer;
        };
      },
      [](const ScratchDir&) {},
      [](const ScratchDir& dir) {
        return JudgeAfterCrash(dir, CrashOracle(), {40, 40, RetainedAfter(40), true});
      },
      "close and destroy", totals);
}

TEST(CrashKillAroundEverySystemCall, OfAConsumersLife) {
  const Watchdog watchdog("kills of a consumer", 150);
  Totals totals;
  KillAroundEverySystemCall(
      [](const ScratchDir& dir) {
        return [&dir] {
          Consumer consumer = Must(
              Consumer::Open("q", Delivery::Lossless(), {.start = Start::Oldest(), .directory = dir.path()}));
          for (int i = 0; i < 5; ++i) (void)consumer.TryNext();
          (void)consumer.Next(std::chrono::microseconds(1));
        };
      },
      [](const ScratchDir& dir) { const Producer first = ProducerAfter(dir, 40); },
      [](const ScratchDir& dir) {
        return JudgeAfterCrash(dir, CrashOracle(), {40, 40, RetainedAfter(40)});
      },
      "join, read, wait, leave", totals);
}

TEST(CrashKillAroundEverySystemCall, OfUnlink) {
  const Watchdog watchdog("kills in unlink", 150);
  Totals totals;
  KillAroundEverySystemCall(
      [](const ScratchDir& dir) { return [&dir] { Must(SegmentManager(dir.path()).Unlink("q")); }; },
      [](const ScratchDir& dir) { const Producer first = ProducerAfter(dir, 40); },
      [](const ScratchDir& dir) -> Verdict {  // whole, or removed, or in no process's way
        uint64_t sequence = 0;
        {
          absl::StatusOr<Producer> next =
              Producer::OpenOrCreate("q", {.capacity = kCrashCapacity, .seats = 4},
                                     {.take_over_timeout = Nanos::zero(), .directory = dir.path()});
          if (!next.ok()) return Verdict{"the next creator is refused: " + next.status().ToString(), 0};
          sequence = next->next_sequence();
        }
        if (sequence != 0 && sequence != 40) return Verdict{"neither the old ring nor a new one", 0};
        return JudgeAfterCrash(dir, CrashOracle(), {sequence, sequence, RetainedAfter(sequence)});
      },
      "unlink", totals);
}

}  // namespace
}  // namespace millrace::testing
