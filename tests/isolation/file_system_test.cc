// SPDX-License-Identifier: Apache-2.0
// Directories on other file systems than tmpfs. file_systems_test.sh runs the tests that need no special
// mount on each of them.
#include <linux/falloc.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/isolation/apart.h"
#include "tests/support/must.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::MustBe;
using testing::ScratchDir;
using testing::Watchdog;

void BeAlone() {
  MustBe(unshare(CLONE_NEWNS) == 0, "unshare");
  MustBe(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
}

// Mounts an overlay over parts of this directory. The mount ends with the mount namespace.
std::string MountOverlay(const ScratchDir& dir) {
  for (const char* part : {"lower", "upper", "work", "merged"})
    MustBe(mkdir((dir / part).c_str(), 0777) == 0, "mkdir");
  const std::string options =
      "lowerdir=" + dir / "lower" + ",upperdir=" + dir / "upper" + ",workdir=" + dir / "work";
  MustBe(mount("overlay", (dir / "merged").c_str(), "overlay", 0, options.c_str()) == 0, "mount overlay");
  return dir / "merged";
}

// Bug: on an overlay a mapping pins the lower file, so each lock was lost when its descriptor was closed. Two
// producers could write, and living processes counted as dead.
TEST(IsolationOverlayFileSystem, CannotHoldLocksAndIsRefusedByName) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("overlayfs");
  const ScratchDir dir;
  Child process([&](const Child::Line& line) {
    BeAlone();
    const std::string merged = MountOverlay(dir);
    const SegmentManager manager(merged);
    const absl::Status statuses[] = {
        Producer::Create("ring", {.capacity = 4096}, {.directory = merged}).status(),
        Producer::OpenOrCreate("ring", {.capacity = 4096}, {.directory = merged}).status(),
        manager.Create("ring", {.capacity = 4096})};
    for (const absl::Status& status : statuses) line.Say(std::string(status.message()));
    line.Say(std::filesystem::is_empty(merged) ? "nothing left" : "something left");
    return 0;
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(process.Hear(),
                ::testing::AllOf(::testing::HasSubstr("overlayfs"), ::testing::HasSubstr("/dev/shm")));
  }
  EXPECT_EQ(process.Hear(), "nothing left");
  EXPECT_EQ(process.Wait(), 0);
}

// A ring was made elsewhere and appears on an overlay.
TEST(IsolationOverlayFileSystem, ARingThereCannotBeOpened) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("overlayfs, attaching");
  const ScratchDir dir;
  Child process([&](const Child::Line& line) {
    BeAlone();
    const std::string merged = MountOverlay(dir);
    Must(SegmentManager(dir / "upper").Create("ring", {.capacity = 4096}));
    const absl::Status statuses[] = {
        Producer::Open("ring", {.directory = merged}).status(),
        Consumer::Open("ring", Delivery::Lossless(), {.directory = merged}).status(),
        Consumer::Open("ring", Delivery::Group("g"), {.directory = merged}).status()};
    for (const absl::Status& status : statuses) line.Say(std::string(status.message()));
    return 0;
  });
  for (int i = 0; i < 3; ++i) EXPECT_THAT(process.Hear(), ::testing::HasSubstr("overlayfs"));
  EXPECT_EQ(process.Wait(), 0);
}

// Bug: on file systems that compress, or count storage in their own way, a ring looked as if another process
// had punched holes into it. A sparse copy on a disk looks alike.
TEST(IsolationDiskFileSystem, SparseStorageIsNoDamage) {
  constexpr const char* kDisk = "/var/tmp";
  struct statfs facts {};
  constexpr long kTmpfs = 0x01021994, kOverlay = 0x794c7630;
  if (statfs(kDisk, &facts) != 0 || facts.f_type == kTmpfs || facts.f_type == kOverlay)
    GTEST_SKIP() << "SKIPPED: needs a disk at " << kDisk;
  const Watchdog watchdog("sparse file");
  const ScratchDir dir(kDisk);
  Must(SegmentManager(dir.path()).Create("ring", {.capacity = 65536}));
  const int fd = open((dir / "ring.ring").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16384, 32768), 0);
  close(fd);
  Producer producer = Must(Producer::Open("ring", {.directory = dir.path()}));
  Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
  ASSERT_EQ(producer.TryPublish("x"), Sent::kOk);
  EXPECT_TRUE(consumer.Next());
}

TEST(IsolationTmpfs, AHoleIsStillFound) {
  const ScratchDir dir;
  Must(SegmentManager(dir.path()).Create("ring", {.capacity = 65536}));
  const int fd = open((dir / "ring.ring").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16384, 4096), 0);
  close(fd);
  EXPECT_THAT(std::string(Producer::Open("ring", {.directory = dir.path()}).status().message()),
              ::testing::HasSubstr("holes"));
}

}  // namespace
}  // namespace millrace
