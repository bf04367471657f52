// fork(): what a child must not inherit.
//
// One process-wide mutex, also taken by a pthread_atfork prepare handler, so that no fork falls between
// opening and closing a descriptor that holds a lock (the child would keep that lock for its life). The child
// handler calls every registered handle, so that it answers kForked from then on.
#ifndef MILLRACE_RUNTIME_OS_FORK_H_
#define MILLRACE_RUNTIME_OS_FORK_H_

#include <mutex>

namespace millrace::os {

// While it lives no other thread of this process can fork. Keep it short, and call nothing of the program's.
class ForkGuard {
 public:
  ForkGuard();  // Waits for other threads that fork or hold it.
  // Never waits: for calls that must not, which look at held() and come again later.
  explicit ForkGuard(std::try_to_lock_t);
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  bool held() const { return held_; }

 private:
  bool held_ = true;
};

// A handle that must know that it was inherited. Registered for its life; the address must not change.
// Another thread may fork while a derived constructor or destructor runs, so InForkedChild() may meet members
// that are not there yet or no longer: it stores to its own members and follows no pointer.
class ForkAware {
 public:
  ForkAware();
  virtual ~ForkAware();
  ForkAware(const ForkAware&) = delete;
  // In the child, before fork() returns there: async-signal-safe work only, no locks, no allocation.
  // Not pure: it is what a fork meets in the moments when only this base exists.
  virtual void InForkedChild() noexcept {}

 private:
  friend struct ForkRegistry;
  ForkAware* next_ = nullptr;
  ForkAware* previous_ = nullptr;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_FORK_H_
