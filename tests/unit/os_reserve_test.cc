// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/limits.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <string>

#include "runtime/os/failure.h"
#include "tests/unit/os_scratch.h"

namespace millrace::os {
namespace {

using UnitOsReserve = Scratch;

TEST_F(UnitOsReserve, ReservedBytesAreAllocated) {
  const NewFile file = Make(kMiB);
  struct stat facts {};
  ASSERT_EQ(fstat(file.fd().get(), &facts), 0);
  EXPECT_EQ(static_cast<uint64_t>(facts.st_size), kMiB);
  EXPECT_GE(static_cast<uint64_t>(facts.st_blocks) * 512, kMiB);
  EXPECT_EQ(ErrorOf(Reserve(file.fd().get(), ~uint64_t{0}, directory_, "x")), Error::kBadArgument);
}

TEST_F(UnitOsReserve, ReserveContinuesThroughASignalStorm) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  const itimerval storm = {{0, 500}, {0, 500}};
  const itimerval calm = {};
  NewFile file = Make();
  setitimer(ITIMER_REAL, &storm, nullptr);
  const absl::Status status = Reserve(file.fd().get(), 32 * kMiB, directory_, "x");
  setitimer(ITIMER_REAL, &calm, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(FactsOf(file.fd().get(), "x")->bytes, 32 * kMiB);
}

TEST_F(UnitOsReserve, TheFileSizeLimitIsAnErrorNotASignal) {
  const std::string told = InChild([&] {
    const rlimit limit = {kMiB, kMiB};
    setrlimit(RLIMIT_FSIZE, &limit);
    const NewFile file = NewFile::Create(directory_, 0600, {}).value();
    return Told(Reserve(file.fd().get(), 2 * kMiB, directory_, "create \"/q.ring\""));
  });
  EXPECT_EQ(
      told,
      "kNoMemoryLimit|create \"/q.ring\": 2 MiB are more than this process's file size limit (RLIMIT_FSIZE: "
      "1 MiB); raise it (ulimit -f) or choose a smaller capacity");
}

TEST_F(UnitOsReserve, TheLimitOfTheMemoryCgroupIsCheckedFirst) {
  const NewFile file = Make();
  const MemoryLimit memory = {32 * kMiB, 12 * kMiB, "/sys/fs/cgroup/job"};
  const absl::Status status = Reserve(file.fd().get(), 16 * kMiB, directory_, "create \"/q.ring\"", memory);
  EXPECT_EQ(
      Told(status),
      "kNoMemoryLimit|create \"/q.ring\": 16 MiB do not fit in the memory limit of cgroup /sys/fs/cgroup/job "
      "(12 MiB of 32 MiB available); raise it (docker: --memory) or choose a smaller capacity");
  EXPECT_EQ(FactsOf(file.fd().get(), "x")->bytes, 0u);
  EXPECT_TRUE(Reserve(file.fd().get(), kMiB, directory_, "x", memory).ok());
}

TEST_F(UnitOsReserve, AFullFileSystemIsAnImmediateError) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may mount a small tmpfs";
  const std::string told = OnSmallTmpfs(directory_, [](const std::string& directory) {
    const NewFile file = NewFile::Create(directory, 0600, {}).value();
    return Told(Reserve(file.fd().get(), 64 * kMiB, directory, "create \"/quotes.ring\"", std::nullopt));
  });
  if (told == "no tmpfs") GTEST_SKIP() << "no right to mount a tmpfs here";
  EXPECT_EQ(told, "kNoSpace|create \"/quotes.ring\": 64 MiB do not fit in " + directory_ +
                      " (1 MiB free); enlarge it (docker: --shm-size) or choose a smaller capacity");
}

TEST_F(UnitOsReserve, NotOneByteFreeIsAnErrorToo) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may mount a small tmpfs";
  const std::string told = OnSmallTmpfs(directory_, [](const std::string& directory) {
    const NewFile first = NewFile::Create(directory, 0600, {}).value();
    const NewFile second = NewFile::Create(directory, 0600, {}).value();
    const absl::Status full = Reserve(first.fd().get(), kMiB, directory, "first", std::nullopt);
    if (!full.ok()) return Told(full);
    const absl::Status status = Reserve(second.fd().get(), kPage, directory, "second", std::nullopt);
    return Told(status) + "|" + std::to_string(FactsOf(second.fd().get(), "x")->bytes);
  });
  if (told == "no tmpfs") GTEST_SKIP() << "no right to mount a tmpfs here";
  EXPECT_EQ(told, "kNoSpace|second: 4 KiB do not fit in " + directory_ +
                      " (0 bytes free); enlarge it (docker: --shm-size) or choose a smaller capacity|0");
}

}  // namespace
}  // namespace millrace::os
