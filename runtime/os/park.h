// The system's side of sleeping and waking: shared futexes, membarrier, clocks.
#ifndef MILLRACE_RUNTIME_OS_PARK_H_
#define MILLRACE_RUNTIME_OS_PARK_H_

#include <cstddef>
#include <cstdint>

namespace millrace::os {

enum class Slept : uint8_t { kWoken, kChanged, kSignal, kTimedOut, kFault, kRefused };

// Sleeps while *word == seen, at most timeout_ns (> 0). Shared futex: the word may be in memory mapped
// read-only. kChanged: the word differed. kSignal: a handler ran. kFault: the word is beyond the end of its
// file.
Slept FutexWait(const uint32_t* word, uint32_t seen, int64_t timeout_ns);
// The same on at most 128 words at once (futex_waitv, Linux 5.16): until one is woken or differs from what
// was seen there. kRefused: this kernel, or a filter of system calls, does not have it; nothing was waited
// for.
Slept FutexWaitAny(const uint32_t* const* words, const uint32_t* seen, size_t n, int64_t timeout_ns);
// Wakes everybody who sleeps on the word. Async-signal-safe. Change the word first.
void FutexWakeAll(const uint32_t* word);

// Registers this process for GLOBAL_EXPEDITED barriers of others. false: the kernel refuses (seccomp,
// gVisor). Costs up to 15 ms in a process of several threads. Reset by exec.
bool RegisterForBarriers();
// A full barrier on every CPU that runs a registered process. false: refused.
bool GlobalBarrier();

int64_t MonotonicNs();
// MonotonicNs as of the kernel's last tick, so 1 to 10 ms old: for what is asked very often and must not be
// exact. Costs a fifth of the exact clock and is never a system call where there is a vDSO.
int64_t CoarseMonotonicNs();
// CLOCK_REALTIME.
uint64_t WallNs();
// The same for whoever may make no system call: where reading WallNs is one (no vDSO, or a clock source that
// it cannot read), the kernel's coarse clock plus its resolution, so that it is not behind either.
using WallClock = uint64_t (*)();
WallClock WallClockWithoutSystemCall();

// Inode number of our PID namespace, 0 if /proc does not tell.
uint64_t PidNamespace();
uint32_t Pid();
// Is that process of our PID namespace stopped by a signal or a debugger, as far as /proc tells? For people
// only.
bool LooksStopped(uint32_t pid);
uint32_t Uid();
// Short name of this program, for labels.
const char* ProgramName();

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_PARK_H_
