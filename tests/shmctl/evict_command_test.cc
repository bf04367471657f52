// SPDX-License-Identifier: Apache-2.0
// Consumers that hold a producer back, with shmctl evict, pub --on-full evict and pub --on-full drop.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

using nlohmann::json;

bool Has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

// Makes a small ring, a stopped lossless tail, and a file with more lines than the ring holds.
constexpr char kStopped[] =
    "S create q --capacity 4K > /dev/null; seq 1 20000 > lines\n"
    "\"$S\" tail q --lossless > copy 2> told & tail=$!\n"
    "until S stat q --json | grep -q lossless; do kill -0 $tail || exit 80; done\n"
    "stop() { kill -STOP $1; until grep -q '^State:.T' /proc/$1/status; do :; done; }\n"
    "seat_of() { S stat $1 | awk '$1 ~ /^[0-9]+#[0-9]+$/ {print $1}'; }\n"
    "count() { S stat q --json | sed -n \"s/^  \\\"$1\\\": \\([0-9]*\\),$/\\1/p\"; }\n"
    // The lines that arrived are whole: the first lines, and nothing else.
    "prefix() { head -c $(stat -c %s copy) lines | cmp - copy && [ \"$(tail -c1 copy | wc -l)\" = \"$([ -s "
    "copy ]; echo $((1 - $?)))\" ]; }\n"
    "stop $tail\n";

TEST(ShmctlEvict, UnblocksAProducerAndInformsTheVictim) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kStopped) +
                            "\"$S\" pub q < lines 2> said & pub=$!\n"
                            "until [ \"$(count blocked)\" -gt 0 ]; do kill -0 $pub || exit 81; done\n"
                            "seat=$(seat_of q); S stat q --json > stat\n"
                            "S evict q $seat || exit 90\n"
                            "wait $pub || exit 91\n"
                            // The consumer still exists, and does not hold the producer back.
                            "S stat q --json > evicted\n"
                            "kill -CONT $tail; wait $tail; code=$?\n"
                            "prefix || exit 92\n"
                            "cat told; exit $code");
  EXPECT_EQ(ran.exit, 1) << ran.err << ran.out << Slurp(shell.path("said"));
  const json stat = json::parse(Slurp(shell.path("stat")), nullptr, false);
  ASSERT_EQ(stat["consumers"].size(), 1u);
  EXPECT_EQ(stat["consumers"][0]["evicted"], false);
  EXPECT_EQ(stat["consumers"][0]["alive"], true);
  const json evicted = json::parse(Slurp(shell.path("evicted")), nullptr, false);
  ASSERT_EQ(evicted["consumers"].size(), 1u);
  EXPECT_EQ(evicted["consumers"][0]["evicted"], true);
  EXPECT_EQ(evicted["next_sequence"], 20000);
  EXPECT_TRUE(Has(ran.out, "\"q\": evicted by an operator (shmctl evict) at sequence " +
                               std::to_string(stat["next_sequence"].get<int>()) +
                               ": on request; open the ring again"))
      << ran.out;
}

TEST(ShmctlEvict, AnotherGenerationIsRefusedWithTheCurrentOne) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kStopped) +
                            "seat=$(seat_of q); n=${seat%#*} g=${seat#*#}; echo $n $g\n"
                            "S evict q $n#$((g + 1)); [ $? = 3 ] || exit 90\n"
                            "S evict q $((n + 1))#$g; [ $? = 3 ] || exit 91\n"
                            "S evict q 5000#$g; [ $? = 3 ] || exit 92\n"
                            "S evict none $seat; [ $? = 3 ] || exit 93\n"
                            "S stat q --json > stat\n"
                            "kill -CONT $tail; echo x | S pub q || exit 94\n"  // the tail is not evicted
                            "until [ -s copy ]; do :; done; cat copy\n"
                            "kill $tail; wait $tail; [ $? = 143 ] || exit 95; cat told >&2\n"
                            "S evict q $seat; [ $? = 3 ] || exit 96");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(json::parse(Slurp(shell.path("stat")), nullptr, false)["consumers"][0]["evicted"], false);
  int n = -1, g = -1;
  ASSERT_EQ(std::sscanf(ran.out.c_str(), "%d %d", &n, &g), 2) << ran.out;
  const std::string seat = "evict \"q\" seat " + std::to_string(n) + "#";
  EXPECT_TRUE(Has(
      ran.err, seat + std::to_string(g + 1) + ": that seat is at generation " + std::to_string(g) + " now"))
      << ran.err;
  EXPECT_TRUE(Has(ran.err, "the ring has 64 seats")) << ran.err;
  EXPECT_TRUE(Has(ran.err, "shmctl stat q")) << ran.err;
  EXPECT_TRUE(Has(ran.err, "\"none\"")) << ran.err;
  EXPECT_TRUE(Has(ran.err, seat + std::to_string(g) + ": no consumer has that seat")) << ran.err;
  EXPECT_TRUE(Has(ran.out, "\nx\n")) << ran.out;
}

