// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/held_back.h"

#include <gtest/gtest.h>

namespace millrace::internal {
namespace {

constexpr int64_t kMost = 100;

TEST(UnitHeldBack, CountsFromScanToScan) {
  HeldBack held;
  EXPECT_EQ(held.At(1, 64, 1000, kMost), 0);
  EXPECT_EQ(held.At(1, 64, 1010, kMost), 10);
  EXPECT_EQ(held.At(1, 64, 1010, kMost), 10);
  EXPECT_EQ(held.At(1, 64, 1050, kMost), 50);
}

TEST(UnitHeldBack, AMoveOrANewBlockerRestartsTheTime) {
  HeldBack held;
  held.At(1, 64, 1000, kMost);
  EXPECT_EQ(held.At(1, 64, 1090, kMost), 90);
  EXPECT_EQ(held.At(1, 72, 1099, kMost), 0) << "it has made room since";
  EXPECT_EQ(held.At(1, 72, 1109, kMost), 10);
  EXPECT_EQ(held.At(2, 72, 1110, kMost), 0);
  held.At(2, 72, 1120, kMost);
  held.Forget();
  EXPECT_EQ(held.At(2, 72, 1130, kMost), 0);
}

TEST(UnitHeldBack, AProducerThatDoesNotTryIsNotHeldBack) {
  HeldBack held;
  held.At(1, 0, 1000, kMost);
  EXPECT_EQ(held.At(1, 0, 1'000'000, kMost), kMost) << "stopped, or busy elsewhere";
  EXPECT_EQ(held.At(1, 0, 1'000'030, kMost), kMost + 30);
}

}  // namespace
}  // namespace millrace::internal
