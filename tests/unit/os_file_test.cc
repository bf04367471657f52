// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/os/failure.h"
#include "tests/unit/os_scratch.h"

namespace millrace::os {
namespace {

using UnitOsFile = Scratch;

TEST_F(UnitOsFile, OpenIsCloseOnExecAndNeedsOnlyTheRequestedAccess) {
  NewFile file = Make();
  ASSERT_TRUE(file.LinkAs(At("a")).ok());
  const Fd reading = OpenExisting(At("a"), false).value();
  EXPECT_NE(fcntl(reading.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(fcntl(reading.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  const Fd writing = OpenExisting(At("a"), true).value();
  EXPECT_EQ(fcntl(writing.get(), F_GETFL) & O_ACCMODE, O_RDWR);
}

TEST_F(UnitOsFile, OpenRefusesWhatIsNotAFileAndSaysWhatItIs) {
  NewFile file = Make();
  ASSERT_TRUE(file.LinkAs(At("target")).ok());
  ASSERT_EQ(symlink("target", At("link").c_str()), 0);
  ASSERT_EQ(symlink("nowhere", At("dangling").c_str()), 0);
  ASSERT_EQ(mkdir(At("directory").c_str(), 0700), 0);
  ASSERT_EQ(mkfifo(At("fifo").c_str(), 0600), 0);
  const Fd server(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(At("socket").size(), sizeof address.sun_path);
  strcpy(address.sun_path, At("socket").c_str());
  ASSERT_EQ(bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  const std::pair<std::string, std::string> cases[] = {
      {At("link"), "a symbolic link"}, {At("dangling"), "a symbolic link"}, {At("directory"), "a directory"},
      {At("fifo"), "a fifo"},          {At("socket"), "a socket"},          {"/dev/null", "a device"}};
  for (const auto& [path, kind] : cases) {
    for (const bool write : {false, true}) {
      const absl::Status status = OpenExisting(path, write).status();
      EXPECT_EQ(ErrorOf(status), Error::kNotARing) << path << ": " << status;
      EXPECT_NE(TextOf(status).find("\"" + path + "\": found " + kind), std::string::npos) << status;
    }
  }
}

TEST_F(UnitOsFile, OpenDistinguishesMissingFromForbidden) {
  EXPECT_EQ(ErrorOf(OpenExisting(At("missing"), false).status()), Error::kNotFound);
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  NewFile file = Make();
  ASSERT_TRUE(file.LinkAs(At("a")).ok());
  ASSERT_EQ(fchmod(file.fd().get(), 0400), 0);
  const std::string told = InChild([&] {
    if (geteuid() == 0 && setuid(65534) != 0) return std::string("cannot drop root");
    return Told(OpenExisting(At("a"), true).status());
  });
  EXPECT_EQ(told.rfind("kNoPermission|open \"" + At("a") + "\" for writing", 0), 0u) << told;
}

TEST_F(UnitOsFile, FactsOfNameDoesNotFollowLinks) {
  ASSERT_EQ(symlink("/dev/null", At("link").c_str()), 0);
  ASSERT_TRUE(FactsOfName(At("link")).has_value());
  EXPECT_FALSE(FactsOfName(At("link"))->regular);
  EXPECT_TRUE(S_ISLNK(FactsOfName(At("link"))->mode));
  EXPECT_FALSE(FactsOfName(At("missing")).has_value());
  EXPECT_EQ(ErrorOf(FactsOf(-1, "x").status()), Error::kOther);
}

TEST_F(UnitOsFile, UnlinkOfNothingIsFine) {
  NewFile file = Make();
  ASSERT_TRUE(file.LinkAs(At("a")).ok());
  EXPECT_TRUE(Unlink(At("a")).ok());
  EXPECT_TRUE(Unlink(At("a")).ok());
  ASSERT_EQ(mkdir(At("directory").c_str(), 0700), 0);
  EXPECT_EQ(ErrorOf(Unlink(At("directory"))), Error::kNotARing);
}

TEST_F(UnitOsFile, ReadAtNeverReadsLess) {
  const NewFile file = Make();
  ASSERT_EQ(pwrite(file.fd().get(), "0123456789", 10, 0), 10);
  char buffer[10] = {};
  EXPECT_TRUE(ReadAt(file.fd().get(), buffer, 4, 6, "x").value());
  EXPECT_EQ(std::string(buffer, 4), "6789");
  EXPECT_FALSE(ReadAt(file.fd().get(), buffer, 4, 7, "x").value());
  EXPECT_FALSE(ReadAt(file.fd().get(), buffer, 1, 100, "x").value());
  EXPECT_TRUE(ReadAt(file.fd().get(), buffer, 0, 100, "x").value());
  EXPECT_FALSE(ReadAt(-1, buffer, 1, 0, "x").ok());
}

TEST_F(UnitOsFile, WriteAtWritesWhatReadAtReads) {
  const NewFile file = Make();
  ASSERT_TRUE(WriteAt(file.fd().get(), "6789", 4, 6, "x").ok());
  char buffer[10] = {};
  EXPECT_TRUE(ReadAt(file.fd().get(), buffer, sizeof buffer, 0, "x").value());
  EXPECT_EQ(std::string(buffer, sizeof buffer), std::string(6, '\0') + "6789");
  const absl::Status refused = WriteAt(-1, "x", 1, 0, "write \"/q.lock\"");
  EXPECT_EQ(std::string(refused.message()).rfind("write \"/q.lock\": ", 0), 0u) << refused;
}

TEST_F(UnitOsFile, NamesInListsAllNamesAndNoOthers) {
  EXPECT_TRUE(NamesIn(directory_, "x")->empty());
  NewFile a = Make(), b = Make();
  ASSERT_TRUE(a.LinkAs(At("a")).ok() && b.LinkAs(At(".b")).ok());
  std::vector<std::string> names = NamesIn(directory_, "x").value();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{".b", "a"}));
  EXPECT_EQ(ErrorOf(NamesIn(At("missing"), "list").status()), Error::kNotFound);
}

TEST_F(UnitOsFile, SetModeIsExact) {
  const NewFile file = Make();
  ASSERT_TRUE(SetMode(file.fd().get(), 0642, "x").ok());
  EXPECT_EQ(FactsOf(file.fd().get(), "x")->mode, S_IFREG | 0642u);
  EXPECT_FALSE(SetMode(-1, 0600, "x").ok());
  EXPECT_TRUE(SetOwner(file.fd().get(), std::nullopt, std::nullopt, "x").ok()) << "nothing to set";
}

}  // namespace
}  // namespace millrace::os
