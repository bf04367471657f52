// SPDX-License-Identifier: Apache-2.0
// Keeps a forked child from inheriting locks and working handles.
//
// One process-wide mutex (the fork guard) is held while a descriptor that holds a lock is open. A
// pthread_atfork prepare handler takes it too. So no child inherits such a descriptor, whose lock it would
// keep as long as it lives. The child handler calls InForkedChild() of every registered handle, whose calls
// then fail with kForked.
#ifndef MILLRACE_RUNTIME_OS_FORK_H_
#define MILLRACE_RUNTIME_OS_FORK_H_

#include <mutex>

namespace millrace::os {

// Holds the fork guard: while it lives, no other thread of this process can fork. Hold it briefly, and call
// no code of the program while you do.
class ForkGuard {
 public:
  ForkGuard();  // Waits while other threads fork or hold the guard.
  // Never waits. For calls that must not wait: they check held() and try again later.
  explicit ForkGuard(std::try_to_lock_t);
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  bool held() const { return held_; }

 private:
  bool held_ = true;
};

// A handle that must learn that a forked child inherited it. It has a ForkRegistration as its last member.
class ForkAware {
 public:
  virtual ~ForkAware() = default;
  // Runs in the child before fork() returns there. Does async-signal-safe work only: no locks, no allocation.
  virtual void InForkedChild() noexcept = 0;
};

// Makes every forked child call InForkedChild() of `handle`, for as long as this lives. Declare it as the last
// member of the handle. Another thread may fork while the handle is constructed or destroyed. The last member
// is constructed after all others and destroyed before them, so the call finds every member alive. The address
// of the handle must not change.
class ForkRegistration {
 public:
  explicit ForkRegistration(ForkAware* handle);
  ~ForkRegistration();
  ForkRegistration(const ForkRegistration&) = delete;

 private:
  friend struct ForkRegistry;
  ForkAware* const handle_;
  ForkRegistration* next_ = nullptr;
  ForkRegistration* previous_ = nullptr;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_FORK_H_
