// SPDX-License-Identifier: Apache-2.0
// A process that a test runs instruction by instruction, and kills at any point.
#ifndef MILLRACE_TESTS_CRASH_STEPPED_CHILD_H_
#define MILLRACE_TESTS_CRASH_STEPPED_CHILD_H_

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "tests/support/shared_page.h"

namespace millrace::testing {

// `prepare` runs freely and returns the operation, which runs under the tracer. Both run in the child.
class SteppedChild {
 public:
  using Operation = std::function<void()>;

  explicit SteppedChild(const std::function<Operation()>& prepare) {
    fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) abort();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      ptrace(PTRACE_TRACEME, 0, 0, 0);
      const Operation operation = prepare();
      raise(SIGSTOP);  // the tracer steps from here to the end of the operation
      over_->store(1, std::memory_order_relaxed);
      operation();
      over_->store(2, std::memory_order_relaxed);
      for (;;) pause();
    }
    if (!Stopped(SIGSTOP)) Die("did not get to its operation");
    ptrace(PTRACE_SETOPTIONS, pid_, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
    while (over_->load(std::memory_order_relaxed) == 0) Step();
  }
  SteppedChild(const SteppedChild&) = delete;
  ~SteppedChild() { Kill(); }

  bool Over() const { return over_->load(std::memory_order_relaxed) == 2; }
  // Runs one instruction. A system call counts as one.
  void Step() {
    ptrace(PTRACE_SINGLESTEP, pid_, 0, 0);
    if (!Stopped(SIGTRAP)) Die("ended while it was stepped");
  }
  // Runs until the next system call is entered, or the current one is left.
  void ToSystemCall() {
    ptrace(PTRACE_SYSCALL, pid_, 0, 0);
    if (!Stopped(SIGTRAP | 0x80)) Die("ended before its next system call");
  }
  // Kills the child by kill -9, and waits until the kernel has ended it.
  void Kill() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    int status = 0;
    do {
      if (waitpid(pid_, &status, 0) < 0) break;
    } while (!WIFSIGNALED(status) && !WIFEXITED(status));
    pid_ = -1;
  }

 private:
  bool Stopped(int signal) {
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_) return false;
    if (!WIFSTOPPED(status)) pid_ = -1;
    return WIFSTOPPED(status) && WSTOPSIG(status) == signal;
  }
  [[noreturn]] static void Die(const char* what) {
    std::fprintf(stderr, "stepped child: %s\n", what);
    std::abort();
  }

  SharedPage<std::atomic<int>> over_;
  pid_t pid_ = -1;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CRASH_STEPPED_CHILD_H_
