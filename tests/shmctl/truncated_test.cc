// SPDX-License-Identifier: Apache-2.0
// If a ring is truncated under a running shmctl, the tool prints an error and
// returns an exit code. It does not crash.
#include <gtest/gtest.h>

#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

bool Has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

constexpr char kRing[] =
    "rm -f q.* copy; S create q --capacity 64K > /dev/null; mkfifo input$$; exec 7<> input$$\n";

TEST(ShmctlTruncated, TailReportsDamage) {
  const Shell shell;
  for (const char* how : {"--lossless", ""}) {
    const Ran ran =
        shell.Run(std::string(kRing) +
                  "echo first | S pub q --keep-open 2> /dev/null\n"
                  "\"$S\" tail q --from oldest " +
                  how +
                  " > copy 2> told 7>&- & tail=$!\n"
                  "until S tail q --from oldest -e > seen 2> /dev/null && [ -s seen ]; do :; done\n"
                  "until [ -s copy ]; do kill -0 $tail || exit 80; done\n"
                  "truncate -s 0 q.ring; wait $tail; code=$?; cat copy told; exit $code");
    EXPECT_EQ(ran.exit, 3) << how << ran.out << ran.err;
    EXPECT_TRUE(Has(ran.out, "first\n") && Has(ran.out, "shmctl: \"q\": ")) << how << ran.out;
  }
}

TEST(ShmctlTruncated, PubReportsTheTruncation) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kRing) +
                "\"$S\" pub q < input$$ 2> told 7>&- & pub=$!\n"
                "until S stat q --json | grep -q '\"live\"'; do kill -0 $pub || exit 80; done\n"
                "echo first >&7; until S stat q --json | grep -q '\"next_sequence\": 1,'; do :; done\n"
                "truncate -s 0 q.ring; yes >&7 & yes=$!; exec 7>&-\n"
                "wait $pub; code=$?; kill $yes 2> /dev/null; wait $yes; cat told; exit $code");
  EXPECT_EQ(ran.exit, 3) << ran.out << ran.err;
  EXPECT_TRUE(Has(ran.out, "q.ring\" was truncated to 0 bytes")) << ran.out;
}

TEST(ShmctlTruncated, InspectingItDoesNotCrash) {
  const Shell shell;
  for (const char* size : {"0", "1", "4096", "8192", "60000"}) {
    for (const char* file : {"q.ring", "q.seats"}) {
      const Ran ran =
          shell.Run(std::string(kRing) + "echo x | S pub q 2> /dev/null; truncate -s " + size + " " + file +
                    "\n"
                    "S list > list || exit 80; S list --json > json || exit 81\n"
                    "S stat q; a=$?; S tail q -e; b=$?; echo x | S pub q; c=$?; S set q --keep; d=$?\n"
                    "echo $a $b $c $d; [ $a -le 3 ] && [ $b -le 3 ] && [ $c -le 3 ] && [ $d -le 3 ]");
      EXPECT_EQ(ran.exit, 0) << file << " " << size << ": " << ran.out << ran.err;
    }
  }
}

}  // namespace
}  // namespace millrace::testing
