// SPDX-License-Identifier: Apache-2.0
// shmctl stat on a stream that does not move, as text and as JSON.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

using nlohmann::json;

bool Has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

// Stops a lossless tail, starts a producer, and waits until stat reports that the producer is blocked.
constexpr char kBlocked[] =
    "S create q --capacity 4K > /dev/null; seq 1 20000 > lines\n"
    "\"$S\" tail q --lossless > copy 2> told & tail=$!\n"
    "until S stat q --json | grep -q lossless; do kill -0 $tail || exit 80; done\n"
    "kill -STOP $tail; until grep -q '^State:.T' /proc/$tail/status; do :; done\n"
    "\"$S\" pub q --keep-open < lines 2> said & pub=$!\n"
    "until S stat q | grep -q 'blocked now'; do kill -0 $pub || exit 81; done\n"
    "end() { kill -KILL $tail $pub; wait $tail $pub 2> /dev/null; true; }\n";

TEST(ShmctlStat, ShowsABlockedProducerAndTheConsumersInItsWay) {
  const Shell shell;
  const Ran ran = shell.Run(
      std::string(kBlocked) +
      "until S stat q > text && S stat q --json > json && grep -q '\"waits_for\": \"room\"' json && "
      "grep -q 'blocked now' text; do :; done\n"
      "S list > list; grep -E '^(state|producer|pressure|room|consumers)' text; echo $tail; end");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  const std::string pid =
      std::to_string(std::stoi(ran.out.substr(ran.out.rfind('\n', ran.out.size() - 2) + 1)));
  EXPECT_TRUE(Has(ran.out, "live, blocked\n")) << ran.out;
  EXPECT_TRUE(Has(ran.out, ", by 0#")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "(pid " + pid + ", stopped)")) << ran.out;
  EXPECT_TRUE(Has(ran.out, " of 4 KiB held (")) << ran.out;
  EXPECT_TRUE(Has(Slurp(shell.path("list")), "live, blocked")) << Slurp(shell.path("list"));
  const json stat = json::parse(Slurp(shell.path("json")), nullptr, false);
  EXPECT_GT(stat["waits_ns"].get<uint64_t>(), 0u);
  EXPECT_EQ(stat["waits_ns"], stat["full_ns"]);
  EXPECT_GT(stat["held_bytes"].get<uint64_t>(), 2048u);
  EXPECT_EQ(stat["consumers"][0]["holds_back"], true);
  EXPECT_EQ(stat["consumers"][0]["stopped"], true);
  EXPECT_EQ(stat["consumers"][0]["alive"], true);
}

TEST(ShmctlStat, CountsConsumersAndEvictionsCorrectlyAfterAnEviction) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kBlocked) +
                "S evict q $(S stat q | awk '$1 ~ /#/ {print $1}') || exit 90; wait $pub || exit 91\n"
                "S stat q | grep -E '^(consumers|pressure|room)'; S stat q --json > json\n"
                "kill -KILL $tail; wait $tail 2> /dev/null; true");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(Has(ran.out, "0 in 64 seats, 1 evicted\n")) << ran.out;
  EXPECT_TRUE(Has(ran.out, ", 1 eviction, ")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "blocked 1 time for")) << ran.out;
  EXPECT_TRUE(Has(ran.out, "no consumer holds the producer back")) << ran.out;
  const json stat = json::parse(Slurp(shell.path("json")), nullptr, false);
  EXPECT_EQ(stat["evictions"], 1);
  EXPECT_TRUE(stat["held_bytes"].is_null());
  EXPECT_TRUE(stat["waits_for"].is_null());
}

TEST(ShmctlStat, ShowsAProducerThatWaitsForConsumers) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" pub q --create --wait-for 2 < /dev/null 2> said & pub=$!\n"
      "until S stat q 2> /dev/null | grep -q 'waits for 2 consumers now'; do kill -0 $pub || exit 81; done\n"
      "until S stat q --json > json && grep -q '\"waits_for\": \"consumers\"' json; do :; done\n"
      "kill -KILL $pub; wait $pub 2> /dev/null; S stat q | grep ^pressure");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(json::parse(Slurp(shell.path("json")), nullptr, false)["awaited_consumers"], 2);
  EXPECT_FALSE(Has(ran.out, "waits for")) << ran.out;
}

TEST(ShmctlStat, ShowsTheAgeOfTheLastMessage) {
  const Shell shell;
  const Ran ran = shell.Run(
      "echo x | S pub q --create 2> /dev/null; S stat q | grep ^messages\n"
      "S stat q --json > json");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(Has(ran.out, ", the last at most ") && Has(ran.out, " ago\n")) << ran.out;
  const json stat = json::parse(Slurp(shell.path("json")), nullptr, false);
  EXPECT_EQ(stat["last_message_exact"], false);
  EXPECT_TRUE(stat["last_message_ns"].is_number());
}

}  // namespace
}  // namespace millrace::testing
