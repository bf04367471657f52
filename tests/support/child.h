// SPDX-License-Identifier: Apache-2.0
// Real processes for tests: forked, controlled over pipes, killed by real signals, and always reaped.
#ifndef MILLRACE_TESTS_SUPPORT_CHILD_H_
#define MILLRACE_TESTS_SUPPORT_CHILD_H_

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

namespace millrace::testing {

// Parent and child exchange lines of text, so no test sleeps to synchronise.
class Child {
 public:
  // The child's end of the two pipes to its parent.
  class Line {
   public:
    Line(int in, int out) : in_(in), out_(out) {}
    void Say(const std::string& words) const {
      const std::string line = words + "\n";
      if (write(out_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(97);
    }
    std::string Hear() const { return ReadLine(in_, 60'000).value_or(""); }

   private:
    int in_, out_;
  };

  // Runs `body` in a forked process, which exits with the value that `body`
  // returns. The child dies with its parent.
  explicit Child(const std::function<int(const Line&)>& body) {
    int to_child[2], to_parent[2];
    if (pipe(to_child) != 0 || pipe(to_parent) != 0) abort();
    fflush(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) abort();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(98);
      close(to_child[1]);
      close(to_parent[0]);
      const int code = body(Line(to_child[0], to_parent[1]));
      fflush(nullptr);
      _exit(code);
    }
    close(to_child[0]);
    close(to_parent[1]);
    out_ = to_child[1];
    in_ = to_parent[0];
  }
  Child(const Child&) = delete;
  ~Child() {
    Kill(SIGKILL);
    Wait();
    close(in_);
    close(out_);
  }

  pid_t pid() const { return pid_; }
  void Say(const std::string& words) const {
    const std::string line = words + "\n";
    if (write(out_, line.data(), line.size()) < 0) perror("write to child");
  }
  // Returns the child's next line, or "" if the child ended or wrote nothing within `timeout_ms`.
  std::string Hear(int timeout_ms = 60'000) const { return ReadLine(in_, timeout_ms).value_or(""); }
  void Kill(int signal = SIGKILL) const {
    if (!reaped_) kill(pid_, signal);
  }
  // Waits for the child's end. Returns its exit code, or 128 + signal.
  int Wait() {
    if (reaped_) return code_;
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_;
  }

 private:
  static std::optional<std::string> ReadLine(int fd, int timeout_ms) {
    std::string line;
    for (;;) {
      pollfd ready{fd, POLLIN, 0};
      const int n = poll(&ready, 1, timeout_ms);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      char c;
      const ssize_t got = read(fd, &c, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return std::nullopt;
      if (c == '\n') return line;
      line.push_back(c);
    }
  }

  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  bool reaped_ = false;
  int code_ = 0;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_CHILD_H_
