// SPDX-License-Identifier: Apache-2.0
// The stable names in list --json and stat --json, and every state that they can show.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

using nlohmann::json;

json Parse(const Ran& ran) { return json::parse(ran.out, nullptr, /*allow_exceptions=*/false); }

TEST(ShmctlJson, EmptyDirectoryIsAnEmptyArray) {
  const Shell shell;
  EXPECT_EQ(Parse(shell.Run("S list --json")), json::array());
}

TEST(ShmctlJson, HasEveryPromisedName) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" tail q --lossless > /dev/null & tail=$!\n"
      "until echo x | S pub q --create --keep-open 2>/dev/null && S stat q --json | grep -q lossless; do :; "
      "done\n"
      "S list --json; kill $tail; wait $tail 2>/dev/null; true");
  const json list = Parse(ran);
  ASSERT_TRUE(list.is_array() && list.size() == 1) << ran.out << ran.err;
  const json& ring = list[0];
  for (const char* name : {"name", "incarnation", "state", "capacity_bytes", "schema", "keep", "producer",
                           "next_sequence", "oldest_sequence", "dropped", "consumers", "stale", "why"}) {
    EXPECT_TRUE(ring.contains(name)) << name;
  }
  for (const char* name : {"alive", "pid", "label", "epoch"})
    EXPECT_TRUE(ring["producer"].contains(name)) << name;
  ASSERT_EQ(ring["consumers"].size(), 1u);
  for (const char* name : {"seat", "generation", "label", "pid", "alive", "delivery", "group", "lag_messages",
                           "lag_bytes", "lag_ns", "received", "lost"}) {
    EXPECT_TRUE(ring["consumers"][0].contains(name)) << name;
  }
  EXPECT_EQ(ring["state"], "producer_gone");
  EXPECT_EQ(ring["consumers"][0]["delivery"], "lossless");
  EXPECT_TRUE(ring["consumers"][0]["group"].is_null());
  EXPECT_TRUE(ring["schema"].is_null());
  EXPECT_EQ(ring["capacity_bytes"], 1 << 20);
}

TEST(ShmctlJson, StatIsOneElementOfList) {
  const Shell shell;
  shell.Run("S create q --schema 'a:u64' --capacity 64K");
  const json stat = Parse(shell.Run("S stat q --json")), list = Parse(shell.Run("S list --json"));
  EXPECT_EQ(stat, list.at(0));
  EXPECT_EQ(stat["state"], "never_used");
  EXPECT_EQ(stat["schema"], "a:u64");
  EXPECT_EQ(stat["keep"], true);
}

TEST(ShmctlJson, ShowsTheStatesOfARing) {
  const Shell shell;
  EXPECT_EQ(Parse(shell.Run("S create q >/dev/null; S stat q --json"))["state"], "never_used");
  EXPECT_EQ(Parse(shell.Run("sleep 60 | \"$S\" pub q 2>/dev/null & pub=$!\nuntil S stat q --json | grep -q "
                            "'\"live\"'; do :; done\n"
                            "S stat q --json; kill %1 $pub 2>/dev/null; pkill -P $$ sleep; true"))["state"],
            "live");
  EXPECT_EQ(Parse(shell.Run("echo x | S pub q --keep-open 2>/dev/null; S stat q --json"))["state"],
            "producer_gone");
  EXPECT_EQ(Parse(shell.Run("echo x | S pub q 2>/dev/null; S stat q --json"))["state"], "closed");
  const json damaged = Parse(shell.Run("truncate -s 5000 q.ring; S list --json"));
  ASSERT_EQ(damaged.size(), 1u);
  EXPECT_EQ(damaged[0]["state"], "damaged");
}

TEST(ShmctlJson, TailShowsTextOrBase64) {
  const Shell shell;
  const Ran ran = shell.Run(
      "printf 'plain\\n\\xff\\xfe\\n' | S pub q --create 2>/dev/null; S tail q --from oldest --format json");
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const size_t newline = ran.out.find('\n');
  const json first = json::parse(ran.out.substr(0, newline)),
             second = json::parse(ran.out.substr(newline + 1));
  EXPECT_EQ(first["sequence"], 0);
  EXPECT_EQ(first["lost"], 0);
  EXPECT_EQ(first["text"], "plain");
  EXPECT_EQ(second["base64"], "//4=");
  EXPECT_FALSE(second.contains("text"));
}

// Bug: U+009B begins a terminal command, and U+202E reverses the rest of the line.
TEST(ShmctlJson, MessagesSendATerminalNoCommands) {
  const Shell shell;
  const std::string text =
      "harmless\xC2\x9B"
      "31mRED\xC2\x9D"
      "0;title\xC2\x9C\xE2\x80\xAE\xE2\x80\xA8\x7F";
  std::ofstream(shell.path("message")) << text << "\n";
  const Ran ran = shell.Run("S pub q --create < message 2>/dev/null; S tail q --from oldest --json");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  for (const char c : ran.out) EXPECT_TRUE((c >= ' ' && c <= '~') || c == '\n') << ran.out;
  EXPECT_EQ(json::parse(ran.out)["text"], text);
}

// A label is in shared memory that every consumer with a seat can write.
TEST(ShmctlJson, LabelsOfOthersSendATerminalNoCommands) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" tail q --lossless > /dev/null 2>&1 & tail=$!\n"
      "until echo x | S pub q --create --keep-open 2>/dev/null && S stat q --json | grep -q lossless; do :; "
      "done\n"
      "at=$(grep -obUa 'shmctl tail' q.seats | head -1 | cut -d: -f1)\n"
      "printf '\\xc2\\x9b2J\\xe2\\x80\\xae\\x1b\\xff!' | dd of=q.seats bs=1 conv=notrunc seek=$at 2> "
      "/dev/null\n"
      "{ S list; S list --json; S stat q; S stat q --json; S unlink q; } > all 2>&1\n"
      "kill $tail; wait $tail; cat all");
  EXPECT_NE(ran.out.find("?2J???"
                         "!"),
            std::string::npos)
      << ran.out;
  for (const char c : ran.out) EXPECT_TRUE((c >= ' ' && c <= '~') || c == '\n') << ran.out;
}

}  // namespace
}  // namespace millrace::testing
