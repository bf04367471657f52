// SPDX-License-Identifier: Apache-2.0
// shmctl tail on several rings: names, patterns, rings that are created later, and rings that end.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}
// Returns the lines of one ring in their order, without its name.
std::string Of(const std::string& ring, const std::string& text) {
  std::string of;
  for (const std::string& line : Lines(text)) {
    if (line.starts_with(ring + ": ")) of += line.substr(ring.size() + 2) + " ";
  }
  return of;
}
bool Says(const Ran& ran, const std::string& words) { return ran.err.find(words) != std::string::npos; }

constexpr char kThree[] =
    "for r in md.eur md.usd orders; do seq 1 4 | sed s/^/$r./ | S pub $r --create 2>/dev/null; done\n";

TEST(ShmctlTailMany, NamesAndPatternsPrintEachMessageWithItsRing) {
  const Shell shell;
  Ran ran = shell.Run(std::string(kThree) + "S tail orders 'md.*' --from oldest");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  for (const std::string ring : {"orders", "md.eur", "md.usd"}) {
    EXPECT_EQ(Of(ring, ran.out), ring + ".1 " + ring + ".2 " + ring + ".3 " + ring + ".4 ");
    EXPECT_TRUE(Says(ran, "\"" + ring + "\": the producer closed it")) << ran.err;
  }
  EXPECT_EQ(Lines(ran.out).size(), 12u);
  ran = shell.Run("S tail 'md.?s*' -e");
  EXPECT_EQ(ran.out, "md.usd: md.usd.1\nmd.usd: md.usd.2\nmd.usd: md.usd.3\nmd.usd: md.usd.4\n")
      << "one that matches";
  ran = shell.Run("S tail md.eur --from oldest");
  EXPECT_EQ(ran.out, "md.eur.1\nmd.eur.2\nmd.eur.3\nmd.eur.4\n") << "one name is as ever";
  ran = shell.Run("S tail orders orders 'ord*' -e | wc -l");
  EXPECT_EQ(ran.out, "4\n") << "a ring is read once";
}

TEST(ShmctlTailMany, PrintsEveryFormat) {
  const Shell shell;
  Ran ran = shell.Run(std::string(kThree) + "S tail md.eur md.usd -e -n 1 --json");
  ASSERT_EQ(Lines(ran.out).size(), 2u) << ran.err;
  for (const std::string& line : Lines(ran.out)) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json["text"], json["ring"].get<std::string>() + ".4");
    EXPECT_EQ(json["sequence"], 3);
  }
  ran = shell.Run("S tail md.eur md.usd -e -n 1 --format hex | grep -c '^md.*: sequence 3, 8 bytes$'");
  EXPECT_EQ(ran.out, "2\n");
  for (const std::string format : {"raw", "length"}) {
    ran = shell.Run("S tail md.eur 'md.u*' -e --format " + format);
    EXPECT_EQ(ran.exit, 2);
    EXPECT_TRUE(Says(ran, format)) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(shell.Run("S tail md.eur -e --format " + format).exit, 0);
  }
}

TEST(ShmctlTailMany, AStartAppliesToEachRingAndACountToAll) {
  const Shell shell;
  Ran ran = shell.Run(std::string(kThree) + "S tail 'md.*' -e -n 2 | sort");
  EXPECT_EQ(ran.out, "md.eur: md.eur.3\nmd.eur: md.eur.4\nmd.usd: md.usd.3\nmd.usd: md.usd.4\n");
  ran = shell.Run("S tail 'md.*' --from 3 | sort");
  EXPECT_EQ(ran.out, "md.eur: md.eur.4\nmd.usd: md.usd.4\n");
  ran = shell.Run("S tail 'md.*' --since 1h -c 5 | wc -l");
  EXPECT_EQ(ran.out, "5\n");
  ran = shell.Run("S tail 'md.*' --from 2 -c 2 | cut -d: -f1 | sort");
  EXPECT_EQ(ran.out, "md.eur\nmd.usd\n") << "rings that are ready take turns";
  ran = shell.Run("echo 1 | S pub short --create 2>/dev/null; S tail md.eur short --from 3");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "md.eur: md.eur.4\n");
  EXPECT_TRUE(Says(ran, "\"short\"") && Says(ran, "not published yet")) << ran.err;
}

