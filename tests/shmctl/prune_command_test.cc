// SPDX-License-Identifier: Apache-2.0
// shmctl prune: what it removes, what it never touches, and how it asks for confirmation.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/shmctl/shell.h"
#include "tests/support/queue_words.h"

namespace millrace::testing {
namespace {

using nlohmann::json;

bool Has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

// Makes a ring whose producer has ended. there() lists the files that exist.
constexpr char kDead[] =
    "echo x | S pub dead --create 2>/dev/null\n"
    "there() { ls -d *.ring *.seats *.lock 2>/dev/null | tr '\\n' ' '; }\n";

// Runs `prune ARGUMENTS` at a terminal. Its output is in the file `screen` and its exit code in $code. Bytes
// written to descriptor 7 are typed. await WORDS waits until they are on the screen.
constexpr char kTerminal[] =
    "mkfifo keys; exec 7<> keys\n"
    "at_terminal() { script -qfec \"$S prune --older-than 0 $1\" screen < keys > /dev/null & terminal=$!; }\n"
    "await() { until grep -qF -- \"$1\" screen 2>/dev/null; do kill -0 $terminal || exit 80; done; }\n"
    "ended() { wait $terminal; code=$?; }\n";

void MakeOlder(const Shell& shell, const std::string& name, std::chrono::nanoseconds by) {
  const QueueWords words(shell.path(name));
  const auto ns = static_cast<uint64_t>(by.count());
  words.header().created_ns -= ns;
  words.control().producer.since_ns -= ns;
  if (words.control().producer.left_ns != 0) words.control().producer.left_ns -= ns;
  for (internal::Mark& mark : words.control().marks) mark.time_ns -= ns;
}

TEST(ShmctlPrune, RemovesOnlyUnusedRings) {
  const Shell shell;
  const Ran ran = shell.Run(
      std::string(kDead) +
      "S create kept > /dev/null; echo x | S pub kept 2>/dev/null\n"
      "S create unborn --no-keep > /dev/null\n"
      "\"$S\" tail read --lossless > /dev/null 2>&1 & tail=$!\n"
      "mkfifo input; \"$S\" pub written --create < input 2>/dev/null & pub=$!; exec 7> input\n"
      "echo x | S pub read --create --wait-for 1 2>/dev/null\n"
      "until S stat written --json | grep -q '\"live\"'; do :; done\n"
      "echo 'of another program' > other.ring; echo 'of another program' > other.seats; mkdir d.ring; ln -s "
      "dead.ring l.ring\n"
      "there > before\n"
      "S prune --yes --older-than 0 > out || exit 90\n"
      "there > after; [ -e dead.ring ] || [ -e dead.seats ] || [ -e dead.lock ] && exit 91\n"
      "[ \"$(cat after)\" = \"$(sed 's/dead[.][a-z]* //g' before)\" ] || { cat before after; exit 92; }\n"
      "cat other.ring other.seats\n"
      "exec 7>&-; wait $pub || exit 93\n"  // prune has touched neither
      "kill $tail; wait $tail; [ $? = 143 ] || exit 94\n"
      "S prune --yes --older-than 0 > second || exit 95\n"  // now no process uses them
      "ls read.* written.* 2>/dev/null && exit 96; S list --json | grep '\"name\"'; cat out");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
  EXPECT_TRUE(Has(ran.out, "of another program\nof another program\n")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "removed 1 of 1")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "\"kept\"") && Has(ran.out, "\"unborn\"")) << ran.out;
}

TEST(ShmctlPrune, DryRunListsAndRemovesNothing) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kDead) +
                            "there > before; S prune --dry-run --older-than 0; code=$?\n"
                            "[ \"$(there)\" = \"$(cat before)\" ] || exit 90\n"
                            "S prune --dry-run --yes --older-than 0 > /dev/null; [ $? = 1 ] || exit 91\n"
                            "[ -e dead.ring ] || exit 92\n"  // --dry-run overrides --yes
                            "exit $code");
  EXPECT_EQ(ran.exit, 1) << ran.err << ran.out;
  EXPECT_TRUE(Has(ran.out, "dead") && Has(ran.out, "MiB") && Has(ran.out, "no producer and no consumer"))
      << ran.out;
  EXPECT_TRUE(Has(ran.out, "would remove 1")) << ran.out;
  EXPECT_EQ(ran.err, "");
}

TEST(ShmctlPrune, NothingToRemoveIsReportedAndIsNoFailure) {
  const Shell shell;
  const Ran ran = shell.Run("S create kept > /dev/null; S prune --dry-run && S prune && S prune --yes");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(Has(ran.out, "nothing to remove")) << ran.out;
}

TEST(ShmctlPrune, WithoutATerminalItRefusesAndNamesTheOption) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kDead) +
                "echo y | S prune --older-than 0; code=$?; [ -e dead.ring ] || exit 90\n"
                "S prune --older-than 0 < /dev/null && exit 91; [ -e dead.ring ] || exit 92; exit $code");
  EXPECT_EQ(ran.exit, 2) << ran.err;
  EXPECT_TRUE(Has(ran.err, "--yes") && Has(ran.err, "--dry-run") && Has(ran.err, "no terminal")) << ran.err;
  EXPECT_EQ(ran.out, "");
}

