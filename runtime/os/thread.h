// Threads: the library's own, of which its program need not know, and the program's, which it may cancel.
#ifndef MILLRACE_RUNTIME_OS_THREAD_H_
#define MILLRACE_RUNTIME_OS_THREAD_H_

#include <pthread.h>

#include "absl/status/status.h"

namespace millrace::os {

// Runs body(argument) in a detached thread. All signals are blocked there but those that a fault of its own
// raises (SIGBUS, SIGSEGV ...), so that no handler of the program runs there for anything else. The thread
// does not keep the process alive. The shared object with its code stays loaded. `what`: for the error text.
absl::Status StartThread(const char* name, void (*body)(void*), void* argument, const char* what);

// While it lives, a pthread_cancel() of this thread waits. Calls on handles are noexcept: a cancellation that
// acts inside one ends the process. So each system call below them that is a cancellation point stands under
// this.
class NoCancel {
 public:
  NoCancel() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~NoCancel() { pthread_setcancelstate(before_, nullptr); }
  NoCancel(const NoCancel&) = delete;

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_THREAD_H_
