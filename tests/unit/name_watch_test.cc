// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/name_watch.h"

#include <gtest/gtest.h>

namespace millrace::internal {
namespace {

TEST(UnitNameWatch, LooksAtOnceAndThenOncePerPeriod) {
  NameWatch watch;
  EXPECT_TRUE(watch.Due(1, NameWatch::kIdleNs)) << "never looked";
  EXPECT_FALSE(watch.Due(NameWatch::kIdleNs, NameWatch::kIdleNs));
  EXPECT_TRUE(watch.Due(NameWatch::kIdleNs + 1, NameWatch::kIdleNs));
  EXPECT_FALSE(watch.Due(NameWatch::kIdleNs + 2, NameWatch::kIdleNs));
}

TEST(UnitNameWatch, StartsItsPeriodAtTheLookOfTheAttach) {
  NameWatch watch(1000);
  EXPECT_FALSE(watch.Due(1000, 10));
  EXPECT_TRUE(watch.Due(1010, 10));
}

TEST(UnitNameWatch, CountsEveryLookForEveryPeriod) {
  NameWatch watch(0);
  EXPECT_TRUE(watch.Due(NameWatch::kRemovingProducerNs, NameWatch::kRemovingProducerNs));
  EXPECT_FALSE(watch.Due(NameWatch::kFullNs, NameWatch::kFullNs)) << "looked less than a period ago";
  EXPECT_TRUE(watch.Due(NameWatch::kFullNs, 0)) << "a hint asks for a look now";
}

TEST(UnitNameWatch, LooksNextWhenAsked) {
  NameWatch watch(1000);
  watch.LookNext();
  EXPECT_TRUE(watch.Due(1001, NameWatch::kIdleNs));
  EXPECT_FALSE(watch.Due(1002, NameWatch::kIdleNs));
}

}  // namespace
}  // namespace millrace::internal