TEST(ShmctlPrune, AtATerminalItAsks) {
  const Shell shell;
  const Ran ran = shell.Run(
      std::string(kDead) + kTerminal +
      "at_terminal; await '[y/N]'; echo n >&7; ended; [ $code = 1 ] || exit 90\n"
      "[ -e dead.ring ] || exit 91; grep -q 'dead.*no producer' screen || exit 92\n"
      "grep -q 'nothing was removed' screen || exit 93; rm screen\n"
      "at_terminal; await '[y/N]'; echo >&7; ended; [ $code = 1 ] && [ -e dead.ring ] || exit 94; rm screen\n"
      "at_terminal; await '[y/N]'; echo y >&7; ended; [ $code = 0 ] || exit 95\n"
      "grep -q 'removed 1 of 1' screen || exit 96; there");
  EXPECT_EQ(ran.exit, 0) << ran.err << Slurp(shell.path("screen"));
  EXPECT_EQ(ran.out, "");
}

// Standard output goes to a file. The question must still appear on the terminal.
TEST(ShmctlPrune, AsksTheTerminalEvenIfTheOutputGoesToAFile) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kDead) + kTerminal +
                "at_terminal '> out'; await '[y/N]'; echo y >&7; ended; [ $code = 0 ] || exit 90\n"
                "grep -q dead screen || exit 91; cat out; there");
  EXPECT_EQ(ran.exit, 0) << ran.err << Slurp(shell.path("screen"));
  EXPECT_TRUE(Has(ran.out, "removed 1 of 1")) << ran.out;
  EXPECT_FALSE(Has(ran.out, "dead.")) << ran.out;
}

// Bug: Ctrl-C at the question counted as the answer "no", and the exit code reported success.
TEST(ShmctlPrune, AnInterruptedQuestionEndsBySignal) {
  const Shell shell;
  const Ran ran = shell.Run(
      std::string(kDead) + kTerminal +
      "at_terminal; await '[y/N]'; printf '\\003' >&7; ended; [ -e dead.ring ] || exit 90; exit $code");
  EXPECT_EQ(ran.exit, 130) << ran.err << Slurp(shell.path("screen"));
}

TEST(ShmctlPrune, ARingInUseAgainAtTheAnswerIsLeftAlone) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kDead) + kTerminal +
                            "echo x | S pub dead2 --create 2>/dev/null\n"
                            "at_terminal; await '[y/N]'\n"
                            "mkfifo input; \"$S\" pub dead < input 2>/dev/null & pub=$!; exec 8> input\n"
                            "until S stat dead --json | grep -q '\"live\"'; do :; done\n"
                            "echo y >&7; ended; [ $code = 0 ] || exit 90\n"
                            "grep -q '\"dead\".*alive.*left alone' screen || exit 91\n"
                            "grep -q 'removed 1 of 2' screen || exit 92\n"
                            "[ -e dead2.ring ] && exit 93\n"
                            "S stat dead --json | grep -q '\"live\"' || exit 94\n"
                            "exec 8>&-; wait $pub || exit 95; there");
  EXPECT_EQ(ran.exit, 0) << ran.err << Slurp(shell.path("screen"));
  EXPECT_EQ(ran.out, "dead.lock dead.ring dead.seats ");
}

TEST(ShmctlPrune, OlderThanIsRespected) {
  const Shell shell;
  const Ran young = shell.Run(std::string(kDead) + "S prune --yes > /dev/null || exit 90; there");
  EXPECT_EQ(young.out, "dead.lock dead.ring dead.seats ")
      << "the default is a minute, not nothing: " << young.err;
  MakeOlder(shell, "dead", std::chrono::minutes(90));
  const std::string there = "there() { ls *.ring 2>/dev/null; true; }\n";
  for (const char* age : {"2h", "91m", "5500s", "1d", "0.5d", "1h31m", "100000000h"}) {
    const Ran ran = shell.Run(there + "S prune --yes --older-than " + age + " > /dev/null || exit 90; there");
    EXPECT_EQ(ran.out, "dead.ring\n") << age << ran.err;
  }
  for (const char* age : {"1m", "1h", "5400s", "0.06d", "0"}) {
    const Ran ran = shell.Run("S prune --dry-run --older-than " + std::string(age));
    EXPECT_EQ(ran.exit, 1) << age << ran.err;
  }
  EXPECT_EQ(shell.Run(there + "S prune --yes --older-than=1h > /dev/null || exit 90; there").out, "");
}

TEST(ShmctlPrune, ABadDurationIsNamed) {
  const Shell shell;
  for (const char* age :
       {"soon", "-5m", "'5 m'", "1x", "''", "inf", "nan", "infd", "nand", "d", "1dd", "--yes"}) {
    const Ran ran =
        shell.Run(std::string(kDead) + "S prune --yes --older-than " + age + "; code=$?; there; exit $code");
    EXPECT_EQ(ran.exit, 2) << age << ran.err;
    EXPECT_TRUE(Has(ran.err, "--older-than")) << age << ran.err;
    EXPECT_EQ(ran.out, "dead.lock dead.ring dead.seats ") << age;
  }
  EXPECT_TRUE(Has(shell.Run("S prune --older-than soon").err, "\"soon\" is not a time; write a number and"));
  EXPECT_TRUE(
      Has(shell.Run("S prune --older-than 5500").err, "\"5500\" has no unit; write 5500s for seconds"));
}

