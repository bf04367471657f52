// SPDX-License-Identifier: Apache-2.0
// F1: a process is stepped through an operation instruction by instruction. After each step, the shared
// memory holds what a death at that step would leave. Every distinct image is given to a new consumer and a
// new producer.
// F3: the recovery itself is stepped in this way, from images that a crash left.
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/crash/after_crash.h"
#include "tests/crash/start_state.h"
#include "tests/crash/stepped_child.h"
#include "tests/support/watchdog.h"

namespace millrace::testing {
namespace {

struct Totals {
  uint64_t operations = 0, instructions = 0, images = 0, violations = 0;

  void Print(const char* what) const {
    std::printf("%s: %llu operations, %llu instructions, %llu images, %llu violations\n", what,
                static_cast<unsigned long long>(operations), static_cast<unsigned long long>(instructions),
                static_cast<unsigned long long>(images), static_cast<unsigned long long>(violations));
  }
};

// Steps the child to the end of its operation and judges every distinct image of the queue in `dir`. A
// published message must stay published. Stores the images in `keep` unless that is null.
void JudgeEveryImage(SteppedChild& child, QueueWords& words, const Expected& expected,
                     const std::string& what, Totals& totals, std::vector<Image>* keep = nullptr) {
  ++totals.operations;
  Image last;
  uint64_t published = 0;
  for (uint64_t k = 0;; ++k) {
    if (!last.Same(words)) {
      last = Image::Of(words);
      if (keep != nullptr) keep->push_back(last);
      const ScratchDir replay;
      last.WriteTo(replay);
      Verdict verdict = JudgeAfterCrash(replay, CrashOracle(), expected);
      if (verdict.violation.empty() && verdict.published < published)
        verdict.violation = "a published message has vanished";
      published = verdict.published;
      ++totals.images;
      if (!verdict.violation.empty()) {
        if (++totals.violations <= 5)
          ADD_FAILURE() << what << ", instruction " << k << ": " << verdict.violation;
      }
    }
    if (child.Over()) break;
    child.Step();
    ++totals.instructions;
  }
  if (published < expected.may_be) {
    ++totals.violations;
    ADD_FAILURE() << what << ": ended, but only " << published << " of " << expected.may_be
                  << " are published";
  }
}

enum class Op { kPublish, kPublishToSleeper, kCommitPart, kAbort, kClose, kBatch, kBatchAbort };
constexpr uint64_t kBatched = 4;
constexpr const char* kOpNames[] = {
    "publish", "publish to a sleeper", "claim and commit a part", "claim and abort", "close",
    "batch",   "batch and abort"};

SteppedChild::Operation Start(Op op, const ScratchDir& dir, uint64_t messages) {
  // The producer is leaked on purpose, because the child is killed.
  auto* const producer = new Producer(ProducerAfter(dir, messages));
  auto* const bytes = new std::vector<std::byte>(CrashOracle().Make(messages));
  switch (op) {
    case Op::kPublish:
    case Op::kPublishToSleeper:
      return [=] {
        if (producer->TryPublish(*bytes) != Sent::kOk) std::abort();
      };
    case Op::kCommitPart:
      return [=] {
        Claim claim = producer->TryClaim(bytes->size() + 100);
        std::memcpy(claim.bytes().data(), bytes->data(), bytes->size());
        claim.Commit(bytes->size());
      };
    case Op::kAbort:
      return [=] {
        Claim claim = producer->TryClaim(bytes->size());
        std::memcpy(claim.bytes().data(), bytes->data(), bytes->size());
        claim.Abort();
      };
    case Op::kBatch:
    case Op::kBatchAbort: {
      auto* const more = new std::vector<std::vector<std::byte>>;
      for (uint64_t i = 0; i < kBatched; ++i) more->push_back(CrashOracle().Make(messages + i));
      return [=] {
        MessageBatch batch = producer->Batch(OnLargeBatch::kRefuse);
        for (const std::vector<std::byte>& message : *more) {
          if (batch.TryAdd(message) != Sent::kOk) std::abort();
        }
        if (op == Op::kBatchAbort) return batch.Abort();
        if (batch.Commit() != Sent::kOk) std::abort();
      };
    }
    case Op::kClose:
      return [=] {
        if (!producer->Close().ok()) std::abort();
      };
  }
  return [] {};
}

void StepThrough(Op op, uint64_t messages, Totals& totals, std::vector<Image>* keep = nullptr) {
  const ScratchDir dir;
  SteppedChild child([&] { return Start(op, dir, messages); });
  QueueWords words(dir / "q");
  if (op == Op::kPublishToSleeper || op == Op::kBatch) words.seats().sleeper.sleepers = 1;
  const bool nothing = op == Op::kAbort || op == Op::kClose || op == Op::kBatchAbort;
  const uint64_t more = nothing ? 0 : op == Op::kBatch ? kBatched : 1;
  JudgeEveryImage(
      child, words, {messages, messages + more, RetainedAfter(messages), op == Op::kClose, op == Op::kBatch},
      absl::StrCat(kOpNames[static_cast<int>(op)], " after ", messages, " messages"), totals, keep);
}

// Two laps of positions: an empty ring, the first lap, the wrap with padding, stop
// signs over old bytes, the second lap.
TEST(CrashImage, OfPublish) {
  const Watchdog watchdog("images of publish", 150);
  Totals totals;
  for (uint64_t messages = 0; messages < 80; ++messages) {
    // Tests every size at the wrap, elsewhere the short ones.
    const bool wraps = messages >= 32 && messages < 40;
    if (wraps || CrashOracle().SizeOf(messages) < 100) StepThrough(Op::kPublish, messages, totals);
  }
  totals.Print("publish");
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.instructions, 4000u);
  EXPECT_GT(totals.images, 400u);
}

TEST(CrashImage, OfTheOtherWaysToPublish) {
  const Watchdog watchdog("images of commit", 150);
  for (const Op op : {Op::kPublishToSleeper, Op::kCommitPart, Op::kAbort, Op::kClose}) {
    Totals totals;
    for (const uint64_t messages : {0, 1, 20, 34, 36, 38, 60, 75}) {
      StepThrough(op, messages, totals);
    }
    totals.Print(kOpNames[static_cast<int>(op)]);
    EXPECT_EQ(totals.violations, 0u);
    EXPECT_GT(totals.instructions, 500u);
    EXPECT_GE(totals.images, totals.operations);
  }
}

// All messages of a batch appear, or none, wherever the batch lies: within a lap, or with padding first,
// inside or last.
TEST(CrashImage, OfABatch) {
  const Watchdog watchdog("images of a batch", 150);
  Totals batches, aborted;
  for (const uint64_t messages : {0, 1, 20, 31, 32, 33, 34, 35, 36, 37, 38, 70})
    StepThrough(Op::kBatch, messages, batches);
  for (const uint64_t messages : {0, 33, 35, 37}) StepThrough(Op::kBatchAbort, messages, aborted);
  batches.Print("batch of four, to a sleeper");
  aborted.Print("batch of four, aborted");
  EXPECT_EQ(batches.violations + aborted.violations, 0u);
  EXPECT_GT(batches.instructions, 3000u);
  EXPECT_GT(batches.images, 12u * 8);
}

// F3: the successor dies too, at any instruction of its take-over, on what a crash in a publish left.
TEST(CrashImage, OfATakeOverAfterACrash) {
  const Watchdog watchdog("images of take-over", 150);
  Totals totals, first;
  for (const uint64_t messages : {0, 36, 70}) {
    std::vector<Image> left;
    StepThrough(Op::kPublish, messages, first, &left);
    ASSERT_GE(left.size(), 4u);
    const std::vector<size_t> chosen =
        messages == 0 ? std::vector{left.size() - 2} : std::vector{size_t{0}, left.size() - 3};
    for (const size_t i : chosen) {  // half a tail pair; untouched; only the header stored
      const ScratchDir dir;
      left[i].WriteTo(dir);
      Expected expected{messages, messages + 1, RetainedAfter(messages)};
      {
        absl::StatusOr<Consumer> reader =
            Consumer::Open("q", Delivery::Observer(), {.start = Start::Oldest(), .directory = dir.path()});
        ASSERT_TRUE(reader.ok());
        Tally tally;
        tally.Begin(*reader);
        (void)tally.Drain(*reader, CrashOracle());
        expected.committed = expected.may_be = tally.next;  // the second death must change nothing
      }
      SteppedChild child([&] {
        return [&] {
          auto* const p = new Producer(Must(Producer::Open("q", {.directory = dir.path()})));
          (void)p;
        };
      });
      QueueWords words(dir / "q");
      JudgeEveryImage(child, words, expected,
                      absl::StrCat("take-over of image ", i, " of publish after ", messages), totals);
    }
  }
  totals.Print("take-over after a crash");
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.instructions, 5000u);
  EXPECT_GT(totals.images, 40u);
}

TEST(CrashImage, OfAConsumersLife) {
  const Watchdog watchdog("images of a consumer", 150);
  Totals totals;
  for (const uint64_t messages : {0, 36, 60}) {
    {
      const bool lossless = messages != 36;
      const ScratchDir dir;
      { const Producer producer = ProducerAfter(dir, messages); }  // the producer detaches
      SteppedChild child([&] {
        return [&] {
          {
            Consumer consumer = Must(Consumer::Open("q", lossless ? Delivery::Lossless() : Delivery::Lossy(),
                                                    {.start = Start::Oldest(), .directory = dir.path()}));
            for (int i = 0; i < 5; ++i) (void)consumer.TryNext();
            (void)consumer.Next(Nanos::zero());  // stores its position
          }                                      // leaves its seat
        };
      });
      QueueWords words(dir / "q");
      JudgeEveryImage(child, words, {messages, messages, RetainedAfter(messages)},
                      absl::StrCat("a consumer's life after ", messages), totals);
    }
  }
  totals.Print("join, read, store position, leave");
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_GT(totals.instructions, 5000u);
  EXPECT_GT(totals.images, 60u);
}

}  // namespace
}  // namespace millrace::testing
