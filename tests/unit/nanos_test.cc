// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"
#include "millrace/options.h"

namespace millrace {
namespace {

namespace chrono = std::chrono;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kLeast = std::numeric_limits<int64_t>::min();

constexpr int64_t NsOf(Nanos span) { return span.count(); }

TEST(UnitNanos, DurationsKeepTheirLength) {
  static_assert(NsOf(chrono::nanoseconds(7)) == 7);
  static_assert(NsOf(chrono::seconds(-2)) == -2'000'000'000);
  static_assert(NsOf(chrono::hours(24 * 365 * 200)) == int64_t{24} * 365 * 200 * 3600 * 1'000'000'000);
  static_assert(NsOf(chrono::duration<uint8_t>(200)) == 200'000'000'000);
  static_assert(NsOf(chrono::duration<int64_t, std::ratio<1, 60>>(3)) == 50'000'000);
  static_assert(NsOf(chrono::duration<int64_t, std::pico>(-1999)) == -1);
  static_assert(NsOf(chrono::duration<double>(0.25)) == 250'000'000);
  EXPECT_EQ(Nanos(), Nanos::zero());
}

TEST(UnitNanos, ADurationBeyondNanosecondsIsTheLongest) {
  static_assert(kForever == Nanos::max());
  static_assert(NsOf(chrono::microseconds::max()) == kMost);
  static_assert(NsOf(chrono::milliseconds::max()) == kMost);
  static_assert(NsOf(chrono::hours::max()) == kMost);
  static_assert(NsOf(chrono::hours(24 * 365 * 300)) == kMost);
  static_assert(NsOf(chrono::years::min()) == kLeast);
  static_assert(NsOf(chrono::duration<uint64_t, std::nano>(~uint64_t{0})) == kMost);
  EXPECT_EQ(NsOf(chrono::duration<double>(1e300)), kMost);
  EXPECT_EQ(NsOf(chrono::duration<float>(-INFINITY)), kLeast);
  EXPECT_EQ(NsOf(chrono::duration<double>(NAN)), 0);
}

}  // namespace
}  // namespace millrace
