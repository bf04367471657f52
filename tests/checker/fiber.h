// A stack of its own for each checked thread, switched by hand: one runs at a time, no kernel thread
// involved.
//
// A thread's whole private state is its stack, its registers and what it is asking the machine for. They are
// hashed to recognise a state: nothing that checked code remembers can be overlooked. What lies dead in a
// frame makes two equal states look different, which costs time and no soundness; therefore stacks begin as
// zeros and are swept between operations.
#ifndef MILLRACE_TESTS_CHECKER_FIBER_H_
#define MILLRACE_TESTS_CHECKER_FIBER_H_

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace millrace::checker {

class Fiber {
 public:
  // Makes this fiber begin at `entry` when it is next entered; what it did before is forgotten, its stack
  // not unwound: checked code owns nothing that would leak.
  void Prepare(void (*entry)());
  // Leaves `from` and continues `to`; returns when somebody switches back to `from`.
  static void Switch(Fiber& from, Fiber& to);

  // From here up to its beginning the stack, with the caller's registers, is the private state: see
  // CallerState.
  void Mark(const void* low) {
    low_ = low;
    hash_ = 0;
  }
  uint64_t Hash() const;
  // Clears the stack below the caller: what earlier calls left there.
  [[gnu::noinline]] static void Sweep();

 public:
  static constexpr size_t kStackBytes = 128 << 10;
  static constexpr size_t kSweptBytes = 16 << 10;
  std::unique_ptr<std::byte[]> stack_;  // none: the main program's own
  ucontext_t context_{};
  jmp_buf resume_{};
  bool running_ = true;        // false: begins at its entry
  const void* low_ = nullptr;  // see Mark
  mutable uint64_t hash_ = 0;  // of what is above; 0: not computed yet
};

// Called first in a function: the lowest address of what its caller must find again when it returns. All
// registers that a callee preserves are saved in this function's frame.
[[gnu::always_inline]] inline const void* CallerState() {
  __builtin_unwind_init();
#if defined(__x86_64__)
  // At the top of the frame: return address, rbp, and r15, r14, r13, r12, rbx below it.
  return static_cast<const std::byte*>(__builtin_frame_address(0)) - 5 * 8;
#else
  const std::byte here{};  // the frame as a whole: fewer states are recognised
  asm volatile("" : : "r"(&here) : "memory");
  return &here - 512;
#endif
}

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_FIBER_H_