TEST(ShmctlPrune, JsonIsForPrograms) {
  const Shell shell;
  const auto parse = [](const std::string& text) { return json::parse(text, nullptr, false); };
  EXPECT_EQ(parse(shell.Run("S prune --json").out), json::array());
  const Ran dry =
      shell.Run(std::string(kDead) + "S stat dead --json > stat; S prune --dry-run --json --older-than 0");
  EXPECT_EQ(dry.exit, 1);
  const json would = parse(dry.out), stat = parse(Slurp(shell.path("stat")));
  ASSERT_EQ(would.size(), 1u) << dry.out << dry.err;
  EXPECT_EQ(would[0]["name"], "dead");
  EXPECT_EQ(would[0]["incarnation"], stat["incarnation"]);
  EXPECT_EQ(would[0]["bytes"], stat["bytes"]);
  EXPECT_EQ(would[0]["why"], "no producer and no consumer is alive");
  EXPECT_EQ(would[0]["removed"], false);
  const Ran unasked = shell.Run("S prune --json --older-than 0");
  EXPECT_EQ(unasked.exit, 2);
  EXPECT_EQ(unasked.out, "");
  const Ran done =
      // Without a ring file there is no incarnation.
      shell.Run("rm dead.ring; S prune --yes --json --older-than 0");
  EXPECT_EQ(done.exit, 0) << done.err;
  ASSERT_EQ(parse(done.out).size(), 1u) << done.out;
  EXPECT_EQ(parse(done.out)[0]["removed"], true);
  EXPECT_TRUE(parse(done.out)[0]["error"].is_null());
  EXPECT_TRUE(parse(done.out)[0]["incarnation"].is_null());
  EXPECT_EQ(shell.Run("ls *.seats *.lock").out, "");
}

// Kills creators at each call that creates a name. prune must list what they leave, and remove it.
TEST(ShmctlPrune, RemovesTheRemainsOfAKilledCreator) {
  if (access("/usr/bin/strace", X_OK) != 0) GTEST_SKIP() << "SKIPPED: no strace";
  const Shell shell;
  const Ran ran = shell.Run(
      "for call in openat linkat fallocate fcntl; do for n in $(seq 1 60); do\n"
      "  strace -qq -o trace -e trace=$call -e inject=$call:signal=KILL:when=$n \"$S\" create q > /dev/null "
      "2>&1; code=$?\n"
      "  [ $code = 0 ] || [ $code = 137 ] || { echo \"$call $n: $code\"; cat trace; exit 77; }\n"
      "  ls q.* 2>/dev/null | sed 's/.*[.]/./' | tr '\\n' ' ' >> left; echo >> left\n"
      "  [ -e q.ring ] && { S unlink q || exit 90; }\n"  // the ring was whole, so prune must not remove it
      "  S prune --yes --older-than 1m > /dev/null || exit 91\n"
      "  S prune --yes --older-than 0 > out || exit 92\n"
      "  ls q.* 2>/dev/null && { echo \"$call $n\"; exit 93; }\n"
      "  [ $code = 0 ] && break\n"
      "done; done; sort left | uniq -c");
  if (ran.exit == 77) GTEST_SKIP() << "SKIPPED: no strace here: " << ran.out << ran.err;
  EXPECT_EQ(ran.exit, 0) << ran.out << ran.err;
  EXPECT_TRUE(Has(ran.out, " .lock \n")) << ran.out;
  EXPECT_TRUE(Has(ran.out, " .lock .seats \n")) << ran.out;
  std::printf("%s", ran.out.c_str());
}

// Other users prune their own rings. Such rings are no failure.
TEST(ShmctlPrune, OtherUsersRingsAreNamedAndLeftAlone) {
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, for another user";
  const Shell shell;
  const Ran ran = shell.Run(
      std::string(kDead) +
      "chmod 1777 .; S set dead --mode 0644 --seats-mode 0666; chmod 0644 dead.lock\n"
      "exec 9< \"$S\"\n"
      "as_other() { setpriv --reuid 21003 --regid 21003 --clear-groups /proc/self/fd/9 \"$@\"; }\n"
      "echo x | as_other pub mine --create 2>/dev/null || exit 90\n"
      "as_other prune --dry-run --older-than 0 > out; [ $? = 1 ] || exit 91; grep dead out && exit 92\n"
      "as_other prune --yes --older-than 0 || exit 93\n"
      "there; as_other prune --yes --older-than 0 || exit 94");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(Has(ran.out, "removed 1 of 1")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "dead.lock dead.ring dead.seats nothing to remove")) << ran.out;
  EXPECT_TRUE(Has(ran.err, "other users own it") && Has(ran.err, "dead")) << ran.err;
}

}  // namespace
}  // namespace millrace::testing
