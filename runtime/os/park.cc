// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/park.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>

#include "runtime/os/thread.h"

namespace millrace::os {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kLongest = 3600 * kSecond;  // of one call; adding it to a clock cannot overflow

timespec ToTimespec(int64_t ns) {
  return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
}

int64_t ReadClock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

uint64_t CoarseWallNs() {
  static const uint64_t resolution = [] {
    timespec r{};
    clock_getres(CLOCK_REALTIME_COARSE, &r);
    return static_cast<uint64_t>(r.tv_nsec);
  }();
  return static_cast<uint64_t>(ReadClock(CLOCK_REALTIME_COARSE)) + resolution;
}

// Returns true if reading the wall clock takes a system call. The kernel does not report this, so compare the
// fastest of several clock reads with the fastest of several trivial system calls.
bool ReadingTheClockIsASystemCall() {
  constexpr int kRounds = 8, kInARow = 8;
  int64_t clock = INT64_MAX, call = INT64_MAX;
  for (int round = 0; round < kRounds; ++round) {
    const int64_t begin = ReadClock(CLOCK_MONOTONIC);
    for (int i = 0; i < kInARow; ++i) ReadClock(CLOCK_REALTIME);
    const int64_t middle = ReadClock(CLOCK_MONOTONIC);
    for (int i = 0; i < kInARow; ++i) syscall(SYS_getpid);
    clock = std::min(clock, middle - begin);
    call = std::min(call, ReadClock(CLOCK_MONOTONIC) - middle);
  }
  return clock >= call;
}

bool Membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

WaitResult WhyAwake(int error) {
  switch (error) {
    case EAGAIN:
      return WaitResult::kChanged;
    case EINTR:
      return WaitResult::kSignal;
    case ETIMEDOUT:
      return WaitResult::kTimedOut;
    case EFAULT:
      return WaitResult::kFault;
    default:
      return WaitResult::kRefused;  // ENOSYS, EPERM (seccomp), EINVAL: this call is not available
  }
}

// Sleeps on a system that refuses futexes, for at most 1 ms, so that the caller's loop polls without burning
// the CPU.
WaitResult SleepBlindly(int64_t timeout_ns) {
  const timespec time = ToTimespec(std::min<int64_t>(timeout_ns, 1'000'000));
  const NoCancel no_cancel;
  nanosleep(&time, nullptr);
  return WaitResult::kTimedOut;
}

}  // namespace

// FUTEX_PRIVATE_FLAG must not be used in this file: a private wake never reaches a waiter of another process.
WaitResult FutexWait(const uint32_t* word, uint32_t seen, int64_t timeout_ns) {
  const int64_t bounded = std::max<int64_t>(timeout_ns, 1);
  const timespec time = ToTimespec(bounded);
  if (syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, nullptr, 0) == 0) return WaitResult::kWoken;
  const WaitResult why = WhyAwake(errno);
  return why == WaitResult::kRefused ? SleepBlindly(bounded) : why;
}

WaitResult FutexWaitAny(const uint32_t* const* words, const uint32_t* seen, size_t n, int64_t timeout_ns) {
  // Spelled out, because headers older than Linux 5.16 lack SYS_futex_waitv and futex_waitv{}.
  constexpr long kCall = 449;     // on every architecture except Alpha
  constexpr uint32_t kFlags = 2;  // a word of 32 bits, shared between processes
  struct Waiter {
    uint64_t value, address;
    uint32_t flags, reserved;
  };
  constexpr size_t kMost = 128;
  Waiter waiters[kMost];
  if (n == 0 || n > kMost) return WaitResult::kRefused;
  for (size_t i = 0; i < n; ++i) waiters[i] = {seen[i], reinterpret_cast<uintptr_t>(words[i]), kFlags, 0};
  // Unlike FUTEX_WAIT, this call takes a point in time.
  const timespec until =
      ToTimespec(ReadClock(CLOCK_MONOTONIC) + std::clamp<int64_t>(timeout_ns, 1, kLongest));
  if (syscall(kCall, waiters, n, 0, &until, CLOCK_MONOTONIC) >= 0) return WaitResult::kWoken;
  return WhyAwake(errno);
}

void FutexWakeAll(const uint32_t* word) {
  const int saved = errno;  // A signal handler may call this.
  // Wake all waiters, because the kernel might spend a wake of one on a waiter that is stopped.
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  errno = saved;
}

bool RegisterForBarriers() { return Membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED); }

bool GlobalBarrier() { return Membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED); }

void SleepNs(int64_t ns) {
  const timespec time = ToTimespec(ns);
  nanosleep(&time, nullptr);
}

void Yield() { sched_yield(); }

int64_t MonotonicNs() { return ReadClock(CLOCK_MONOTONIC); }

int64_t CoarseMonotonicNs() { return ReadClock(CLOCK_MONOTONIC_COARSE); }

uint64_t WallNs() { return static_cast<uint64_t>(ReadClock(CLOCK_REALTIME)); }

WallClock WallClockWithoutSystemCall() {
  static const WallClock clock = ReadingTheClockIsASystemCall() ? &CoarseWallNs : &WallNs;
  return clock;
}

uint64_t PidNamespace() {
  struct stat facts {};
  return stat("/proc/self/ns/pid", &facts) == 0 ? facts.st_ino : 0;
}

bool LooksStopped(uint32_t pid) {
  char path[32], text[512];
  std::snprintf(path, sizeof path, "/proc/%u/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t bytes = read(fd, text, sizeof text - 1);
  close(fd);
  text[std::max<ssize_t>(bytes, 0)] = 0;
  const char* const name_end = std::strrchr(text, ')');  // the last one: the name may contain any character
  return name_end != nullptr && name_end[1] == ' ' && (name_end[2] == 'T' || name_end[2] == 't');
}

// Queries the kernel on each call, because the PID changes in a forked child.
uint32_t Pid() { return static_cast<uint32_t>(getpid()); }

uint32_t Uid() { return static_cast<uint32_t>(geteuid()); }

const char* ProgramName() { return program_invocation_short_name; }

}  // namespace millrace::os
