// SPDX-License-Identifier: Apache-2.0
// System calls for sleeping and waking: shared futexes, membarrier, clocks. Also facts about this process.
#ifndef MILLRACE_RUNTIME_OS_PARK_H_
#define MILLRACE_RUNTIME_OS_PARK_H_

#include <cstddef>
#include <cstdint>

namespace millrace::os {

enum class WaitResult : uint8_t { kWoken, kChanged, kSignal, kTimedOut, kFault, kRefused };

// Sleeps while *word == seen, for at most timeout_ns (> 0), until FutexWakeAll wakes it. The futex is shared
// between processes, and the word may be in memory mapped read-only. Returns kChanged if the word differed,
// kSignal if a signal handler ran, and kFault if the word is beyond the end of its file.
WaitResult FutexWait(const uint32_t* word, uint32_t seen, int64_t timeout_ns);
// Sleeps on up to 128 words together, as FutexWait does on one, until a waker wakes one word or one differs
// from its `seen` value. Uses futex_waitv (Linux 5.16). Returns kRefused, without waiting, if the kernel or a
// filter of system calls refuses it.
WaitResult FutexWaitAny(const uint32_t* const* words, const uint32_t* seen, size_t n, int64_t timeout_ns);
// Wakes all threads that sleep on the word, in all processes. Change the word first. Async-signal-safe.
void FutexWakeAll(const uint32_t* word);

// Registers this process for the GLOBAL_EXPEDITED barriers of other processes, until it calls exec. Returns
// false if the kernel refuses (seccomp, gVisor). Can take milliseconds in a process with several threads.
bool RegisterForBarriers();
// Executes a full barrier on every CPU that runs a registered process. Returns false if the kernel refuses.
bool GlobalBarrier();

// Sleeps for `ns`. Ends early if a signal handler runs.
void SleepNs(int64_t ns);
// Lets other threads have this CPU. Returns at once if none wants it.
void Yield();

int64_t MonotonicNs();
// Returns MonotonicNs as of the kernel's last tick, so 1 to 10 ms old. For frequent reads that need not be
// exact: cheaper than the exact clock, and never a system call where the kernel provides a vDSO.
int64_t CoarseMonotonicNs();
// Returns CLOCK_REALTIME.
uint64_t WallNs();
// Returns a wall clock for callers that must not make a system call. This is WallNs if the vDSO can read it.
// Otherwise (no vDSO, or another clock source) it is the kernel's coarse clock plus the resolution of that
// clock, so that it does not lag WallNs.
using WallClock = uint64_t (*)();
WallClock WallClockWithoutSystemCall();

// Returns the inode number of our PID namespace, or 0 if /proc does not show it.
uint64_t PidNamespace();
uint32_t Pid();
// Returns true if /proc shows that a signal or a debugger has stopped this process of our PID namespace. Only
// for reports to people: the PID may have been reused.
bool LooksStopped(uint32_t pid);
uint32_t Uid();
// Returns the short name of this program, for labels.
const char* ProgramName();

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_PARK_H_
