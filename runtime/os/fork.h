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

// Base of a handle that must learn that a forked child inherited it. It is registered from construction to
// destruction, so its address must not change.
class ForkAware {
 public:
  ForkAware();
  virtual ~ForkAware();
  ForkAware(const ForkAware&) = delete;
  // Runs in the child before fork() returns there. Does async-signal-safe work only: no locks, no allocation.
  // Another thread may fork while a derived constructor or destructor runs. The derived members may then not
  // exist yet, or no longer: store to own members only and follow no pointer. Not pure virtual, because a
  // fork calls this version while only the base exists.
  virtual void InForkedChild() noexcept {}

 private:
  friend struct ForkRegistry;
  ForkAware* next_ = nullptr;
  ForkAware* previous_ = nullptr;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_FORK_H_
