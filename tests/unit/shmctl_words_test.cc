// SPDX-License-Identifier: Apache-2.0
// Tests durations as users type them, and the suggestion for a mistyped word.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "tools/shmctl/text/duration.h"
#include "tools/shmctl/text/suggest.h"

namespace millrace::tool {
namespace {

using namespace std::chrono_literals;

TEST(UnitShmctlParseDuration, TakesNumbersWithUnits) {
  EXPECT_EQ(ParseDuration("0"), 0ns);
  EXPECT_EQ(ParseDuration("0s"), 0ns);
  EXPECT_EQ(ParseDuration("250ms"), 250ms);
  EXPECT_EQ(ParseDuration("7us"), 7us);
  EXPECT_EQ(ParseDuration("7\u00b5s"), 7us);
  EXPECT_EQ(ParseDuration("90s"), 90s);
  EXPECT_EQ(ParseDuration("90sec"), 90s);
  EXPECT_EQ(ParseDuration("5m"), 5min);
  EXPECT_EQ(ParseDuration("5min"), 5min);
  EXPECT_EQ(ParseDuration("1h30m"), 90min);
  EXPECT_EQ(ParseDuration("1.5h"), 90min);
  EXPECT_EQ(ParseDuration(".5s"), 500ms);
  EXPECT_EQ(ParseDuration("2d"), 48h);
  EXPECT_EQ(ParseDuration("100000d"), 2400000h);
  EXPECT_EQ(ParseDuration("200000d"), kForever);
}

TEST(UnitShmctlParseDuration, RefusesOtherText) {
  for (const char* text : {"", "5", "1h30", "s", "-5s", "+5s", "5 s", "5S", "5q", "1e3s", "infs", "nans",
                           "1..5s", "0x5s", "1h-30m", "5mm"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(UnitShmctlNearestWord, ReturnsANearWordOrNone) {
  const std::vector<std::string> commands = {"create", "list",  "stat",  "pub", "tail",
                                             "unlink", "prune", "evict", "set"};
  EXPECT_EQ(NearestWord("lsit", commands), "list");
  EXPECT_EQ(NearestWord("lst", commands), "list");
  EXPECT_EQ(NearestWord("status", commands), "stat");
  EXPECT_EQ(NearestWord("publish", commands), "pub");
  EXPECT_EQ(NearestWord("cre", commands), "create");
  EXPECT_EQ(NearestWord("unlnik", commands), "unlink");
  for (const char* far : {"", "x", "frobnicate", "hello"}) EXPECT_EQ(NearestWord(far, commands), "") << far;
  EXPECT_EQ(CommandOfOthers("ls"), "list");
  EXPECT_EQ(CommandOfOthers("list"), "");
}

}  // namespace
}  // namespace millrace::tool
