// SPDX-License-Identifier: Apache-2.0
// Tab completion offers every sub-command, option and ring that the tool accepts.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

std::set<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// complete_ WORD... prints what Tab offers at the end of `shmctl WORD...`.
constexpr char kTab[] = "PATH=$(dirname $S):$PATH; . " MILLRACE_COMPLETION
                        "\n"
                        "complete_() { COMP_WORDS=(shmctl \"$@\"); COMP_CWORD=$#; _shmctl; printf '%s\\n' "
                        "\"${COMPREPLY[@]}\"; }\n";

std::set<std::string> Tab(const Shell& shell, const std::string& words) {
  const Ran ran = shell.Run(kTab + ("complete_ " + words));
  EXPECT_EQ(ran.exit, 0) << words;
  EXPECT_EQ(ran.err, "") << words;
  return Words(ran.out);
}

TEST(ShmctlCompletion, KnowsEverySubcommandAndEveryOption) {
  const Shell shell;
  // In the help, the name of a sub-command begins its line after
  // "Subcommands:". Options begin their lines too.
  const Ran help =
      shell.Run("S --help | sed -n '/^Subcommands:/,/^$/p' | awk 'NR > 1 && /^  [a-z]/ {print $1}'");
  const std::set<std::string> commands = Words(help.out);
  ASSERT_GE(commands.size(), 9u) << help.out;
  std::set<std::string> expected = commands;
  expected.insert({"--dir", "--help", "--version"});
  EXPECT_EQ(Tab(shell, "''"), expected);
  size_t options = 0;
  for (const std::string& command : commands) {
    const Ran used = shell.Run(
        "S " + command +
        " --help | grep -E '^  -' | sed 's/^  //; s/  .*//' | grep -oE '(^|[ ,])-[-a-z]+' | tr -d ' ,'");
    std::set<std::string> told = Words(used.out);
    ASSERT_TRUE(told.erase("--help")) << command << ": " << used.out;
    told.erase("-h");
    std::set<std::string> offered = Tab(shell, command + " -");
    EXPECT_TRUE(offered.erase("--help")) << command;
    EXPECT_TRUE(offered.erase("--dir")) << command;
    EXPECT_EQ(offered, told) << command;
    options += told.size();
  }
  EXPECT_GT(options, 25u);
}

TEST(ShmctlCompletion, KnowsRingsSeatsAndValues) {
  const Shell shell;
  const Ran ran = shell.Run(
      "S create quotes > /dev/null; S create jobs > /dev/null\n"
      "\"$S\" tail quotes --lossless > /dev/null & tail=$!\n"
      "until S stat quotes --json | grep -q lossless; do :; done\n" +
      std::string(kTab) +
      "for c in stat pub tail unlink evict set; do complete_ $c '' | sort | tr '\\n' ' '; done; echo\n"
      "complete_ evict quotes ''; S stat quotes | awk '$1 ~ /#/ {print $1}'\n"
      "complete_ prune --older-than ''; complete_ set quotes --mode ''; complete_ pub quotes --on-full ''\n"
      "complete_ set quotes --owner roo; complete_ evi; complete_ evict j\n"
      "kill $tail; wait $tail; [ $? = 143 ]");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  std::istringstream in(ran.out);
  std::string line, rings;
  std::getline(in, rings);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(rings.substr(static_cast<size_t>(i) * 12, 12), "jobs quotes ") << rings;
  std::string offered, seat;
  std::getline(in, offered);
  std::getline(in, seat);
  EXPECT_EQ(offered, seat);
  const std::set<std::string> rest{std::istream_iterator<std::string>(in), {}};
  for (const char* word : {"1h", "0640", "evict", "drop", "root", "jobs"})
    EXPECT_EQ(rest.count(word), 1u) << word << ran.out;
}

// Ring names that a shell would expand, execute, split or take for an option. Any user can create them in
// /dev/shm. Each name that is executed leaves a file PWNED*.
constexpr char kHostile[] =
    "for n in '$(touch PWNED1)' '`touch PWNED2`' ';touch PWNED3;' '$(touch${IFS}PWNED4)' 'a b' '*' '-rf' "
    "'--json' $'x\\ny' $'\\e[2J' '~' '!!' '.hidden' $'q\\u202e'; do : > \"$n.ring\"; done\n"
    "S create quotes > /dev/null; S create jobs > /dev/null\n";

TEST(ShmctlCompletion, OffersNoTextThatAnotherUserChose) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kHostile) + kTab +
                            "for c in stat pub tail unlink evict set; do complete_ $c ''; done\n"
                            "complete_ stat '$('; complete_ stat '`'; complete_ stat '*'; complete_ stat -\n"
                            "ls PWNED* 2>/dev/null; exit 0");
  EXPECT_EQ(ran.err, "");
  const std::set<std::string> offered = Words(ran.out);
  EXPECT_EQ(offered, (std::set<std::string>{"quotes", "jobs", "--dir", "--help", "--json"})) << ran.out;
}

// Presses keys in a real, interactive bash on its own terminal.
TEST(ShmctlCompletion, InARealShellNothingIsRun) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kHostile) +
                "mkdir 'dir$(touch PWNED5)'; S --dir 'dir$(touch PWNED5)' create inside > /dev/null\n"
                "{ printf 'PS1=; PATH=%s:$PATH; . %s\\n' \"$(dirname $S)\" " MILLRACE_COMPLETION
                "\n"
                "  printf 'shmctl stat quo\\t> completed\\n'\n"  // the only name that begins like this
                "  printf 'shmctl unlink \\t\\t$(\\t\\t\\025\\n'\n"
                "  printf 'shmctl list --dir ./dir\\t> inside\\n'\n"  // bash quotes the directory
                "  printf 'shmctl list --dir=./dir\\t> equals\\n'\n"
                "  printf 'shmctl unlink \\033*\\n'\n"  // Alt-* writes all candidates
                "  printf 'exit\\n'; } > keys\n"
                "script -qec 'bash --norc --noprofile -i' screen < keys > /dev/null\n"
                "ls PWNED* 2>/dev/null && exit 90\n"
                "grep -q '^ring *quotes' completed || exit 91\n"
                "grep -q inside inside || exit 92\n"
                "grep -q inside equals || exit 93\n"
                "ls jobs.ring quotes.ring 2>/dev/null && exit 94\n"
                "exit 0");
  EXPECT_EQ(ran.exit, 0) << ran.out << ran.err << Slurp(shell.path("screen"));
}

// A group's name is in shared memory that every member can write.
TEST(ShmctlCompletion, GroupsWithHostileNamesAreNotOffered) {
  const Shell shell;
  const Ran ran = shell.Run(
      "S create q > /dev/null; S tail q --group workers --durable -e; S tail q --group archive --durable -e\n"
      "printf '$(id)#w' | dd of=q.seats bs=1 conv=notrunc seek=$(grep -obUa workers q.seats | head -1 | cut "
      "-d: "
      "-f1) 2> /dev/null\n" +
      std::string(kTab) + "complete_ evict q --group ''; complete_ tail q --group ''; S stat q");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("archive\narchive\n")) << ran.out;
  EXPECT_NE(ran.out.find("$(id)#w"), std::string::npos) << "stat shows it: " << ran.out;
}

}  // namespace
}  // namespace millrace::testing
