// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/park.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <vector>

namespace millrace::os {
namespace {

constexpr int64_t kLong = 50'000'000'000;
constexpr int64_t kShort = 2'000'000;

// A shared page with a futex word, mapped once for writing and once for reading only.
class UnitOsPark : public testing::Test {
 protected:
  void SetUp() override {
    alarm(60);
    fd_ = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(fd_, 0);
    ASSERT_EQ(posix_fallocate(fd_, 0, 4096), 0);
    const std::string again = "/proc/self/fd/" + std::to_string(fd_);
    const int read_only = open(again.c_str(), O_RDONLY | O_CLOEXEC);
    void* const written = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    void* const watched = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, read_only, 0);
    close(read_only);
    ASSERT_NE(written, MAP_FAILED);
    ASSERT_NE(watched, MAP_FAILED);
    word_ = static_cast<std::atomic<uint32_t>*>(written);
    watched_ = static_cast<const uint32_t*>(watched);
  }
  void TearDown() override {
    munmap(word_, 8192);
    munmap(const_cast<uint32_t*>(watched_), 4096);
    close(fd_);
    alarm(0);
  }

  const uint32_t* word() const { return reinterpret_cast<const uint32_t*>(word_); }

  // Starts a process that sleeps on the read-only mapping and exits with the result of the sleep.
  pid_t Sleeper() {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(100);
    _exit(static_cast<int>(FutexWait(watched_, 0, kLong)));
  }

  static void AwaitAsleep(pid_t child) {
    std::string line;
    do {
      sched_yield();
      std::ifstream file("/proc/" + std::to_string(child) + "/stat");
      std::getline(file, line);
    } while (line.find(") S") == std::string::npos);
  }

  static WaitResult ResultOf(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return static_cast<WaitResult>(WEXITSTATUS(status));
  }

  int fd_ = -1;
  std::atomic<uint32_t>* word_ = nullptr;
  const uint32_t* watched_ = nullptr;
};

TEST_F(UnitOsPark, AReadOnlySleeperIsWokenByAnotherProcess) {
  const pid_t child = Sleeper();
  AwaitAsleep(child);
  word_->store(1);
  FutexWakeAll(word());
  EXPECT_EQ(ResultOf(child), WaitResult::kWoken);
}

TEST_F(UnitOsPark, EverySleeperIsWoken) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) children.push_back(Sleeper());
  for (const pid_t child : children) AwaitAsleep(child);
  word_->store(1);
  FutexWakeAll(word());
  for (const pid_t child : children) EXPECT_EQ(ResultOf(child), WaitResult::kWoken);
}

TEST_F(UnitOsPark, AChangedWordDoesNotSleep) {
  word_->store(1);
  EXPECT_EQ(FutexWait(watched_, 0, kLong), WaitResult::kChanged);
}

TEST_F(UnitOsPark, TimesOut) {
  const int64_t before = MonotonicNs();
  EXPECT_EQ(FutexWait(watched_, 0, kShort), WaitResult::kTimedOut);
  EXPECT_GE(MonotonicNs() - before, kShort);
  EXPECT_EQ(FutexWait(watched_, 0, 0), WaitResult::kTimedOut);
  EXPECT_EQ(FutexWait(watched_, 0, -5), WaitResult::kTimedOut);
}

TEST_F(UnitOsPark, ASignalHandlerEndsTheSleep) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  const pid_t child = Sleeper();
  AwaitAsleep(child);
  kill(child, SIGUSR1);
  EXPECT_EQ(ResultOf(child), WaitResult::kSignal);
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(UnitOsPark, AWordAfterTheEndOfTheFileIsAnErrorNotASignal) {
  const uint32_t* const beyond = word() + 1024;  // in the second page of a one-page file
  EXPECT_EQ(FutexWait(beyond, 0, kShort), WaitResult::kFault);
  FutexWakeAll(beyond);
}

TEST_F(UnitOsPark, WakingKeepsErrno) {
  errno = 77;
  FutexWakeAll(word() + 1024);
  EXPECT_EQ(errno, 77);
}

TEST_F(UnitOsPark, AStoppedSleeperSeesTheChangeWhenItContinues) {
  const pid_t child = Sleeper();
  AwaitAsleep(child);
  kill(child, SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  word_->store(1);
  FutexWakeAll(word());
  kill(child, SIGCONT);
  const WaitResult slept = ResultOf(child);
  EXPECT_TRUE(slept == WaitResult::kChanged || slept == WaitResult::kWoken);
}

TEST(UnitOsBarriers, RegisterAndFence) {
  if (!RegisterForBarriers()) GTEST_SKIP() << "this kernel or its seccomp profile refuses membarrier";
  EXPECT_TRUE(GlobalBarrier());
  EXPECT_TRUE(RegisterForBarriers());
}

TEST(UnitOsClocks, Agree) {
  const int64_t first = MonotonicNs();
  EXPECT_GE(MonotonicNs(), first);
  const uint64_t before = WallNs();
  EXPECT_GE(WallClockWithoutSystemCall()(), before);  // the clock never lags
  EXPECT_GT(before, uint64_t{1'600'000'000} * 1'000'000'000);
  EXPECT_EQ(WallClockWithoutSystemCall(), WallClockWithoutSystemCall()) << "one clock, however often asked";
}

TEST(UnitOsProcess, KnowsItsOwnProcess) {
  struct stat space {};
  ASSERT_EQ(stat("/proc/self/ns/pid", &space), 0);
  EXPECT_EQ(PidNamespace(), space.st_ino);
  EXPECT_EQ(Pid(), static_cast<uint32_t>(getpid()));
  EXPECT_EQ(Uid(), geteuid());
  EXPECT_STRNE(ProgramName(), "");
}

TEST(UnitOsProcess, APidIsNotRememberedAcrossFork) {
  const uint32_t parent = Pid();
  const pid_t child = fork();
  if (child == 0) _exit(Pid() != parent && Pid() == static_cast<uint32_t>(getpid()) ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace millrace::os
