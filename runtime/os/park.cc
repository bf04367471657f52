#include "runtime/os/park.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace millrace::os {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

timespec ToTimespec(int64_t ns) {
  return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
}

int64_t ReadClock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

bool Membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

// A system that refuses futexes: sleep anyway, but not for long, or the caller's loop would burn the CPU.
Slept SleepBlindly(int64_t timeout_ns) {
  const timespec time = ToTimespec(std::min<int64_t>(timeout_ns, 1'000'000));
  nanosleep(&time, nullptr);
  return Slept::kTimedOut;
}

}  // namespace

// FUTEX_PRIVATE_FLAG must not appear in this file: it would never meet a waiter of another process.
Slept FutexWait(const uint32_t* word, uint32_t seen, int64_t timeout_ns) {
  const int64_t bounded = std::max<int64_t>(timeout_ns, 1);
  const timespec time = ToTimespec(bounded);
  if (syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, nullptr, 0) == 0) return Slept::kWoken;
  switch (errno) {
    case EAGAIN:
      return Slept::kChanged;
    case EINTR:
      return Slept::kSignal;
    case ETIMEDOUT:
      return Slept::kTimedOut;
    case EFAULT:
      return Slept::kFault;
    default:
      return SleepBlindly(bounded);
  }
}

void FutexWakeAll(const uint32_t* word) {
  const int saved = errno;  // may run in a signal handler
  // Everybody: a wake of one may be spent on a waiter that is stopped.
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  errno = saved;
}

bool RegisterForBarriers() { return Membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED); }

bool GlobalBarrier() { return Membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED); }

int64_t MonotonicNs() { return ReadClock(CLOCK_MONOTONIC); }

uint64_t WallNs() { return static_cast<uint64_t>(ReadClock(CLOCK_REALTIME_COARSE)); }

uint64_t FineWallNs() { return static_cast<uint64_t>(ReadClock(CLOCK_REALTIME)); }

uint64_t PidNamespace() {
  struct stat facts {};
  return stat("/proc/self/ns/pid", &facts) == 0 ? facts.st_ino : 0;
}

// Nothing is remembered here: after fork() the answer is another one.
uint32_t Pid() { return static_cast<uint32_t>(getpid()); }

uint32_t Uid() { return static_cast<uint32_t>(geteuid()); }

const char* ProgramName() { return program_invocation_short_name; }

}  // namespace millrace::os
