// SPDX-License-Identifier: Apache-2.0
// shmctl tail --group: several tails share the messages. If one dies, another
// writes the lines that it had not written.
#include <gtest/gtest.h>

#include <string>

#include "tests/shmctl/shell.h"

namespace millrace::testing {
namespace {

TEST(ShmctlTailGroup, MembersShareTheLines) {
  const Shell shell;
  const Ran ran = shell.Run(
      "seq 1 5000 > lines; S create q --capacity 64K > /dev/null\n"
      "for i in 1 2; do \"$S\" tail q --group workers --until-closed > out$i 2> told$i & done\n"
      "S pub q --wait-for 2 < lines 2> said || exit 90\n"
      "wait || exit 91\n"
      "cat out1 out2 | sort -n | cmp - lines || exit 92\n"
      "[ ! -s told1 ] && [ ! -s told2 ] || exit 93\n");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out << Slurp(shell.path("told1")) << Slurp(shell.path("said"));
}

// The victim's output is a full pipe. It holds a lease on lines that it has not written out.
TEST(ShmctlTailGroup, AKilledMembersLinesAreWrittenByAnother) {
  const Shell shell;
  const Ran ran = shell.Run(
      "seq -f '%0999.0f' 1 200 > lines; S create q --capacity 64K > /dev/null; mkfifo pipe\n"
      "sleep 60 < pipe & reader=$!; exec 7> pipe\n"
      "\"$S\" tail q --group workers --durable > pipe 2> told1 & victim=$!\n"
      "S pub q --wait-for 1 --keep-open < lines 2> said & pub=$!\n"
      // The 65 536 bytes of its pipe are full, and the other lines wait.
      "until S stat q | grep -q '^workers .* 1 .* 1 .*message'; do kill -0 $victim || exit 80; done\n"
      "kill -9 $victim; wait $victim 2> /dev/null\n"
      "\"$S\" tail q --group workers --durable --until-closed > rest 2> told2 & other=$!\n"
      "wait $pub; S pub q < /dev/null 2>> said; wait $other || exit 91\n"
      "kill $reader; exec 7>&-\n"
      "tail -n 100 lines > end; tail -n 100 rest | cmp - end || exit 92\n"
      // The pipe took at most 65 lines. All other lines must be in the rest.
      "[ $(sort -u rest | wc -l) -ge 135 ] || exit 93\n");
  EXPECT_EQ(ran.exit, 0) << ran.err << ran.out << Slurp(shell.path("told2")) << Slurp(shell.path("said"));
}

TEST(ShmctlTailGroup, ExcludesLossless) {
  const Shell shell;
  EXPECT_EQ(shell.Run("S tail q --group w --lossless").exit, 2);
  EXPECT_EQ(shell.Run("S tail q --durable").exit, 2);
  EXPECT_EQ(shell.Run("S create q; S tail q --group 'a b' -e").exit, 2);
}

}  // namespace
}  // namespace millrace::testing