// Starts a real producer for each ring after the tool, and one more ring that no argument names.
TEST(ShmctlTailMany, LaterRingsAreShownFromTheirFirstMessage) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" tail named 'md.*' --lossless --until-closed > out 2> said & tail=$!\n"
      "until grep -q 'matches \"md' said; do :; done\n"
      "seq 1 2000 | S pub md.eur --create --capacity 4K --wait-for 1 2>/dev/null &\n"
      "seq 1 2000 | S pub md.usd --create --capacity 4K --wait-for 1 2>/dev/null & wait $! || exit 90\n"
      "echo other | S pub other --create 2>/dev/null\n"
      "kill -0 $tail || exit 91  # a name is still waited for\n"
      "seq 1 500 | S pub named --create --wait-for 1 2>/dev/null || exit 92\n"
      "wait $tail; code=$?\n"
      "seq 1 2000 > want; for r in md.eur md.usd; do grep ^$r: out | cut -d' ' -f2 | cmp - want || exit 93; "
      "done\n"
      "seq 1 500 > want; grep ^named: out | cut -d' ' -f2 | cmp - want || exit 94\n"
      "cat said >&2; wc -l < out; exit $code");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "4500\n");
  EXPECT_TRUE(Says(ran, "waiting for a ring \"named\"")) << ran.err;
}

// A ring is created and filled before the tool can have joined. Its producer does not wait for the tool.
TEST(ShmctlTailMany, MessagesPublishedBeforeALaterRingWasFoundAreShown) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" tail 'md.*' named > out 2> said & tail=$!\n"
      "until grep -q 'named' said; do :; done\n"
      "for r in md.1 md.2 named md.3; do seq 1 3 | S pub $r --create --keep-open 2>/dev/null; done\n"
      "until [ $(wc -l < out) = 12 ]; do :; done\n"
      "kill $tail; wait $tail; code=$?; sort out | tr '\\n' ' '; exit $code");
  EXPECT_EQ(ran.exit, 143) << ran.err;
  EXPECT_EQ(
      ran.out,
      "md.1: 1 md.1: 2 md.1: 3 md.2: 1 md.2: 2 md.2: 3 md.3: 1 md.3: 2 md.3: 3 named: 1 named: 2 named: 3 ");
}

TEST(ShmctlTailMany, ARingThatIsRemovedAndCreatedAgainIsShownAgain) {
  for (const std::string words : {"'[ab]'", "a b"}) {
    const Shell shell;
    const Ran ran = shell.Run(
        "S create a > /dev/null; S create b > /dev/null\n"
        "\"$S\" tail " +
        words +
        " --lossless > out 2> said & tail=$!\n"
        "for n in 1 2 3; do\n"
        "  until S stat a --json 2>/dev/null | grep -q lossless; do :; done\n"
        "  echo $n | S pub a --keep-open 2>/dev/null\n"
        "  until grep -q \"a: $n\" out; do :; done\n"
        "  S unlink a --force || exit 90\n"
        "  S create a > /dev/null || exit 91\n"
        "done\n"
        "until S stat b --json | grep -q lossless; do :; done\n"
        "echo still | S pub b 2>/dev/null; until grep -q still out; do :; done\n"
        "kill $tail; wait $tail; code=$?; cat out; cat said >&2; exit $code");
    EXPECT_EQ(ran.exit, 143) << words << ran.err;
    EXPECT_EQ(ran.out, "a: 1\na: 2\na: 3\nb: still\n");
    size_t told = 0;
    for (const std::string& line : Lines(ran.err))
      told += line.find("\"a\"") != std::string::npos && line.find("removed") != std::string::npos;
    EXPECT_EQ(told, 3u) << ran.err;
  }
}

