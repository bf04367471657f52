// SPDX-License-Identifier: Apache-2.0
// Moves real files between two processes with shmctl pub and shmctl tail.
#include <gtest/gtest.h>

#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

// Moves 8 MiB through a ring of 256 KiB. The text is the tool's own binary in base64, in lines of 76 bytes.
constexpr char kText[] = "base64 \"$S\" | head -c 8388608 > file; echo >> file\n";
constexpr char kBinary[] = "head -c 8388608 /dev/urandom > file\n";

TEST(ShmctlPipeline, TailFirstThenPub) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kText) +
                            "\"$S\" tail q --lossless --until-closed > copy & tail=$!\n"
                            "S pub q --create --capacity 256K --wait-for 1 < file || exit 90\n"
                            "wait $tail || exit 91\n"
                            "cmp file copy && S unlink q && ls q.* 2>/dev/null && exit 92; exit 0");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_NE(ran.err.find("waiting for"), std::string::npos)
      << "tail says that it waits for the name: " << ran.err;
}

TEST(ShmctlPipeline, PubFirstThenTail) {
  const Shell shell;
  const Ran ran = shell.Run(std::string(kText) +
                            "\"$S\" pub q --create --capacity 256K --wait-for 1 < file & pub=$!\n"
                            "until [ -e q.ring ]; do :; done\n"
                            "S tail q --lossless --until-closed > copy || exit 91\n"
                            "wait $pub || exit 90\n"
                            "cmp file copy");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
}

TEST(ShmctlPipeline, BinaryWithLengthFraming) {
  const Shell shell;
  // Messages of several sizes, each after its 4-byte length, must arrive as the identical bytes.
  const Ran ran = shell.Run(
      std::string(kBinary) +
      "split -b 30011 -a 4 file part.\n"
      "for p in part.*; do n=$(stat -c %s $p); printf \"\\\\x$(printf %02x $((n&255)))\\\\x$(printf %02x "
      "$((n>>8&255)))\\\\x00\\\\x00\"; cat $p; done > framed\n"
      "\"$S\" tail q --lossless --until-closed --format length > copy & tail=$!\n"
      "S pub q --create --capacity 256K --framing length --wait-for 1 < framed || exit 90\n"
      "wait $tail || exit 91\n"
      "cmp framed copy");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
}

TEST(ShmctlPipeline, RawToThreeConsumers) {
  const Shell shell;
  const Ran ran =
      shell.Run(std::string(kBinary) +
                "for i in 1 2 3; do S tail q --lossless --until-closed --format raw > copy$i & done\n"
                "S pub q --create --capacity 256K --framing raw --wait-for 3 < file || exit 90\n"
                "wait\n"
                "for i in 1 2 3; do cmp file copy$i || exit 91; done");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
}

TEST(ShmctlPipeline, ProducersKilledInARowLoseNothingCommitted) {
  const Shell shell;
  // Each stream that arrives is a prefix of the file. The last one is the whole file.
  const Ran ran = shell.Run(
      "seq 1 300000 > file\n"
      "\"$S\" tail q --lossless --until-closed > copy & tail=$!\n"
      "for i in $(seq 1 20); do timeout -s KILL 0.0$((i % 8 + 2)) \"$S\" pub q --create --wait-for 1 --rate "
      "300000/s < file; done "
      "2>/dev/null\n"
      "S pub q --create --wait-for 1 < file || exit 90\n"
      "wait $tail || exit 91\n"
      "awk '$1 == 1 {streams++; next_one = 1} $1 != next_one {print \"gap at line \" NR; exit 92} "
      "{next_one++} END {print streams \" "
      "streams, last \" next_one - 1; exit next_one != 300001}' copy");
  EXPECT_EQ(ran.exit, 0) << ran.out << ran.err;
  RecordProperty("streams", ran.out);
}

TEST(ShmctlPipeline, AStoppedConsumerIsNamedAfterTwoSeconds) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" tail q --lossless > /dev/null & tail=$!\n"
      "until S pub q --create --capacity 64K --keep-open < /dev/null 2>/dev/null && S stat q --json | grep "
      "-q '\"alive\":true,.*lossless\\|lossless'; do :; done\n"
      "kill -STOP $tail\n"
      "seq 1 100000 | \"$S\" pub q 2> said & pub=$!\n"
      "until grep -q seat said || grep -q '#' said; do kill -0 $pub || exit 90; done\n"
      "kill -CONT $tail\n"
      "wait $pub || exit 91\n"
      "kill $tail; cat said");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
  EXPECT_NE(ran.out.find("shmctl tail"), std::string::npos) << "names who holds it back: " << ran.out;
}

TEST(ShmctlPipeline, DropCountsWhatDidNotFit) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" tail q --lossless > copy & tail=$!\n"
      "until S pub q --create --capacity 4K --keep-open < /dev/null 2>/dev/null && S stat q --json | grep -q "
      "lossless; do :; done\n"
      "kill -STOP $tail\n"
      "seq 1 10000 | S pub q --on-full drop --keep-open 2> said; [ $? = 1 ] || exit 90\n"
      "kill -CONT $tail; kill $tail; wait $tail\n"
      "S stat q --json; cat said >&2");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.err.find(" 0 dropped"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.out.find("\"dropped\": 0,"), std::string::npos) << ran.out;
}

TEST(ShmctlPipeline, PublishingWithoutConsumersIsAWarning) {
  const Shell shell;
  const Ran ran = shell.Run("echo hello | S pub q --create");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_NE(ran.err.find("1 message"), std::string::npos) << ran.err;
  EXPECT_TRUE(ran.err.find("nobody") != std::string::npos || ran.err.find("no consumer") != std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace millrace::testing
