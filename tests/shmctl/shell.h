// SPDX-License-Identifier: Apache-2.0
// Runs shmctl like a person does: through a shell, with its exit code and both outputs.
#ifndef MILLRACE_TESTS_SHMCTL_SHELL_H_
#define MILLRACE_TESTS_SHMCTL_SHELL_H_

#include <stdlib.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace millrace::testing {

struct Ran {
  int exit = -1;
  std::string out, err;
};

inline std::string Slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A private directory for rings and files, removed at the end. It is the current directory of the commands.
// `$S` is shmctl, which uses the rings in it.
class Shell {
 public:
  Shell() {
    char pattern[] = "/dev/shm/shmctl_test_XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  Shell(const Shell&) = delete;
  ~Shell() { std::filesystem::remove_all(directory_); }

  const std::string& directory() const { return directory_; }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  // Runs `script` in bash. A watchdog ends it after one minute.
  Ran Run(const std::string& script) const {
    const std::string file = path("script.sh");
    std::ofstream(file) << "S() { " MILLRACE_SHMCTL " \"$@\"; }\nS=" MILLRACE_SHMCTL "\nset +m\n"
                        << script << "\n";
    const std::string command = "cd " + directory_ + " && MILLRACE_DIR=" + directory_ +
                                " timeout -k 5 60 bash script.sh >stdout.txt 2>stderr.txt";
    const int status = system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), Slurp(path("stdout.txt")),
            Slurp(path("stderr.txt"))};
  }

 private:
  std::string directory_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SHMCTL_SHELL_H_
