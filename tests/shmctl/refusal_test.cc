// Wrong usage, bad input and rings in use: a clear text, the right exit code, and nothing lost.
#include <gtest/gtest.h>

#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

bool Says(const Ran& ran, const std::string& words) { return ran.err.find(words) != std::string::npos; }

TEST(Refusal, CapacityThatIsNoPowerOfTwoNamesBothNeighbours) {
  const Shell shell;
  const Ran ran = shell.Run("S create q --capacity 3M");
  EXPECT_EQ(ran.exit, 2);
  EXPECT_TRUE(Says(ran, "2 MiB") || Says(ran, "2097152") || Says(ran, "2M")) << ran.err;
  EXPECT_TRUE(Says(ran, "4 MiB") || Says(ran, "4194304") || Says(ran, "4M")) << ran.err;
  EXPECT_EQ(shell.Run("S create q --capacity 0").exit, 2);
  EXPECT_EQ(shell.Run("S create q --capacity 1X").exit, 2);
}

TEST(Refusal, UsageIsExitCodeTwo) {
  const Shell shell;
  EXPECT_EQ(shell.Run("S").exit, 2);
  EXPECT_EQ(shell.Run("S frobnicate").exit, 2);
  EXPECT_EQ(shell.Run("S tail").exit, 2);
  EXPECT_EQ(shell.Run("S tail q --format jpeg").exit, 2);
  EXPECT_EQ(shell.Run("S pub q --rate -5").exit, 2);
  EXPECT_EQ(shell.Run("S --help").exit, 0);
  for (const char* command : {"create", "list", "stat", "pub", "tail", "unlink", "prune", "evict", "set"}) {
    const Ran ran = shell.Run(std::string("S ") + command + " --help");
    EXPECT_EQ(ran.exit, 0) << command;
    EXPECT_NE(ran.out.find("shmctl"), std::string::npos) << command << " shows an example";
  }
}

TEST(Refusal, WaitingForMoreConsumersThanThereAreSeatsIsNotBegun) {
  const Shell shell;
  const Ran fresh = shell.Run("echo m | S pub fresh --create --wait-for 65");
  EXPECT_EQ(fresh.exit, 2);
  EXPECT_TRUE(Says(fresh, "64 seats")) << fresh.err;
  EXPECT_NE(shell.Run("S stat fresh").exit, 0) << "no ring is created for it";
  const Ran small = shell.Run("S create small --seats 2 >/dev/null; echo m | S pub small --wait-for 3");
  EXPECT_EQ(small.exit, 2);
  EXPECT_TRUE(Says(small, "2 seats")) << small.err;
}

TEST(Refusal, NamesAndMissingRings) {
  const Shell shell;
  EXPECT_NE(shell.Run("S create a/b").exit, 0);
  EXPECT_EQ(shell.Run("S stat nope").exit, 3);
  EXPECT_EQ(shell.Run("echo x | S pub nope").exit, 3);
  const Ran twice = shell.Run("S create q && S create q");
  EXPECT_EQ(twice.exit, 3);
  EXPECT_TRUE(Says(twice, "\"q\"") && Says(twice, "exists")) << twice.err;
}

TEST(Refusal, ALineOverTheMaximumNamesItsLineAndPublishesNothingOfIt) {
  const Shell shell;
  const Ran ran = shell.Run(
      "{ echo one; echo two; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo four; } | S pub q --create --capacity 4K --keep-open\n"
      "code=$?; S tail q --from oldest -e; exit $code");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "one\ntwo\n");
  EXPECT_TRUE(Says(ran, "line 3")) << ran.err;
}

TEST(Refusal, UnlinkOfARingInUse) {
  const Shell shell;
  const Ran ran = shell.Run(
      "\"$S\" tail q --lossless > /dev/null & tail=$!\n"
      "until echo x | S pub q --create --keep-open 2>/dev/null && S stat q --json | grep -q lossless; do :; done\n"
      "S unlink q; code=$?\n"
      "kill $tail; wait $tail; S unlink q || exit 90\n"
      "exit $code");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_TRUE(Says(ran, "shmctl tail") && Says(ran, "--force")) << ran.err;
}

TEST(Refusal, ForeignFilesAreLeftAlone) {
  const Shell shell;
  const Ran ran = shell.Run(
      "echo 'somebody else' > q.ring; mkfifo f.ring; ln -s /etc/passwd l.ring; mkdir d.ring; : > e.ring\n"
      "for n in q f l d e; do S unlink $n --force; [ $? = 3 ] || exit 90; echo x | S pub $n --create; [ $? = 3 ] || exit 91; done\n"
      "ls -d *.ring | tr '\\n' ' '; cat q.ring; S list");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out.substr(0, 49), "d.ring e.ring f.ring l.ring q.ring somebody else\n") << ran.out;
}

}  // namespace
}  // namespace millrace::testing
