// SPDX-License-Identifier: Apache-2.0
// Tests the checker itself: it must report a publisher that has a planted
// bug, and must accept the correct one.
#include <atomic>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "millrace/internal/layout.h"
#include "millrace/millrace.h"
#include "tests/crash/after_crash.h"
#include "tests/crash/start_state.h"
#include "tests/crash/stepped_child.h"
#include "tests/support/watchdog.h"

namespace millrace::testing {
namespace {

enum class Planted {
  kNothing,
  kHeaderBeforePayload,
  kNoStopSign,
  kTailBeforeHeader,
  kTailPositionBeforeSequenceBeforeHeader
};

void Store(uint64_t& word, uint64_t value) {
  std::atomic_ref<uint64_t>(word).store(value, std::memory_order_release);
}

// Publishes one message by hand, into room that the producer has already reserved.
void PublishByHand(QueueWords& words, Planted planted) {
  internal::TailWords& tail = words.control().tail;
  const uint64_t position = tail.position, sequence = tail.sequence;
  const size_t bytes = CrashOracle().SizeOf(sequence);
  const uint64_t next = position + internal::FrameBytes(bytes);
  const auto header_at = [&](uint64_t p) -> uint64_t& {
    return *reinterpret_cast<uint64_t*>(words.data() + (p & (kCrashCapacity - 1)));
  };
  const auto payload = [&] {
    std::byte* const to = words.data() + (position & (kCrashCapacity - 1)) + internal::kFrameHeader;
    CrashOracle().Fill(sequence, {to, bytes});
    asm volatile("" : : : "memory");
  };
  const auto publish = [&] { Store(header_at(position), internal::MakeFrameHeader(sequence, bytes)); };
  if (planted != Planted::kHeaderBeforePayload) payload();
  if (planted != Planted::kNoStopSign) Store(header_at(next), 0);
  if (planted == Planted::kTailBeforeHeader) {
    Store(tail.sequence, sequence + 1);
    Store(tail.position, next);
  }
  if (planted == Planted::kTailPositionBeforeSequenceBeforeHeader) Store(tail.position, next);
  publish();
  if (planted == Planted::kHeaderBeforePayload) payload();
  Store(tail.sequence, sequence + 1);
  Store(tail.position, next);
}

uint64_t Violations(Planted planted, uint64_t* images) {
  uint64_t violations = 0;
  for (const uint64_t messages : {45, 50, 61}) {  // in the second lap, old frames everywhere
    const ScratchDir dir;
    QueueWords* words = nullptr;
    SteppedChild child([&]() -> SteppedChild::Operation {
      auto* const producer = new Producer(ProducerAfter(dir, messages));
      // Reserves room; publishes no padding here.
      const Claim room = producer->TryClaim(CrashOracle().SizeOf(messages));
      words = new QueueWords(dir / "q");
      return [words, planted] { PublishByHand(*words, planted); };
    });
    QueueWords mine(dir / "q");
    Image last;
    for (;;) {
      if (!last.Same(mine)) {
        last = Image::Of(mine);
        const ScratchDir replay;
        last.WriteTo(replay);
        violations +=
            !JudgeAfterCrash(replay, CrashOracle(), {messages, messages + 1, RetainedAfter(messages)})
                 .violation.empty();
        ++*images;
      }
      if (child.Over()) break;
      child.Step();
    }
  }
  return violations;
}

TEST(CrashPlantedBug, TurnsTheCheckerRed) {
  const Watchdog watchdog("planted bugs", 150);
  uint64_t images = 0;
  EXPECT_EQ(Violations(Planted::kNothing, &images), 0u) << "written right";
  EXPECT_GT(Violations(Planted::kHeaderBeforePayload, &images), 0u) << "header before payload";
  EXPECT_GT(Violations(Planted::kNoStopSign, &images), 0u) << "no stop sign";
  EXPECT_GT(Violations(Planted::kTailBeforeHeader, &images), 0u) << "tail before header";
  EXPECT_GT(Violations(Planted::kTailPositionBeforeSequenceBeforeHeader, &images), 0u)
      << "tail position first";
  std::printf("4 planted bugs found in %llu images, 0 violations without them\n",
              static_cast<unsigned long long>(images));
}

}  // namespace
}  // namespace millrace::testing
