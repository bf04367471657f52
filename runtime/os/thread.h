// SPDX-License-Identifier: Apache-2.0
// Threads: starting the library's own, and protecting calls from cancellation of the program's.
#ifndef MILLRACE_RUNTIME_OS_THREAD_H_
#define MILLRACE_RUNTIME_OS_THREAD_H_

#include <pthread.h>

#include "absl/status/status.h"

namespace millrace::os {

// Runs body(argument) in a detached thread, which does not keep the process alive. The thread blocks all
// signals except those that its own instructions raise (SIGBUS, SIGSEGV, ...), so that the program's handlers
// do not run there for other signals. Call KeepLoaded() (module.h) before it, outside of the fork guard: the
// thread may outlive a plug-in that is unloaded. `what` begins
// the error text.
absl::Status StartThread(const char* name, void (*body)(void*), void* argument, const char* what);

// Postpones a pthread_cancel() of this thread while it lives. Calls on handles are noexcept, so a
// cancellation inside one would end the process. Therefore every system call below them that is a
// cancellation point runs while a NoCancel lives.
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