TEST(ShmctlEvict, ASeatIsWrittenAsStatPrintsIt) {
  const Shell shell;
  for (const char* seat : {"3", "3#", "#3", "3#x", "3:7", "-1#2", "3#7#1", "99999999999#1", "''"}) {
    const Ran ran = shell.Run(std::string("S create q > /dev/null; S evict q '") + seat + "'");
    EXPECT_EQ(ran.exit, 2) << seat;
    EXPECT_TRUE(Has(ran.err, "like 3#17")) << seat << ran.err;
  }
  EXPECT_EQ(shell.Run("S evict q").exit, 2);
  EXPECT_EQ(shell.Run("S evict q 3#17 --group g").exit, 2);
}

TEST(ShmctlEvict, ByProcessAndByLabelIfThatNamesOneConsumer) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kStopped) +
                "\"$S\" tail q --lossless > copy2 2> told2 & tail2=$!\n"
                "until [ $(S stat q --json | grep -c lossless) = 2 ]; do kill -0 $tail2 || exit 80; done\n"
                "S evict q --label 'shmctl tail'; [ $? = 3 ] || exit 90\n"
                "S evict q --label nobody; [ $? = 3 ] || exit 91\n"
                "S evict q --pid $$; [ $? = 3 ] || exit 92\n"
                "S evict q --pid $tail --label x; [ $? = 2 ] || exit 93\n"
                "S evict q 0#1 --pid $tail; [ $? = 2 ] || exit 94\n"
                "[ $(S stat q --json | grep -c '\"evicted\": false') = 2 ] || exit 95\n"
                "S evict q --pid $tail || exit 96\n"
                "S evict q --label 'shmctl tail' || exit 97\n"  // one seat is left
                "wait $tail2; [ $? = 1 ] || exit 98; kill -CONT $tail; wait $tail; [ $? = 1 ] || exit 99\n"
                "S evict q --pid $tail; [ $? = 3 ] || exit 100\n"
                "echo $$ $tail $tail2");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  int shell_pid = 0, first = 0, second = 0;
  ASSERT_EQ(std::sscanf(ran.out.c_str(), "%d %d %d", &shell_pid, &first, &second), 3) << ran.out;
  EXPECT_TRUE(Has(ran.err, "2 consumers have label \"shmctl tail\"; name one by its seat: 0#")) << ran.err;
  EXPECT_TRUE(Has(ran.err, "no consumer has label \"nobody\"; its consumers are 0#")) << ran.err;
  EXPECT_TRUE(Has(ran.err, "no consumer has pid " + std::to_string(shell_pid))) << ran.err;
  EXPECT_TRUE(Has(ran.err, "(pid " + std::to_string(first) + ", stopped)")) << ran.err;
  EXPECT_TRUE(Has(ran.err, "(pid " + std::to_string(second) + ")")) << ran.err;
  EXPECT_TRUE(Has(ran.err, "; the ring has no consumer")) << ran.err;
}

// The time continues while pub does other work. It waits in slices of 2 seconds.
TEST(ShmctlOnFull, EvictTakesTheSeatOfAStoppedConsumerAfterItsTime) {
  for (const char* seconds : {"0.001", "0.3", "2.5"}) {
    const Shell shell;
    const Ran ran =
        shell.Run(std::string(kStopped) + "begin=$(date +%s%N); S pub q --on-full evict:" + seconds +
                  "s < lines 2> said || exit 90\n"
                  "echo $(($(date +%s%N) - begin)) > took; S stat q --json > stat; S stat q > text\n"
                  "kill -CONT $tail; wait $tail; code=$?\n"
                  "prefix || exit 92\n"
                  "cat told; exit $code");
    const std::string said = Slurp(shell.path("said"));
    EXPECT_EQ(ran.exit, 1) << seconds << ran.err << ran.out << said;
    const json stat = json::parse(Slurp(shell.path("stat")), nullptr, false);
    EXPECT_EQ(stat["evictions"], 1) << seconds;
    EXPECT_EQ(stat["dropped"], 0) << seconds;
    EXPECT_EQ(stat["next_sequence"], 20000) << seconds;
    EXPECT_GT(stat["blocked_ns"], 0) << seconds;
    EXPECT_GE(std::stod(Slurp(shell.path("took"))), std::stod(seconds) * 1e9) << "not before its time";
    EXPECT_TRUE(Has(Slurp(shell.path("text")), "1 eviction,")) << Slurp(shell.path("text"));
    EXPECT_TRUE(Has(said, "evicted 1 consumer of \"q\" that left no room")) << said;
    EXPECT_TRUE(Has(said, "20000 messages") && Has(said, ", 1 evicted")) << said;
    EXPECT_TRUE(Has(ran.out, "evicted by the producer at sequence ")) << ran.out;
    EXPECT_TRUE(Has(ran.out, "held the producer back")) << ran.out;
  }
}

