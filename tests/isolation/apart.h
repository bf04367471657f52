// SPDX-License-Identifier: Apache-2.0
// Processes that live in their own namespaces, or run as another user.
#ifndef MILLRACE_TESTS_ISOLATION_APART_H_
#define MILLRACE_TESTS_ISOLATION_APART_H_

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/child.h"

// Prints the reason. ctest counts the skipped test, which has not passed.
#define MILLRACE_NEEDS_ROOT() \
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, for namespaces and other users"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

namespace millrace::testing {

// For children, where a failed assertion of the test framework would not be noticed.
inline void MustBe(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  _exit(96);
}

inline void WriteFile(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  MustBe(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
  close(fd);
}

// Moves this process into new namespaces (CLONE_NEW...). With a mount namespace, it finds `shared` at
// /dev/shm, like a container that was given this directory. With a user namespace, it is root there. With a
// time namespace, its monotonic clock is a day ahead. New PID and time namespaces apply only to its children.
inline void Unshare(int flags, const std::string& shared) {
  MustBe(unshare(flags) == 0, "unshare");
  if (flags & CLONE_NEWUSER) {
    WriteFile("/proc/self/setgroups", "deny");
    WriteFile("/proc/self/uid_map", "0 0 1");
    WriteFile("/proc/self/gid_map", "0 0 1");
  }
  if (flags & CLONE_NEWTIME) WriteFile("/proc/self/timens_offsets", "monotonic 86400 0\n");
  if ((flags & CLONE_NEWNS) == 0) return;
  MustBe(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
  MustBe(mount(shared.c_str(), "/dev/shm", nullptr, MS_BIND | MS_REC, nullptr) == 0, "bind /dev/shm");
}

// A process in its own namespaces. Its first line is "pid N", where N is its PID in
// this process's namespace, for KillAndWait.
class Apart {
 public:
  Apart(int flags, const std::string& shared, const std::function<int(const Child::Line&)>& body)
      : child_([&](const Child::Line& line) {
          Unshare(flags, shared);
          const pid_t inner = fork();
          MustBe(inner >= 0, "fork");
          if (inner == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int code = body(line);
            std::fflush(nullptr);
            _exit(code);
          }
          line.Say("pid " + std::to_string(inner));
          int status = 0;
          MustBe(waitpid(inner, &status, 0) == inner, "waitpid");
          return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }) {
    // Lines of the inner process may arrive before its PID.
    for (;;) {
      const std::string said = child_.Hear();
      if (said.rfind("pid ", 0) == 0) {
        inner_ = static_cast<pid_t>(std::atoi(said.c_str() + 4));
        return;
      }
      if (said.empty()) return;
      early_.push_back(said);
    }
  }
  void Say(const std::string& words) const { child_.Say(words); }
  std::string Hear() {
    if (early_.empty()) return child_.Hear();
    const std::string said = early_.front();
    early_.erase(early_.begin());
    return said;
  }
  // Kills the inner process, and waits until it is gone.
  int KillAndWait() {
    kill(inner_, SIGKILL);
    return child_.Wait();
  }
  int Wait() { return child_.Wait(); }

 private:
  Child child_;
  pid_t inner_ = -1;
  std::vector<std::string> early_;
};

// Switches this process to another user for good.
inline void Become(uid_t uid, gid_t gid, const std::vector<gid_t>& groups = {}) {
  MustBe(setgroups(groups.size(), groups.data()) == 0, "setgroups");
  MustBe(setgid(gid) == 0, "setgid");
  MustBe(setuid(uid) == 0, "setuid");
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // the change of user had cleared it
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_ISOLATION_APART_H_
