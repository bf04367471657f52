// SPDX-License-Identifier: Apache-2.0
// shmctl set: stat and list show what it changes, and a wrong value changes nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

using nlohmann::json;

bool Has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

// Runs `shmctl set q ARGUMENTS`, then returns what stat prints. list must print equal values.
json After(const Shell& shell, const std::string& arguments) {
  const Ran set = shell.Run("S set q " + arguments);
  EXPECT_EQ(set.exit, 0) << arguments << ": " << set.err;
  EXPECT_EQ(set.out + set.err, "") << arguments;
  json stat = json::parse(shell.Run("S stat q --json").out, nullptr, false);
  json list = json::parse(shell.Run("S list --json").out, nullptr, false).at(0);
  for (json* ring : {&stat, &list}) ring->erase("last_message_ns");  // an age: it grows between the two calls
  EXPECT_EQ(stat, list) << arguments;
  return stat;
}

TEST(ShmctlSet, KeepAndNoKeepDecideWhatPruneDoes) {
  const Shell shell;
  ASSERT_EQ(shell.Run("echo x | S pub q --create 2>/dev/null").exit, 0);
  json ring = After(shell, "--keep");
  EXPECT_EQ(ring["keep"], true);
  EXPECT_EQ(ring["why"], "kept");
  EXPECT_TRUE(Has(shell.Run("S stat q").out, "kept"));
  EXPECT_TRUE(Has(shell.Run("S prune --yes --older-than 0").out, "nothing to remove"));
  ring = After(shell, "--no-keep");
  EXPECT_EQ(ring["keep"], false);
  EXPECT_TRUE(Has(shell.Run("S prune --yes --older-than 0").out, "removed 1 of 1"));
}

TEST(ShmctlSet, ModesAreShown) {
  const Shell shell;
  ASSERT_EQ(shell.Run("S create q").exit, 0);
  EXPECT_EQ(After(shell, "--mode 0644")["mode"], "0644");
  json ring = After(shell, "--seats-mode 660");
  EXPECT_EQ(ring["mode"], "0644");
  EXPECT_EQ(ring["seats_mode"], "0660");
  EXPECT_EQ(ring["keep"], true) << "what was not named stays";
  EXPECT_TRUE(Has(shell.Run("S stat q").out, "mode 0644, seats 0660")) << shell.Run("S stat q").out;
  EXPECT_EQ(shell.Run("stat -c %a q.ring q.seats q.lock").out, "644\n660\n600\n");
  EXPECT_EQ(After(shell, "--mode 600 --seats-mode 0600 --no-keep")["seats_mode"], "0600");
}

TEST(ShmctlSet, SetsAGroupOfTheCaller) {
  const Shell shell;
  ASSERT_EQ(shell.Run("S create q").exit, 0);
  const std::string gid = std::to_string(getegid());
  EXPECT_EQ(After(shell, "--group " + gid)["gid"].get<gid_t>(), getegid());
  EXPECT_EQ(After(shell, "--group \"$(id -gn)\"")["gid"].get<gid_t>(), getegid());
}

TEST(ShmctlSet, RootSetsOwnerAndGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root gives files away";
  const Shell shell;
  ASSERT_EQ(shell.Run("S create q").exit, 0);
  json ring = After(shell, "--owner 12345 --group 12346");
  EXPECT_EQ(ring["uid"], 12345);
  EXPECT_EQ(ring["gid"], 12346);
  EXPECT_TRUE(Has(shell.Run("S stat q").out, "uid 12345, gid 12346"));
  EXPECT_EQ(shell.Run("stat -c %u:%g q.ring q.seats q.lock").out, "12345:12346\n12345:12346\n12345:12346\n");
  ring = After(shell, "--owner root --owned-by 12345");
  EXPECT_EQ(ring["uid"], 0);
  EXPECT_EQ(ring["gid"], 12346);
  EXPECT_EQ(After(shell, "--group $(stat -c %G /root)")["gid"], 0);
}

