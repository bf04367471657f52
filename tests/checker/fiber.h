// A stack of its own for each checked thread, switched by hand: one runs at a time, no kernel thread
// involved.
#ifndef MILLRACE_TESTS_CHECKER_FIBER_H_
#define MILLRACE_TESTS_CHECKER_FIBER_H_

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>
#include <memory>

namespace millrace::checker {

class Fiber {
 public:
  // Makes this fiber begin at `entry` when it is next entered; what it did before is forgotten, its stack
  // not unwound: checked code owns nothing that would leak.
  void Prepare(void (*entry)());
  // Leaves `from` and continues `to`; returns when somebody switches back to `from`.
  static void Switch(Fiber& from, Fiber& to);

 private:
  static constexpr size_t kStackBytes = 128 << 10;
  std::unique_ptr<std::byte[]> stack_;  // none: the main program's own
  ucontext_t context_{};
  jmp_buf resume_{};
  bool running_ = true;  // false: begins at its entry
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_FIBER_H_
