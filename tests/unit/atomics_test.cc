// SPDX-License-Identifier: Apache-2.0
#include "millrace/internal/atomics.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace millrace::internal {
namespace {

using A = RealAtomics;

template <class T>
class Atomics : public testing::Test {};
using Words = testing::Types<uint32_t, uint64_t>;
TYPED_TEST_SUITE(Atomics, Words);

TYPED_TEST(Atomics, EveryOperationDoesWhatItsNameSays) {
  using T = TypeParam;
  constexpr T kBig = ~T{0} - 1;
  T word = 3;
  EXPECT_EQ(A::Load(word, std::memory_order_acquire, Site::X), T{3});
  A::Store(word, kBig, std::memory_order_release, Site::X);
  EXPECT_EQ(word, kBig);
  EXPECT_EQ(A::Exchange(word, T{7}, std::memory_order_acq_rel, Site::X), kBig);
  EXPECT_EQ(A::Add(word, T{5}, std::memory_order_release, Site::X), T{7});
  EXPECT_EQ(word, T{12});
  T expected = 11;
  EXPECT_FALSE(A::CompareExchange(word, expected, T{1}, std::memory_order_acq_rel, Site::X));
  EXPECT_EQ(expected, T{12}) << "a failed exchange tells what is there";
  EXPECT_TRUE(A::CompareExchange(word, expected, T{1}, std::memory_order_acq_rel, Site::X));
  EXPECT_EQ(word, T{1});
  A::Add(word, ~T{0}, std::memory_order_release, Site::X);
  A::Add(word, ~T{0}, std::memory_order_release, Site::X);
  EXPECT_EQ(word, ~T{0}) << "counts wrap";
}

TYPED_TEST(Atomics, AdditionsOfTwoThreadsAreAllCounted) {
  using T = TypeParam;
  constexpr int kEach = 20'000;
  T word = 0;
  const auto add = [&] {
    for (int i = 0; i < kEach; ++i) A::Add(word, T{1}, std::memory_order_relaxed, Site::X);
  };
  std::thread other(add);
  add();
  other.join();
  EXPECT_EQ(word, T{2 * kEach});
}

TEST(UnitAtomicsCopy, CopiesEveryLengthAndNothingAfterItsLastWord) {
  for (size_t n = 0; n <= 80; ++n) {
    alignas(8) std::array<std::byte, 96> ring;
    alignas(8) std::array<std::byte, 96> out;
    std::array<std::byte, 80> in;
    ring.fill(std::byte{0xee});
    out.fill(std::byte{0xdd});
    for (size_t i = 0; i < n; ++i) in[i] = static_cast<std::byte>(i * 7 + n);
    A::CopyIn(ring.data(), in.data(), n);
    A::CopyOut(out.data(), ring.data(), n);
    EXPECT_EQ(std::memcmp(in.data(), out.data(), n), 0) << n;
    const size_t end = (n + 7) & ~size_t{7};
    for (size_t i = end; i < ring.size(); ++i) {
      EXPECT_EQ(ring[i], std::byte{0xee}) << n << " bytes wrote byte " << i;
      EXPECT_EQ(out[i], std::byte{0xdd}) << n << " bytes wrote byte " << i;
    }
  }
}

TEST(UnitAtomicsCopy, ZeroBytesMayBeCopiedFromANullPointer) {
  A::CopyIn(nullptr, nullptr, 0), A::CopyOut(nullptr, nullptr, 0);
}

}  // namespace
}  // namespace millrace::internal