TEST(ShmctlSet, OnlyRootChangesTheOwnerAndARefusalChangesNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, for another user";
  const Shell shell;
  const Ran ran = shell.Run(
      "chmod 1777 .; exec 9< \"$S\"\n"
      "as_other() { setpriv --reuid 21003 --regid 21003 --clear-groups /proc/self/fd/9 \"$@\"; }\n"
      "as_other create q --no-keep > /dev/null || exit 90\n"
      "as_other stat q --json > before\n"
      "as_other set q --keep --mode 0644 --owner 12345; [ $? = 3 ] || exit 91\n"
      "as_other set q --keep --mode 0644 --group 12345; [ $? = 3 ] || exit 92\n"
      "as_other stat q --json | cmp - before || exit 93\n"
      "S create r > /dev/null; as_other set r --no-keep; [ $? = 3 ] || exit 94\n"
      "as_other set q --keep --mode 0644 || exit 95");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
  EXPECT_TRUE(Has(ran.err, "only root gives files away")) << ran.err;
  EXPECT_TRUE(Has(ran.err, "r.ring")) << ran.err;
}

TEST(ShmctlSet, ABadValueIsNamedAndChangesNothing) {
  const Shell shell;
  ASSERT_EQ(shell.Run("S create q; S stat q --json > before").exit, 0);
  const struct {
    const char* arguments;
    const char* says;
  } cases[] = {{"--mode 0888", "\"0888\" is not a mode of a ring"},
               {"--mode rw", "\"rw\" is not a mode of a ring"},
               {"--mode 0755", "\"0755\" is not a mode of a ring"},
               {"--mode 01644", "\"01644\" is not a mode of a ring"},
               {"--mode -1", "--mode"},
               {"--mode ''", "--mode"},
               {"--seats-mode 99", "--seats-mode"},
               {"--mode 0444", "\"0444\" would lock out the owner"},
               {"--seats-mode 0066", "\"0066\" would lock out the owner"},
               {"--owner no-such-user", "there is no user \"no-such-user\""},
               {"--owner 4294967295", "there is no user \"4294967295\""},
               {"--owner -1", "--owner"},
               {"--group no-such-group", "there is no group \"no-such-group\""},
               {"--group 4294967295", "there is no group \"4294967295\""},
               {"--group ''", "--group"},
               {"--keep --no-keep", "--keep"},
               {"--keep --mode 9", "--mode"},
               {"", "set changes nothing: name at least one of --keep"}};
  for (const auto& c : cases) {
    const Ran ran = shell.Run(std::string("S set q ") + c.arguments +
                              "; code=$?; S stat q --json | cmp - before; exit $code");
    EXPECT_EQ(ran.exit, 2) << c.arguments << ": " << ran.err;
    EXPECT_TRUE(Has(ran.err, c.says)) << c.arguments << ": " << ran.err;
    EXPECT_EQ(ran.out, "") << c.arguments;
  }
  const Ran none = shell.Run("S set none --keep");
  EXPECT_EQ(none.exit, 3);
  EXPECT_TRUE(Has(none.err, "\"none\"")) << none.err;
}

// Changes a ring in use. Its users notice nothing.
TEST(ShmctlSet, WorksWhileProducerAndConsumerLive) {
  const Shell shell;
  const Ran ran = shell.Run(
      "mkfifo input; \"$S\" pub q --create < input 2>/dev/null & pub=$!; exec 7> input\n"
      "\"$S\" tail q --lossless --until-closed > copy 7>&- & tail=$!\n"
      "until S stat q --json | grep -q lossless; do :; done\n"
      "S set q --keep --mode 0640 --seats-mode 0660 || exit 90\n"
      "echo hello >&7; exec 7>&-; wait $pub || exit 91; wait $tail || exit 92; cat copy");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "hello\n");
}

}  // namespace
}  // namespace millrace::testing
