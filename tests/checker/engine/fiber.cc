// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/engine/fiber.h"

#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#define MILLRACE_CHECKER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MILLRACE_CHECKER_ASAN 1
#endif
#endif
#ifdef MILLRACE_CHECKER_ASAN
#include <sanitizer/asan_interface.h>
// Locals must lie on the stack that is hashed.
extern "C" const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }
#endif

namespace millrace::checker {

void Fiber::Prepare(void (*entry)()) {
  if (!stack_) stack_ = std::make_unique<std::byte[]>(kStackBytes);
#ifdef MILLRACE_CHECKER_ASAN
  __asan_unpoison_memory_region(stack_.get(), kStackBytes);  // frames that were left without unwinding
#endif
  std::memset(stack_.get() + kStackBytes - kSweptBytes, 0, kSweptBytes);
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
  running_ = false;
  low_ = nullptr;
  hash_ = 0;
}

void Fiber::Switch(Fiber& from, Fiber& to) {
#ifdef MILLRACE_CHECKER_ASAN
  to.running_ = true;
  swapcontext(&from.context_, &to.context_);
#else
  // _setjmp saves no signal mask and so makes no system call. A context is only needed for the first entry.
  if (_setjmp(from.resume_) != 0) return;
  if (to.running_) _longjmp(to.resume_, 1);
  to.running_ = true;
  setcontext(&to.context_);
#endif
}

// Reads dead slots and red zones as well.
[[gnu::no_sanitize("address")]] uint64_t Fiber::Hash() const {
  if (!running_) return 2;  // has not begun
  if (hash_ != 0) return hash_;
  const auto* at = static_cast<const uint64_t*>(low_);
  const auto* const end = reinterpret_cast<const uint64_t*>(stack_.get() + kStackBytes);
  constexpr uint64_t kPrime = 0x9fb21c651e98df25ull;
  const auto mix = [](uint64_t h, uint64_t word) {
    h = (h ^ word) * kPrime;
    return h ^ h >> 32;
  };
  uint64_t h = static_cast<uint64_t>(end - at);
  uint64_t lanes[4] = {1, 2, 3, 4};  // independent of each other, so that the CPU multiplies them in parallel
  for (; at + 4 <= end; at += 4) {
    for (int i = 0; i < 4; ++i) lanes[i] = mix(lanes[i], at[i]);
  }
  for (; at < end; ++at) h = mix(h, *at);
  for (const uint64_t lane : lanes) h = mix(h, lane);
  return hash_ = h | 1;
}

void Fiber::Sweep() {
  std::byte below[4096];
  std::memset(below, 0, sizeof below);
  asm volatile("" : : "r"(below) : "memory");
}

}  // namespace millrace::checker
