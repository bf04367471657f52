// SPDX-License-Identifier: Apache-2.0
// A hostile ring that requires as much work as it can. The cost of an inspection has a bound that does not
// depend on the ring's contents.
#include <string>

#include "gtest/gtest.h"
#include "millrace/internal/ring_view.h"
#include "tests/cleanup/scene.h"
#include "tests/support/hooked_atomics.h"

namespace millrace {
namespace {

using namespace internal;
using testing::AccessLog;
using testing::HookedAtomics;
using testing::Must;
using testing::QueueWords;
using testing::Scene;

constexpr uint64_t kCapacity = 16 << 20;
constexpr uint64_t kFrames = kCapacity / kFrameHeader - 1;
constexpr uint64_t kMost = 100'000;  // messages that one inspection may walk

// Fills a lap with empty messages and leaves the tail pair at their start. In each seat a member seems to
// hold a lease at the end of the lap.
void FillWithEmptyMessages(const Scene& scene) {
  {
    Producer producer =
        Must(Producer::Create("ring", {.capacity = kCapacity, .seats = kMaxSeats}, scene.Here()));
    ASSERT_EQ(producer.TryPublish(""), Sent::kOk);
  }
  const QueueWords words(scene.File("ring"));
  auto* const headers = reinterpret_cast<uint64_t*>(words.data());
  for (uint64_t i = 0; i < kFrames; ++i) headers[i] = MakeFrameHeader(i, 0);
  headers[kFrames] = 0;
  words.control().tail = {0, 0};
  words.control().room.reserved = words.control().room.intent = kCapacity;
  words.seats().join.seats_used = kMaxSeats;
  for (uint32_t i = 0; i < kMaxSeats; ++i) {
    Seat& seat = words.seat(i);
    seat.identity.state = MakeSeatState(1, SeatPhase::kLive, kDeliveryGroup);
    seat.identity.group = 1;
    seat.words.lease = kFrames * kFrameHeader;
  }
}

// Bug: one inspection took time in proportion to seats times messages.
TEST(CleanupHostileRing, OneInspectionWalksABoundedNumberOfMessages) {
  const Scene scene;
  FillWithEmptyMessages(scene);
  const RingInfo info = scene.Inspect("ring");
  EXPECT_FALSE(info.next_sequence_exact);
  EXPECT_GT(info.next_sequence, 0u);
  EXPECT_LE(info.next_sequence, kMost) << "how far it walked";
  EXPECT_EQ(info.damage, "");
  EXPECT_EQ(info.consumers.size(), kMaxSeats);
}

TEST(CleanupHostileRing, ASeatCostsNoWalk) {
  const Scene scene;
  FillWithEmptyMessages(scene);
  const QueueWords words(scene.File("ring"));
  const RingView<HookedAtomics> view({&words.control(), words.data(), kCapacity, MaxPayloadFor(kCapacity)});
  const Point end{kFrames * kFrameHeader, kFrames};
  for (const uint64_t sequence : {uint64_t{0}, kFrames / 2, kFrames - 1, kFrames}) {
    const AccessLog log;
    EXPECT_EQ(view.SequenceAt(sequence * kFrameHeader, end), sequence);
    EXPECT_EQ(log.sites().size(), 1u);
  }
}

TEST(CleanupHostileRing, TheWalkToTheEndStopsAtItsBound) {
  const Scene scene;
  FillWithEmptyMessages(scene);
  const QueueWords words(scene.File("ring"));
  const RingView<HookedAtomics> view({&words.control(), words.data(), kCapacity, MaxPayloadFor(kCapacity)});
  for (const uint64_t most : {uint64_t{0}, uint64_t{1}, uint64_t{5000}}) {
    uint64_t left = most;
    const AccessLog log;
    const auto end = view.End(std::nullopt, &left);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->sequence, most);
    EXPECT_EQ(left, 0u);
    EXPECT_LE(log.Count(Site::C1), static_cast<long>(most) + 10);
  }
  uint64_t left = 2 * kFrames;
  EXPECT_EQ(view.End(std::nullopt, &left)->sequence, kFrames);
  EXPECT_GT(left, 0u);
}

}  // namespace
}  // namespace millrace
