// SPDX-License-Identifier: Apache-2.0
// list, stat, unlink and prune accept several names, and quoted patterns.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

using nlohmann::json;

bool Has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

std::string NamesIn(const std::string& text) {
  const json array = json::parse(text, nullptr, false);
  std::string names;
  if (!array.is_array()) return "no array: " + text;
  for (const json& one : array) names += one["name"].get<std::string>() + " ";
  return names;
}

constexpr char kRings[] =
    "for n in a1 a2 b1; do S create $n --capacity 4K > /dev/null; done\n"
    "echo 'of another program' > a9.ring\n"
    "there() { echo $(ls *.ring); }\n";

TEST(ShmctlPatterns, ListAndStatShowMatchingRings) {
  const Shell shell;
  shell.Run(kRings);
  EXPECT_EQ(NamesIn(shell.Run("S list --json").out), "a1 a2 b1 ");
  EXPECT_EQ(NamesIn(shell.Run("S list 'a*' --json").out), "a1 a2 ");
  EXPECT_EQ(NamesIn(shell.Run("S list b1 'a[2]' a1 'a*' --json").out), "b1 a2 a1 ") << "each once";
  EXPECT_EQ(NamesIn(shell.Run("S list '[ab]1' --json").out), "a1 b1 ");
  EXPECT_EQ(NamesIn(shell.Run("S stat 'a?' --json").out), "a1 a2 ");
  EXPECT_EQ(NamesIn(shell.Run("S stat b1 a1 --json").out), "b1 a1 ");
  EXPECT_TRUE(json::parse(shell.Run("S stat b1 --json").out, nullptr, false).is_object());
  const Ran text = shell.Run("S stat 'a*' | grep -c ^ring; S list 'b*' | wc -l");
  EXPECT_EQ(text.out, "2\n2\n");
}

TEST(ShmctlPatterns, APatternWithoutMatchIsAnErrorAndTheRestIsDone) {
  const Shell shell;
  shell.Run(kRings);
  for (const char* command : {"list", "stat", "unlink"}) {
    const Ran ran = shell.Run(std::string("S ") + command + " 'z*'");
    EXPECT_EQ(ran.exit, 3) << command;
    EXPECT_EQ(ran.out, "") << command;
    EXPECT_TRUE(Has(ran.err, "no ring in " + shell.directory() + " matches \"z*\"")) << ran.err;
  }
  const Ran list = shell.Run("S list 'z*' a1 none --json");
  EXPECT_EQ(list.exit, 3);
  EXPECT_EQ(NamesIn(list.out), "a1 ");
  EXPECT_TRUE(Has(list.err, "z*") && Has(list.err, "\"none\"")) << list.err;
  const Ran stat = shell.Run("S stat none a1");
  EXPECT_EQ(stat.exit, 3);
  EXPECT_TRUE(Has(stat.out, "a1")) << stat.out;
  EXPECT_EQ(shell.Run("S stat none --json").out, "");
}

TEST(ShmctlPatterns, UnlinkRemovesOnlyMatchingRings) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kRings) +
                            "S unlink 'a*' || exit 90; there; ls a1.* a2.* 2> /dev/null\n"
                            "S unlink 'a*'; [ $? = 3 ] || exit 91\n"  // a9.ring is not a ring
                            "S unlink 'b*' b1 || exit 92; there");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "a9.ring b1.ring\na9.ring\n");
}

TEST(ShmctlPatterns, PatternOfARingThatAnEarlierWordRemovedIsNoError) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kRings) +
                "S unlink b1 'b*' || exit 90; there\n"
                "S unlink a1 'a1*' '[a]1' a2 || exit 91; there\n"
                "S unlink 'a*'; [ $? = 3 ] || exit 92");  // only a9.ring is there, which is not a ring
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "a1.ring a2.ring a9.ring\na9.ring\n");
}

TEST(ShmctlPatterns, PruneChecksOnlyMatchingRings) {
  const Shell shell;
  const Ran ran = shell.Run(
      "for n in a1 a2 b1; do echo x | S pub $n --create 2> /dev/null; done\n"
      "there() { echo $(ls *.ring 2> /dev/null); }\n"
      "S prune --older-than 0s --dry-run 'b*' --json; [ $? = 1 ] || exit 90\n"
      "S prune --older-than 0s --yes 'z*' || exit 91; there\n"
      "S prune --older-than 0s --yes a2 'b*' || exit 92; there\n"
      "S prune --older-than 0s --yes || exit 93; there");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(Has(ran.out, "\"b1\"") && !Has(ran.out, "\"a1\"")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "nothing to remove")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "a1.ring a2.ring b1.ring\nremoved 2 of 2")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "\na1.ring\nremoved 1 of 1")) << ran.out;
}

}  // namespace
}  // namespace millrace::testing
