// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/new_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/os/failure.h"
#include "tests/unit/os_scratch.h"

namespace millrace::os {
namespace {

using UnitOsNewFile = Scratch;

// Runs each test for both ways of making a new file, which must behave the same.
class UnitOsNewFiles : public Scratch, public testing::WithParamInterface<bool> {
 protected:
  absl::StatusOr<NewFile> Create(mode_t mode, std::optional<gid_t> group = {}) const {
    return GetParam() ? NewFile::CreateNamed(directory_, mode, group)
                      : NewFile::Create(directory_, mode, group);
  }
};
INSTANTIATE_TEST_SUITE_P(, UnitOsNewFiles, testing::Bool(),
                         [](const auto& way) { return way.param ? "TemporaryName" : "Nameless"; });

TEST_P(UnitOsNewFiles, AppearOnLinkAsAndStay) {
  {
    NewFile file = Create(0600).value();
    EXPECT_EQ(write(file.fd().get(), "hello, ring", 11), 11);
    EXPECT_FALSE(FactsOfName(At("a")).has_value());
    ASSERT_TRUE(file.LinkAs(At("a")).ok());
  }
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
  const auto facts = FactsOfName(At("a"));
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->bytes, 11u);
  EXPECT_EQ(facts->links, 1u);
  EXPECT_TRUE(facts->regular);
}

TEST_P(UnitOsNewFiles, NeverReplaceAnExistingName) {
  NewFile first = Create(0600).value();
  ASSERT_TRUE(first.LinkAs(At("a")).ok());
  {
    NewFile second = Create(0600).value();
    const absl::Status status = second.LinkAs(At("a"));
    EXPECT_EQ(ErrorOf(status), Error::kExists);
    EXPECT_NE(TextOf(status).find("\"" + At("a") + "\""), std::string::npos) << TextOf(status);
    ASSERT_EQ(symlink("nowhere", At("dangling").c_str()), 0);
    EXPECT_EQ(ErrorOf(second.LinkAs(At("dangling"))), Error::kExists);
    ASSERT_TRUE(second.LinkAs(At("b")).ok());  // a refused link does not use up the file
  }
  EXPECT_EQ(FactsOfName(At("a"))->identity, FactsOf(first.fd().get(), "a")->identity);
  EXPECT_EQ(Names().size(), 3u);
}

TEST_P(UnitOsNewFiles, LeaveNothingWhenDropped) {
  { const NewFile file = Create(0600).value(); }
  EXPECT_TRUE(Names().empty());
  NewFile kept = Create(0600).value();
  kept = Create(0600).value();
  { const NewFile gone = std::move(kept); }
  EXPECT_TRUE(Names().empty());
}

TEST_P(UnitOsNewFiles, ModeIsExactUnderAnyUmask) {
  const mode_t before = umask(077);
  for (const mode_t mode : {0600u, 0640u, 0644u, 0660u, 0666u}) {
    const NewFile file = Create(mode).value();
    EXPECT_EQ(FactsOf(file.fd().get(), "x")->mode, S_IFREG | mode);
  }
  umask(before);
}

TEST_P(UnitOsNewFiles, GroupIsSet) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give a file to any group";
  const NewFile file = Create(0640, gid_t{12345}).value();
  EXPECT_EQ(FactsOf(file.fd().get(), "x")->gid, 12345u);
  EXPECT_EQ(FactsOf(file.fd().get(), "x")->mode, S_IFREG | 0640u);
}

// Bug: the directory chose the group, so a ring without access for others was readable by that group.
TEST_P(UnitOsNewFiles, ASetGroupIdDirectoryDoesNotChooseTheGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root may give a directory to any group";
  ASSERT_EQ(chown(directory_.c_str(), 0, 12345), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 03777), 0);
  const NewFile file = Create(0640).value();
  EXPECT_EQ(FactsOf(file.fd().get(), "x")->gid, getegid());
  EXPECT_EQ(FactsOf(file.fd().get(), "x")->mode, S_IFREG | 0640u);
  const NewFile given = Create(0640, gid_t{12346}).value();
  EXPECT_EQ(FactsOf(given.fd().get(), "x")->gid, 12346u);
  EXPECT_EQ(FactsOf(given.fd().get(), "x")->mode, S_IFREG | 0640u);
}

TEST_P(UnitOsNewFiles, AForeignGroupIsRefusedWithText) {
  ASSERT_EQ(chmod(directory_.c_str(), 0777), 0);
  const std::string told = InChild([&] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return std::string("cannot drop root");
    return Told(Create(0640, gid_t{12345}).status());
  });
  EXPECT_EQ(told.rfind("kNoPermission|", 0), 0u) << told;
  EXPECT_NE(told.find("12345"), std::string::npos) << told;
  EXPECT_TRUE(Names().empty());
}

TEST_P(UnitOsNewFiles, AMissingDirectoryIsNamed) {
  const std::string missing = At("missing");
  const auto file = GetParam() ? NewFile::CreateNamed(missing, 0600, {}) : NewFile::Create(missing, 0600, {});
  EXPECT_EQ(ErrorOf(file.status()), Error::kNotFound);
  EXPECT_NE(TextOf(file.status()).find(missing), std::string::npos);
}

