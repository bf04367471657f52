// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/limits.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace millrace::os {
namespace {

constexpr char kHuge[] = "9223372036854771712\n";  // "no limit" in cgroup version 1

// Makes directories that stand for /sys/fs/cgroup and /proc/self/cgroup.
class UnitOsCgroupLimit : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "millrace-cgroup-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ + "/" + path).substr(0, (root_ + "/" + path).rfind('/')));
    std::ofstream(root_ + "/" + path) << text;
  }
  void Version2(const std::string& group, const std::string& max, const std::string& current,
                const std::string& stat = "") {
    Write(group + "/memory.max", max);
    Write(group + "/memory.current", current);
    if (!stat.empty()) Write(group + "/memory.stat", stat);
  }
  std::optional<MemoryLimit> Ask() { return MemoryCgroupLimit(root_, root_ + "/self"); }

  std::string root_;
};

TEST_F(UnitOsCgroupLimit, NoCgroupFilesMeanNoLimit) {
  EXPECT_FALSE(Ask().has_value());
  Write("self", "0::/a\n");
  EXPECT_FALSE(Ask().has_value());
}

TEST_F(UnitOsCgroupLimit, Version2CountsReclaimablePagesAsAvailable) {
  Write("self", "0::/a\n");
  Version2("a", "1000\n", "700\n", "anon 5\ninactive_file 100\nactive_file 50\nfile 9999\n");
  const auto limit = Ask();
  ASSERT_TRUE(limit.has_value());
  EXPECT_EQ(limit->limit_bytes, 1000u);
  EXPECT_EQ(limit->available_bytes, 450u);
  EXPECT_EQ(limit->cgroup, root_ + "/a");
}

TEST_F(UnitOsCgroupLimit, Version2WithoutMemoryStat) {
  Write("self", "0::/a\n");
  Version2("a", "1000\n", "700\n");
  ASSERT_TRUE(Ask().has_value());
  EXPECT_EQ(Ask()->available_bytes, 300u);
}

TEST_F(UnitOsCgroupLimit, TheTightestGroupAboveCounts) {
  Write("self", "0::/a/b/c\n");
  Version2("a/b/c", "max\n", "1\n");
  Version2("a/b", "5000\n", "100\n");
  Version2("a", "9000\n", "8000\n");
  const auto limit = Ask();
  ASSERT_TRUE(limit.has_value());
  EXPECT_EQ(limit->cgroup, root_ + "/a");
  EXPECT_EQ(limit->available_bytes, 1000u);
}

TEST_F(UnitOsCgroupLimit, AGroupOverItsLimitHasNothingAvailable) {
  Write("self", "0::/a\n");
  Version2("a", "1000\n", "1200\n");
  ASSERT_TRUE(Ask().has_value());
  EXPECT_EQ(Ask()->available_bytes, 0u);
}

TEST_F(UnitOsCgroupLimit, MoreReclaimableThanUsedIsTheWholeLimit) {
  Write("self", "0::/a\n");
  Version2("a", "1000\n", "10\n", "inactive_file 500\nactive_file 500\n");
  ASSERT_TRUE(Ask().has_value());
  EXPECT_EQ(Ask()->available_bytes, 1000u);
}

TEST_F(UnitOsCgroupLimit, InAContainerTheMountIsTheOwnGroup) {
  Write("self", "0::/the/hosts/path\n");
  Version2(".", "1000\n", "0\n");
  ASSERT_TRUE(Ask().has_value());
  EXPECT_EQ(Ask()->cgroup, root_);
}

TEST_F(UnitOsCgroupLimit, AGroupOutsideTheNamespaceStaysBelowTheMount) {
  Write("self", "0::/../../a\n");
  Version2(".", "1000\n", "0\n");
  Version2("a", "10\n", "0\n");
  ASSERT_TRUE(Ask().has_value());
  EXPECT_EQ(Ask()->cgroup, root_);
}

TEST_F(UnitOsCgroupLimit, Version1) {
  Write("self", "9:name=systemd:/\n4:cpu,memory,pids:/job\n0::/\n");
  Write("memory/job/memory.limit_in_bytes", "2000\n");
  Write("memory/job/memory.usage_in_bytes", "1500\n");
  Write("memory/job/memory.stat",
        "inactive_file 1\nactive_file 1\ntotal_inactive_file 200\ntotal_active_file 300\n");
  Write("memory/memory.limit_in_bytes", kHuge);
  Write("memory/memory.usage_in_bytes", "1500\n");
  const auto limit = Ask();
  ASSERT_TRUE(limit.has_value());
  EXPECT_EQ(limit->limit_bytes, 2000u);
  EXPECT_EQ(limit->available_bytes, 1000u);
}

TEST_F(UnitOsCgroupLimit, Version1HugeIsNoLimit) {
  Write("self", "4:memory:/job\n");
  Write("memory/job/memory.limit_in_bytes", kHuge);
  Write("memory/job/memory.usage_in_bytes", "1500\n");
  EXPECT_FALSE(Ask().has_value());
}

TEST_F(UnitOsCgroupLimit, Version2BesideVersion1) {
  Write("self", "4:cpu:/job\n0::/u\n");
  Version2("unified/u", "1000\n", "1\n");
  ASSERT_TRUE(Ask().has_value());
  EXPECT_EQ(Ask()->cgroup, root_ + "/unified/u");
}

TEST_F(UnitOsCgroupLimit, MalformedFilesAreIgnored) {
  Write("self", "garbage\n::\n0:\n\n0::/a/b\n");
  for (const char* const bad : {"", "\n", "-5\n", "12x\n", "99999999999999999999999\n", " 7\n"}) {
    Version2("a/b", bad, "1\n");
    EXPECT_FALSE(Ask().has_value()) << bad;
    Version2("a/b", "1000\n", bad);
    EXPECT_FALSE(Ask().has_value()) << bad;
  }
  Version2("a/b", "1000\n", "600\n", "inactive_file x\nactive_file\ninactive_file 100\n\nactive_file -1");
  ASSERT_TRUE(Ask().has_value());
  EXPECT_EQ(Ask()->available_bytes, 500u);
}

TEST_F(UnitOsCgroupLimit, AFileThatNeverEndsIsCutOff) {
  EXPECT_FALSE(MemoryCgroupLimit(root_, "/dev/zero").has_value());
}

TEST(UnitOsFileSizeLimit, IsTheSoftLimit) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit = {1 << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(FileSizeLimit() == std::optional<uint64_t>(1 << 20) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(UnitOsFreeBytes, OfAFileSystem) {
  EXPECT_GT(FreeBytes("/dev/shm"), 0u);
  EXPECT_EQ(FreeBytes("/no/such/directory"), 0u);
}

}  // namespace
}  // namespace millrace::os
