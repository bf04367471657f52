// A thread of the library's own, which its program need not know of.
#ifndef MILLRACE_RUNTIME_OS_THREAD_H_
#define MILLRACE_RUNTIME_OS_THREAD_H_

#include "absl/status/status.h"

namespace millrace::os {

// Runs body(argument) in a detached thread. All signals are blocked there but those that a fault of its own
// raises (SIGBUS, SIGSEGV ...), so that no handler of the program runs there for anything else. The thread
// does not keep the process alive. `what`: for the error text.
absl::Status StartThread(const char* name, void (*body)(void*), void* argument, const char* what);

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_THREAD_H_