TEST_P(UnitOsNewFiles, OpenAgainIsTheSameFileThroughAnotherDescription) {
  const NewFile file = Create(0600).value();
  const Fd again = file.OpenAgain().value();
  EXPECT_EQ(FactsOf(again.get(), "x")->identity, FactsOf(file.fd().get(), "x")->identity);
  EXPECT_EQ(write(file.fd().get(), "abc", 3), 3);
  // The new descriptor has its own offset, so it is an open file description of its own.
  EXPECT_EQ(lseek(again.get(), 0, SEEK_CUR), 0);
  EXPECT_NE(fcntl(again.get(), F_GETFD) & FD_CLOEXEC, 0);
}

// Starts a creator that is killed before it links the file.
pid_t KilledCreator(const std::string& directory, bool named) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto file = named ? NewFile::CreateNamed(directory, 0600, {}) : NewFile::Create(directory, 0600, {});
    if (!file.ok() || !Reserve(file->fd().get(), kMiB, directory, "x").ok() || write(ends[1], "k", 1) != 1)
      _exit(1);
    for (;;) pause();
  }
  close(ends[1]);
  char ready = 0;
  EXPECT_EQ(read(ends[0], &ready, 1), 1);
  close(ends[0]);
  return child;
}

void KillAndReap(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_F(UnitOsNewFile, ACreatorKilledBeforeLinkAsLeavesNothing) {
  KillAndReap(KilledCreator(directory_, false));
  EXPECT_TRUE(Names().empty());
}

TEST_F(UnitOsNewFile, AnAbandonedTemporaryNameIsRemovedWhenOldAndUnlocked) {
  const pid_t child = KilledCreator(directory_, true);
  ASSERT_EQ(Names().size(), 1u);
  const std::string path = At(Names()[0]);
  EXPECT_EQ(Names()[0].rfind(".millrace-", 0), 0u);

  const timespec old[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), old, 0), 0);
  RemoveAbandoned(directory_);
  EXPECT_EQ(Names().size(), 1u) << "its creator was alive";

  KillAndReap(child);
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), nullptr, 0), 0);
  RemoveAbandoned(directory_);
  EXPECT_EQ(Names().size(), 1u) << "it was young";

  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), old, 0), 0);
  RemoveAbandoned(directory_);
  EXPECT_TRUE(Names().empty());
}

TEST_F(UnitOsNewFile, RemoveAbandonedTouchesNothingElse) {
  NewFile file = Make();
  ASSERT_TRUE(file.LinkAs(At("millrace-old")).ok());
  ASSERT_EQ(symlink("x", At(".millrace-link").c_str()), 0);
  ASSERT_EQ(mkdir(At(".millrace-directory").c_str(), 0700), 0);
  ASSERT_EQ(mkfifo(At(".millrace-fifo").c_str(), 0600), 0);
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  for (const std::string& name : Names()) utimensat(AT_FDCWD, At(name).c_str(), old, AT_SYMLINK_NOFOLLOW);
  RemoveAbandoned(directory_);
  EXPECT_EQ(Names().size(), 4u);
  RemoveAbandoned("/no/such/directory");
}

// Bug: creating a ring deleted files of other programs whose names begin alike.
TEST_F(UnitOsNewFile, RemoveAbandonedTouchesNoForeignFileOfSuchAName) {
  const auto write_old = [&](const std::string& name, const std::string& text) {
    const Fd fd(open(At(name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size())) << name;
    const timespec old[2] = {{1000, 0}, {1000, 0}};
    ASSERT_EQ(futimens(fd.get(), old), 0);
  };
  write_old(".millrace-settings", "export MILLRACE_DIR=/srv/rings");
  write_old(".millrace-settings2", "milltemp");                // our magic, but another form of name
  write_old(".millrace-0123456789abcdef", "somebody else's");  // our form of name, but no magic
  write_old(".millrace-0123456789abcdee", "");
  write_old(".millrace-0123456789ABCDEF", "milltemp");
  write_old(".millrace-0123456789abcdef0", "milltemp");
  write_old(".millrace-1111111111111111", "milltemp");
  ASSERT_EQ(link(At(".millrace-1111111111111111").c_str(), At("second").c_str()), 0);
  std::vector<std::string> before = Names();
  if (geteuid() == 0) {
    write_old(".millrace-2222222222222222", "milltemp");
    ASSERT_EQ(chown(At(".millrace-2222222222222222").c_str(), 12345, 12345), 0);
    before = Names();
  }
  RemoveAbandoned(directory_);
  EXPECT_EQ(Names().size(), before.size());
  write_old(".millrace-3333333333333333", "milltemp");
  write_old(".millrace-4444444444444444", "millring");
  RemoveAbandoned(directory_);
  EXPECT_EQ(Names().size(), before.size());
}

}  // namespace
}  // namespace millrace::os
