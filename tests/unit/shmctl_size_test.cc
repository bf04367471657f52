// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/size.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::tool {
namespace {

TEST(UnitShmctlParseSize, TakesBytesAndEveryUnitInAnyCase) {
  EXPECT_EQ(ParseSize("0"), 0u);
  EXPECT_EQ(ParseSize("4097"), 4097u);
  EXPECT_EQ(ParseSize("17B"), 17u);
  for (const char* text : {"3K", "3k", "3KiB", "3kib"}) EXPECT_EQ(ParseSize(text), 3u * 1024) << text;
  for (const char* text : {"3M", "3m", "3MiB"}) EXPECT_EQ(ParseSize(text), 3u * 1024 * 1024) << text;
  for (const char* text : {"3G", "3GiB"}) EXPECT_EQ(ParseSize(text), 3ull << 30) << text;
  EXPECT_EQ(ParseSize("3KB"), 3'000u);
  EXPECT_EQ(ParseSize("3MB"), 3'000'000u);
  EXPECT_EQ(ParseSize("3GB"), 3'000'000'000u);
}

TEST(UnitShmctlParseSize, RefusesTextThatIsNoSize) {
  for (const char* text :
       {"", "K", "-1", "+1", " 1", "1 K", "1.5M", "1T", "010", "00", "1KK", "0x10", "1K "}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(UnitShmctlParseSize, RefusesSizesAbove64Bits) {
  EXPECT_EQ(ParseSize("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(ParseSize("18446744073709551616"), std::nullopt);
  EXPECT_EQ(ParseSize("18014398509481983K"), UINT64_MAX - 1023);
  EXPECT_EQ(ParseSize("18014398509481984K"), std::nullopt);
}

TEST(UnitShmctlTypedSize, IsParsedBackExactly) {
  for (const uint64_t bytes :
       {0ull, 1ull, 1023ull, 1024ull, 1025ull, 3ull << 20, (3ull << 20) + 1, 8ull << 30}) {
    EXPECT_EQ(ParseSize(TypedSize(bytes)), bytes) << TypedSize(bytes);
  }
  EXPECT_EQ(TypedSize(64 * 1024), "64K");
}

TEST(UnitShmctlHumanSize, RoundsToOneDigitAndLeavesWholeNumbersAlone) {
  EXPECT_EQ(HumanSize(0), "0 B");
  EXPECT_EQ(HumanSize(1023), "1023 B");
  EXPECT_EQ(HumanSize(1024), "1 KiB");
  EXPECT_EQ(HumanSize(1536), "1.5 KiB");
  EXPECT_EQ(HumanSize(1 << 20), "1 MiB");
  EXPECT_EQ(HumanSize(5ull << 30), "5 GiB");
}

TEST(UnitShmctlCapacityProblem, NamesBothNeighbours) {
  EXPECT_EQ(CapacityProblem(4096), "");
  EXPECT_EQ(CapacityProblem(8ull << 30), "");
  const std::string problem = CapacityProblem(3 << 20);
  EXPECT_NE(problem.find("2M"), std::string::npos) << problem;
  EXPECT_NE(problem.find("4M"), std::string::npos) << problem;
}

TEST(UnitShmctlCapacityProblem, NamesTheBoundIfThereIsNoNeighbour) {
  EXPECT_NE(CapacityProblem(1000).find("4K"), std::string::npos);
  EXPECT_NE(CapacityProblem(16ull << 30).find("8G"), std::string::npos);
}

}  // namespace
}  // namespace millrace::tool
