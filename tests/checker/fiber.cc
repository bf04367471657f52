#include "tests/checker/fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define MILLRACE_CHECKER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MILLRACE_CHECKER_ASAN 1
#endif
#endif
#ifdef MILLRACE_CHECKER_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace millrace::checker {

void Fiber::Prepare(void (*entry)()) {
  if (!stack_) stack_ = std::make_unique<std::byte[]>(kStackBytes);
#ifdef MILLRACE_CHECKER_ASAN
  __asan_unpoison_memory_region(stack_.get(), kStackBytes);  // frames that were left without unwinding
#endif
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
  running_ = false;
}

void Fiber::Switch(Fiber& from, Fiber& to) {
#ifdef MILLRACE_CHECKER_ASAN
  to.running_ = true;
  swapcontext(&from.context_, &to.context_);
#else
  // _setjmp saves no signal mask and so makes no system call; a context is only needed for the first entry.
  if (_setjmp(from.resume_) != 0) return;
  if (to.running_) _longjmp(to.resume_, 1);
  to.running_ = true;
  setcontext(&to.context_);
#endif
}

}  // namespace millrace::checker
