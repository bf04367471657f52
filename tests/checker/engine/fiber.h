// SPDX-License-Identifier: Apache-2.0
// Gives each checked thread a stack of its own. The checker switches between the stacks by hand: one fiber
// runs at a time, and no kernel thread is involved.
//
// A thread's whole private state is its stack, its registers and its pending request to the machine. The
// checker hashes these to recognise a state, so nothing that checked code remembers can be overlooked. Dead
// bytes in a frame make two equal states look different. That costs time but not soundness. Stacks therefore
// begin as zeros and are swept between operations.
#ifndef MILLRACE_TESTS_CHECKER_ENGINE_FIBER_H_
#define MILLRACE_TESTS_CHECKER_ENGINE_FIBER_H_

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace millrace::checker {

class Fiber {
 public:
  // Makes this fiber begin at `entry` when it is next entered. Forgets the fiber's earlier stack without
  // unwinding it: checked code owns nothing that would leak.
  void Prepare(void (*entry)());
  // Leaves `from` and continues `to`. Returns when another fiber switches back to `from`.
  static void Switch(Fiber& from, Fiber& to);

  // Sets the low end of the private state. The state is the stack from `low` up to its beginning, together
  // with the caller's registers (see CallerState).
  void Mark(const void* low) {
    low_ = low;
    hash_ = 0;
  }
  uint64_t Hash() const;
  // Clears what earlier calls left on the stack below the caller.
  [[gnu::noinline]] static void Sweep();

 public:
  static constexpr size_t kStackBytes = 128 << 10;
  static constexpr size_t kSweptBytes = 16 << 10;
  std::unique_ptr<std::byte[]> stack_;  // null: the main program's own stack
  ucontext_t context_{};
  jmp_buf resume_{};
  bool running_ = true;        // false: the fiber begins at its entry
  const void* low_ = nullptr;  // see Mark
  mutable uint64_t hash_ = 0;  // of the private state; 0: not computed yet
};

// Returns the lowest address of what its caller must find again when it returns. Must be called first in a
// function. All callee-saved registers are saved in this function's frame.
[[gnu::always_inline]] inline const void* CallerState() {
  __builtin_unwind_init();
#if defined(__x86_64__)
  // The frame has the return address and rbp at its top, and r15, r14, r13, r12 and rbx below them.
  return static_cast<const std::byte*>(__builtin_frame_address(0)) - 5 * 8;
#else
  const std::byte here{};  // covers the whole frame: fewer states are recognised
  asm volatile("" : : "r"(&here) : "memory");
  return &here - 512;
#endif
}

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_ENGINE_FIBER_H_