TEST(ShmctlTailMany, LossesAndEvictionsNameTheirRing) {
  const Shell shell;
  Ran ran = shell.Run(
      "seq 1 5000 | S pub a --create --capacity 4K 2>/dev/null; echo 1 | S pub b --create 2>/dev/null\n"
      "S tail a b --from 0 -e | tail -1");
  EXPECT_EQ(ran.out, "a: 5000\n");
  EXPECT_TRUE(Says(ran, "of \"a\" before sequence")) << ran.err;
  EXPECT_FALSE(Says(ran, "of \"b\" before sequence")) << ran.err;
  EXPECT_EQ(shell.Run("S tail a b --from 0 -e > /dev/null").exit, 1);
  ran = shell.Run(
      "S create c > /dev/null; S create d > /dev/null\n"
      "\"$S\" tail c d --lossless --until-closed > out & tail=$!\n"
      "until S stat c --json | grep -q lossless; do :; done\n"
      "S evict c $(S stat c | awk '$1 ~ /#/ {print $1}') || exit 90\n"
      "until S stat d --json | grep -q lossless; do :; done\n"
      "echo on | S pub d 2>/dev/null\n"
      "wait $tail; code=$?; cat out; exit $code");
  EXPECT_EQ(ran.exit, 1) << ran.err;
  EXPECT_EQ(ran.out, "d: on\n") << "the others go on";
  EXPECT_TRUE(Says(ran, "\"c\": evicted")) << ran.err;
}

TEST(ShmctlTailMany, EndsWithoutWaitingIfAsked) {
  const Shell shell;
  Ran ran = shell.Run(std::string(kThree) + "S tail md.eur nope 'x*' --from oldest --no-wait");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(Lines(ran.out).size(), 4u) << "what is there is shown";
  EXPECT_TRUE(Says(ran, "no ring \"nope\"") && Says(ran, "no ring that matches \"x*\"")) << ran.err;
  EXPECT_EQ(shell.Run("S tail 'x*' -e").exit, 3);
  EXPECT_EQ(shell.Run("S tail 'md.*' -e -n 0").exit, 0) << "there are rings, with nothing asked for";
  EXPECT_EQ(shell.Run("S tail 'md.*' --until-closed").exit, 0) << "closed already";
  EXPECT_EQ(shell.Run("S tail md.eur a/b").exit, 2);
}

// One match is not a ring. The tool reports it and reads the others.
TEST(ShmctlTailMany, FilesThatAreNoRingsAreReportedAndSkipped) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kThree) +
                "echo nonsense > md.aaa.ring; S tail 'md.*' --from oldest | wc -l; exit ${PIPESTATUS[0]}");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "8\n");
  EXPECT_TRUE(Says(ran, "md.aaa")) << ran.err;
}

// Bug: the tool aborted if a ring was created after its search and before its open.
TEST(ShmctlTailMany, ARingThatIsCreatedAndRemovedRepeatedlyEndsNothing) {
  const Shell shell;
  const Ran ran = shell.Run(
      "echo 1 | S pub still --create 2>/dev/null\n"
      "while [ ! -e stop ]; do S create flick; S unlink flick --force; done > /dev/null 2>&1 &\n"
      "for i in $(seq 1 40); do\n"
      "  S tail still flick -e > out 2>> said; code=$?\n"
      "  [ $code = 0 ] || [ $code = 3 ] || break\n"
      "  [ \"$(cat out)\" = 'still: 1' ] || { code=91; break; }\n"
      "done\n"
      "touch stop; wait; exit $code");
  EXPECT_TRUE(ran.exit == 0 || ran.exit == 3) << ran.exit << ran.err;
}

// Any user can create such a file, and the pattern then matches it too.
TEST(ShmctlTailMany, FilesWithInvalidNamesDoNotMatch) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kThree) +
                            ": > $'md.\\e[2J.ring'; : > 'md. x.ring'; S tail 'md.*' --from oldest | wc -l\n"
                            "exit ${PIPESTATUS[0]}");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "8\n");
}

TEST(ShmctlTailMany, EndsQuietlyWhenItsReaderGoesAway) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kThree) +
                "S tail 'md.*' --from oldest 2>/dev/null | head -1 | wc -l; exit ${PIPESTATUS[0]}\n");
  EXPECT_EQ(ran.exit, 0);
  const Ran quiet =
      shell.Run("S create q1 > /dev/null; S tail 'q*' 2>/dev/null | true; exit ${PIPESTATUS[0]}");
  EXPECT_EQ(quiet.exit, 0);
}

}  // namespace
}  // namespace millrace::testing
