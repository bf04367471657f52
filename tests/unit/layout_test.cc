// SPDX-License-Identifier: Apache-2.0
#include "millrace/internal/layout.h"

#include <gtest/gtest.h>

#include <set>

namespace millrace::internal {
namespace {

TEST(UnitLayout, FrameIsHeaderAndPayloadRoundedUpToEight) {
  EXPECT_EQ(FrameBytes(0), 8u);
  EXPECT_EQ(FrameBytes(1), 16u);
  EXPECT_EQ(FrameBytes(8), 16u);
  EXPECT_EQ(FrameBytes(9), 24u);
  EXPECT_EQ(FrameBytes(kMaxPayload), (1ull << 28) - 56);
  for (uint64_t n = 0; n < 100; ++n) {
    EXPECT_EQ(FrameBytes(n) % 8, 0u);
    EXPECT_GE(FrameBytes(n), n + kFrameHeader);
    EXPECT_LT(FrameBytes(n), n + kFrameHeader + 8);
  }
}

TEST(UnitLayout, TagIsEqualForEveryLengthAndDiffersForEverythingElse) {
  for (const uint64_t sequence :
       {0ull, 1ull, 0x7fffffffull, 0x80000000ull, 0xffffffffull, 1ull << 32, ~0ull}) {
    const uint64_t expected = ExpectedTag(sequence);
    for (const uint64_t length : {uint64_t{0}, uint64_t{1}, kMaxPayload, kFrameLengthMask}) {
      const uint64_t header = MakeFrameHeader(sequence, length);
      EXPECT_EQ(FrameTag(header), expected);
      EXPECT_EQ(header & kFrameLengthMask, length);
      for (int bit = 28; bit < 64; ++bit) EXPECT_NE(FrameTag(header ^ (1ull << bit)), expected) << bit;
    }
    EXPECT_NE(FrameTag(MakeFrameHeader(sequence, 8, /*padding=*/true)), expected);
    EXPECT_NE(FrameTag(0), expected) << "0 is never a frame";
  }
}

TEST(UnitLayout, AheadComparesAcrossEveryWrap) {
  for (const uint64_t a : {0ull, 1ull << 31, 1ull << 32, 1ull << 63, ~0ull}) {
    for (const int64_t d : {-(1ll << 40), -8ll, -1ll, 0ll, 1ll, 8ll, 1ll << 40}) {
      EXPECT_EQ(Ahead(a + static_cast<uint64_t>(d), a), d) << a;
    }
  }
}

TEST(UnitLayout, WidenSequenceFindsTheNearestNumberWithThatLowHalf) {
  for (const uint64_t near : {0ull, 5ull, (1ull << 31) - 3, 1ull << 31, (1ull << 32) - 3, 1ull << 32,
                              (1ull << 32) + 3, (1ull << 63) - 3, 1ull << 63, ~0ull - 2, ~0ull}) {
    for (const int64_t d :
         {-(1ll << 31), -(1ll << 31) + 1, -1000ll, -1ll, 0ll, 1ll, 1000ll, (1ll << 31) - 1}) {
      const uint64_t exact = near + static_cast<uint64_t>(d);
      EXPECT_EQ(WidenSequence(static_cast<uint32_t>(exact), near), exact) << near << " + " << d;
    }
  }
}

TEST(UnitLayout, SeatStateKeepsEveryPart) {
  for (const uint32_t generation : {0u, 1u, 0x80000000u, ~0u}) {
    for (const SeatPhase phase :
         {SeatPhase::kFree, SeatPhase::kJoining, SeatPhase::kLive, SeatPhase::kEvicted}) {
      const uint64_t state =
          MakeSeatState(generation, phase, kDeliveryGroup, EvictedBy::kTool, EvictedWhy::kRequest);
      EXPECT_EQ(GenerationOf(state), generation);
      EXPECT_EQ(PhaseOf(state), phase);
      EXPECT_EQ(DeliveryOf(state), kDeliveryGroup);
      EXPECT_EQ(ByOf(state), EvictedBy::kTool);
      EXPECT_EQ(WhyOf(state), EvictedWhy::kRequest);
    }
  }
  EXPECT_EQ(PhaseOf(0), SeatPhase::kFree) << "fresh memory is a free seat";
}

TEST(UnitLayout, StateAndFlagsCarryTheirEpoch) {
  for (const uint32_t epoch : {0u, 1u, ~0u}) {
    EXPECT_EQ(EpochOf(MakeState(epoch, true)), epoch);
    EXPECT_TRUE(IsOpen(MakeState(epoch, true)));
    EXPECT_EQ(EpochOf(MakeState(epoch, false)), epoch);
    EXPECT_FALSE(IsOpen(MakeState(epoch, false)));
  }
}

TEST(UnitLayout, SizesOfTheObjects) {
  EXPECT_EQ(RingFileBytes(kMinCapacity), 4096u + 4096u + kMinCapacity);
  EXPECT_EQ(SeatsFileBytes(1), 8192u);
  EXPECT_EQ(SeatsFileBytes(16), 8192u);
  EXPECT_EQ(SeatsFileBytes(17), 12288u);
  EXPECT_EQ(SeatsFileBytes(kMaxSeats), 4096u + kMaxSeats * 256u);
  EXPECT_EQ(MaxPayloadFor(kMinCapacity), 512u);
  EXPECT_EQ(MaxPayloadFor(1ull << 31), kMaxPayload);
  EXPECT_EQ(MaxPayloadFor(kMaxCapacity), kMaxPayload);
  EXPECT_LE(kMaxPayload, kFrameLengthMask);
}

TEST(UnitLayout, LockBytesOfTheSeatsFileDoNotOverlap) {
  std::set<uint64_t> bytes;
  for (uint32_t i = 0; i < kMaxSeats; ++i) {
    EXPECT_TRUE(bytes.insert(kLockSeat + i).second);
    EXPECT_TRUE(bytes.insert(kLockAdopter + i).second);
  }
  for (uint32_t i = 0; i < kGroups; ++i) EXPECT_TRUE(bytes.insert(kLockGroup + i).second);
  EXPECT_LE(*bytes.rbegin() + 1, kLockSeatsEnd);
}

}  // namespace
}  // namespace millrace::internal