TEST(ShmctlOnFull, AConsumerThatReadsIsNotEvicted) {
  const Shell shell;
  const Ran ran = shell.Run(
      "seq 1 20000 > lines\n"
      "\"$S\" tail q --lossless --until-closed > copy & tail=$!\n"
      "S pub q --create --capacity 4K --wait-for 1 --on-full evict:20s < lines 2> said || exit 90\n"
      "wait $tail || exit 91; cmp lines copy || exit 92; cat said");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_FALSE(Has(ran.out, "evicted")) << ran.out;
}

TEST(ShmctlOnFull, DropsAreCountedInStatAndList) {
  const Shell shell;
  const Ran ran = shell.Run(
      std::string(kStopped) +
      "S pub q --on-full drop --keep-open < lines 2> said; [ $? = 1 ] || exit 90\n"
      "S stat q --json > stat; S stat q > text; S list > list\n"
      "kill -CONT $tail; S pub q < /dev/null 2> /dev/null || exit 91\n"  // closes the ring
      "until [ \"$(wc -l < copy)\" = \"$(count next_sequence)\" ]; do kill -0 $tail || exit 92; done\n"
      "kill $tail; wait $tail; prefix");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
  const json stat = json::parse(Slurp(shell.path("stat")), nullptr, false);
  const int dropped = stat["dropped"];
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(stat["next_sequence"].get<int>() + dropped, 20000);
  EXPECT_EQ(stat["evictions"], 0);
  EXPECT_TRUE(Has(Slurp(shell.path("said")), std::to_string(dropped) + " dropped"));
  EXPECT_TRUE(Has(Slurp(shell.path("text")), std::to_string(dropped) + " messages dropped"));
  EXPECT_TRUE(Has(Slurp(shell.path("list")), " " + std::to_string(dropped) + " "));
}

TEST(ShmctlOnFull, ABadPolicyIsNamedAndCreatesNothing) {
  const Shell shell;
  for (const char* policy : {"wait", "evict:", "evict:soon", "evict:-1s", "drop:3", "evict5", "''", "evict:0",
                             "evict:0s", "evict:5"}) {
    const Ran ran = shell.Run(std::string("echo x | S pub q --create --on-full ") + policy +
                              "; code=$?; ls q.*; exit $code");
    EXPECT_EQ(ran.exit, 2) << policy << ran.err;
    EXPECT_TRUE(Has(ran.err, "--on-full") && Has(ran.err, "evict:")) << policy << ran.err;
    EXPECT_EQ(ran.out, "") << policy;
  }
}

// Bug: tail wrote a message while it read it in place, so an eviction could tear it. The message is large and
// is written as hexadecimal digits, and tail's memory grows while it formats them.
// So the test can stop it in the middle.
TEST(ShmctlEvict, AMessageThatIsBeingWrittenIsNotTorn) {
  const Shell shell;
  const Ran ran = shell.Run(
      "S create q --capacity 64M > /dev/null\n"
      "head -c 8388608 /dev/zero | tr '\\0' a > a; tr a b < a > b\n"
      "memory() { while read -r key value _; do [[ $key != RssAnon: ]] || anon=$value; done < "
      "/proc/$1/status; }\n"
      "caught=0\n"
      "for try in $(seq 1 50); do\n"
      "  \"$S\" tail q --lossless --format hex > copy 2> told & tail=$!\n"
      "  until S stat q --json | grep -q '\"alive\": true'; do kill -0 $tail || exit 80; done\n"
      "  memory $tail; before=$anon\n"
      "  S pub q --framing raw --keep-open < a 2> /dev/null || exit 81\n"
      "  until memory $tail; ((anon > before + 9000)) || [ -s copy ]; do :; done\n"
      "  kill -STOP $tail; until grep -q '^State:.T' /proc/$tail/status; do :; done\n"
      "  if [ ! -s copy ]; then\n"
      "    caught=1\n"
      "    S evict q $(S stat q | awk '$1 ~ /#/ && / alive/ {print $1}') || exit 82\n"
      "    for i in $(seq 1 10); do cat b; done | S pub q --framing raw --keep-open 2> /dev/null || exit 83\n"
      "  fi\n"
      "  if [ $caught = 0 ]; then kill -KILL $tail; wait $tail 2> /dev/null; continue; fi\n"
      "  kill -CONT $tail; wait $tail; [ $? = 1 ] || exit 84; break\n"
      "done\n"
      "[ $caught = 1 ] || exit 85\n"
      "grep -q '62 62 62 62' copy && exit 86\n"
      "grep -q evicted told || exit 87");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out << Slurp(shell.path("told"));
}

}  // namespace
}  // namespace millrace::testing
