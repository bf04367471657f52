// SPDX-License-Identifier: Apache-2.0
// shmctl tail: which messages it shows, where it begins, and where it ends.
#include <gtest/gtest.h>

#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

constexpr char kTen[] = "seq 0 9 | S pub q --create 2>/dev/null\n";

TEST(ShmctlTail, OldestPrintsRetainedMessagesAndEndsAtTheClose) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kTen) + "S tail q --from oldest");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

TEST(ShmctlTail, FromSequenceLastAndCount) {
  const Shell shell;
  EXPECT_EQ(shell.Run(std::string(kTen) + "S tail q --from 7").out, "7\n8\n9\n");
  EXPECT_EQ(shell.Run("S tail q -n 2 -e").out, "8\n9\n");
  EXPECT_EQ(shell.Run("S tail q --from oldest -c 3").out, "0\n1\n2\n");
}

// Publishes two bursts, 0.4 s apart.
TEST(ShmctlTail, StartsAtAnAge) {
  const Shell shell;
  const Ran ran = shell.Run(
      "seq 1 1000 | S pub q --create --capacity 4K --keep-open 2>/dev/null\n"
      "S tail q --since 1h -e | tail -1; S tail q --from 1h30m -e | tail -1\n"
      "[ $(S tail q --from oldest -e | wc -l) = $(S tail q --since 3600s -e | wc -l) ] || exit 90\n"
      "sleep 0.4; second=$(date +%s%N)\n"
      "seq 1001 1020 | S pub q --keep-open 2>/dev/null\n"
      "S tail q --since 400ms -e -c 1 > few\n"
      // If the machine stood still for that long, no message is young enough.
      "[ $(($(date +%s%N) - second)) -gt 390000000 ] || [ $(cat few) -gt 980 ] || exit 91\n"
      "S tail q --since 0 -e | wc -l\n"
      "S tail q --since 0 --no-wait -c 0");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "1000\n1000\n0\n");
  for (const char* wrong :
       {"S tail q --since never", "S tail q --since -5", "S tail q --from 5q", "S tail q --since 5",
        "S tail q --from 010", "S tail q --since 1h30", "S tail q -n 010", "S tail q -c 0x10",
        "S tail q --since 5m -n 3", "S tail q --since 5m --from oldest"}) {
    EXPECT_EQ(shell.Run(wrong).exit, 2) << wrong;
  }
}

TEST(ShmctlTail, EndOnAClosedRingWaitsForTheNextProducer) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kTen) +
                            "\"$S\" tail q --lossless --until-closed > copy & tail=$!\n"
                            "echo later | S pub q --wait-for 1 2>/dev/null || exit 90\n"
                            "wait $tail || exit 91\ncat copy");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "later\n");
}

TEST(ShmctlTail, LossIsReportedAndIsExitCodeOne) {
  const Shell shell;
  const Ran ran = shell.Run(
      "seq 1 10000 | S pub q --create --capacity 4K 2>/dev/null\nS tail q --from 0 -e > out; code=$?; tail "
      "-1 out; exit $code");
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.out, "10000\n");
  EXPECT_NE(ran.err.find("lost"), std::string::npos) << ran.err;
}

TEST(ShmctlTail, EndsQuietlyWhenItsReaderGoesAway) {
  const Shell shell;
  const Ran ran = shell.Run(
      "seq 1 5000 | S pub q --create 2>/dev/null\nS tail q --from oldest | head -1; exit ${PIPESTATUS[0]}");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "1\n");
}

TEST(ShmctlTail, AcceptsTheFollowOptionOfOtherTools) {
  const Shell shell;
  EXPECT_EQ(shell.Run(std::string(kTen) + "S tail -f q --from 8").out, "8\n9\n");
  EXPECT_EQ(shell.Run("S tail -f q -e").exit, 2);
}

// Bug: the tool took SIGALRM for one of its own signals.
TEST(ShmctlTail, AnAlarmEndsItUnlessItIsIgnored) {
  const Shell shell;
  const Ran ran = shell.Run(
      "S create q > /dev/null\n"
      "for signal in ALRM TERM HUP; do\n"
      "  \"$S\" tail q --lossless > /dev/null & tail=$!\n"
      "  until S stat q | grep -q \"$tail *alive\"; do :; done\n"
      "  kill -$signal $tail; wait $tail; echo $?\n"
      "done\n"
      "(trap '' ALRM; exec \"$S\" tail q --lossless > /dev/null) & tail=$!\n"
      "until S stat q | grep -q \"$tail *alive\"; do :; done\n"
      "kill -ALRM $tail; kill -TERM $tail; wait $tail; echo $?");
  EXPECT_EQ(ran.out, "142\n143\n129\n143\n") << ran.err;
}

TEST(ShmctlTail, TerminationFlushesAndReportsTheSignal) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kTen) +
                "\"$S\" tail q --from oldest --format json > out & tail=$!\nwait $tail || exit 89\n"
                "\"$S\" tail q > /dev/null & tail=$!\n"
                "kill -TERM $tail; wait $tail");
  EXPECT_EQ(ran.exit, 143) << ran.err;
}

TEST(ShmctlTail, MissingRingWithoutWaiting) {
  const Shell shell;
  const Ran ran = shell.Run("S tail nope --no-wait");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("\"nope\""), std::string::npos) << ran.err;
}

TEST(ShmctlTail, ReportsTheRemovalOfTheRing) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kTen) +
                            "\"$S\" tail q --lossless > /dev/null & tail=$!\n"
                            "until S stat q --json | grep -q lossless; do :; done\n"
                            "S unlink q --force || exit 90\nwait $tail");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("removed"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace millrace::testing
