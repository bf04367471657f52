// SPDX-License-Identifier: Apache-2.0
// A directory that only this test uses, by default in /dev/shm, so that a test can see every remaining file.
// The destructor removes it.
#ifndef MILLRACE_TESTS_SUPPORT_SCRATCH_DIR_H_
#define MILLRACE_TESTS_SUPPORT_SCRATCH_DIR_H_

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>

namespace millrace::testing {

class ScratchDir {
 public:
  explicit ScratchDir(const std::string& parent = "/dev/shm")
      : path_(parent + "/millrace_dir_XXXXXX"), owner_(getpid()) {
    if (mkdtemp(path_.data()) == nullptr) abort();
  }
  ScratchDir(const ScratchDir&) = delete;
  ~ScratchDir() {
    std::error_code ignored;
    if (getpid() == owner_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::set<std::string> Entries() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names.insert(entry.path().filename());
    return names;
  }

 private:
  std::string path_;
  pid_t owner_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_SCRATCH_DIR_H_
