// SPDX-License-Identifier: Apache-2.0
// A directory for the tests of files, and children that report what they saw.
#ifndef MILLRACE_TESTS_UNIT_OS_SCRATCH_H_
#define MILLRACE_TESTS_UNIT_OS_SCRATCH_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/os/limits.h"
#include "runtime/os/new_file.h"

namespace millrace::os {

inline constexpr uint64_t kMiB = 1 << 20;
inline constexpr uint64_t kPage = 4096;

inline std::string TextOf(const absl::Status& status) { return std::string(status.message()); }

// Runs `body` in a child and returns the string that `body` returned, or
// "died" if the child ended before that.
template <class Body>
std::string InChild(Body body) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string result = body();
    _exit(write(ends[1], result.data(), result.size()) == static_cast<ssize_t>(result.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string result;
  char chunk[512];
  for (ssize_t got; (got = read(ends[0], chunk, sizeof chunk)) > 0;)
    result.append(chunk, static_cast<size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? result : "died: " + std::to_string(status);
}

// Returns cause and text of a status as one string, which a child can pass to its parent.
inline std::string Told(const absl::Status& status) {
  return std::string(ToString(ErrorOf(status))) + "|" + TextOf(status);
}

// A directory of its own in /dev/shm, removed after the test.
class Scratch : public testing::Test {
 protected:
  void SetUp() override {
    alarm(60);
    std::string name = "/dev/shm/millrace-scratch-test-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_);
    alarm(0);
  }

  std::string At(const std::string& name) const { return directory_ + "/" + name; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  NewFile Make(uint64_t bytes = 0, mode_t mode = 0600) const {
    NewFile file = NewFile::Create(directory_, mode, {}).value();
    EXPECT_TRUE(Reserve(file.fd().get(), bytes, directory_, "test").ok());
    return file;
  }

  std::string directory_;
};

// Runs `body(directory)` in a child that has its own tmpfs of 1 MiB. The tmpfs ends with the child.
template <class Body>
std::string OnSmallTmpfs(const std::string& directory, Body body) {
  return InChild([&]() -> std::string {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m") != 0) {
      return "no tmpfs";
    }
    return body(directory);
  });
}

}  // namespace millrace::os

#endif  // MILLRACE_TESTS_UNIT_OS_SCRATCH_H_
