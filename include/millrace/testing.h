// SPDX-License-Identifier: Apache-2.0
// For the tests of programs that use millrace: a ring name of its own for each test, removed afterwards.
#ifndef MILLRACE_TESTING_H_
#define MILLRACE_TESTING_H_

#include "millrace/internal/compiler.h"  // first

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "millrace/segment_manager.h"

namespace millrace {

// A ring name that no other test uses, in this process or another, so that tests can run in parallel. The
// destructor removes the ring of that name, but only in the process that made the name, not in a forked
// child.
class ScopedRing {
 public:
  explicit ScopedRing(std::string_view stem = "test", std::string directory = "/dev/shm")
      : directory_(std::move(directory)), owner_(getpid()) {
    static std::atomic<unsigned> counter{0};
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    name_ = std::string(stem) + "-" + std::to_string(owner_) + "-" + std::to_string(counter++) + "-" +
            std::to_string(now % 1'000'000'000);
  }
  ScopedRing(const ScopedRing&) = delete;
  ScopedRing& operator=(const ScopedRing&) = delete;
  ~ScopedRing() {
    if (getpid() == owner_)
      SegmentManager(directory_).Unlink(name_, SegmentManager::Force::kYes).IgnoreError();
  }

  const std::string& name() const { return name_; }
  operator std::string_view() const {
    return name_;
  }  // NOLINT(google-explicit-constructor): it stands for the name

 private:
  std::string directory_, name_;
  pid_t owner_;
};

}  // namespace millrace

#endif  // MILLRACE_TESTING_H_
