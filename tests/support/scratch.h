// SPDX-License-Identifier: Apache-2.0
// Unique ring names for tests that run in parallel; the files are removed at the end.
#ifndef MILLRACE_TESTS_SUPPORT_SCRATCH_H_
#define MILLRACE_TESTS_SUPPORT_SCRATCH_H_

#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "millrace/millrace.h"

namespace millrace::testing {

// A ring name that only this test uses. The destructor removes the files with this name, if they exist.
class ScratchName {
 public:
  explicit ScratchName(const std::string& stem = "test")
      : name_(absl::StrCat("millrace_", stem, "_", getpid(), "_", counter_++)), owner_(getpid()) {}
  ScratchName(const ScratchName&) = delete;
  ~ScratchName() {
    if (getpid() != owner_) return;  // a forked child that returns is not the owner
    for (const char* suffix : {".ring", ".seats", ".lock"}) unlink((path() + suffix).c_str());
  }
  const std::string& str() const { return name_; }
  operator const std::string&() const { return name_; }  // NOLINT(google-explicit-constructor)
  operator std::string_view() const { return name_; }    // NOLINT(google-explicit-constructor)
  std::string path() const { return absl::StrCat("/dev/shm/", name_); }  // without suffix

 private:
  static inline std::atomic<int> counter_{0};
  std::string name_;
  pid_t owner_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_SCRATCH_H_
