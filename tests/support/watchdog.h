// SPDX-License-Identifier: Apache-2.0
// Ends a test that hangs and prints its name to stderr. Every test that can block owns a Watchdog.
#ifndef MILLRACE_TESTS_SUPPORT_WATCHDOG_H_
#define MILLRACE_TESTS_SUPPORT_WATCHDOG_H_

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace millrace::testing {

// Only one may exist at a time, because it uses alarm(2). A forked child does not inherit the alarm; the
// child dies with its parent (child.h).
class Watchdog {
 public:
  explicit Watchdog(const char* what, unsigned seconds = 60) {
    std::snprintf(what_, sizeof what_, "watchdog: %s hangs\n", what);
    signal(SIGALRM, [](int) {
      if (write(STDERR_FILENO, what_, std::strlen(what_)) < 0) _exit(99);
      _exit(99);
    });
    alarm(seconds);
  }
  Watchdog(const Watchdog&) = delete;
  ~Watchdog() {
    alarm(0);
    signal(SIGALRM, SIG_DFL);
  }

 private:
  static inline char what_[200];
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_WATCHDOG_H_
