// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cpu_sharing.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "tests/support/child.h"

namespace millrace::internal {
namespace {

// Restricts this process to one CPU. The destructor restores the CPUs it may use.
class OnOneCpu {
 public:
  OnOneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &before_)) continue;
      CPU_SET(cpu, &one);
      break;
    }
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof before_, &before_); }
  OnOneCpu(const OnOneCpu&) = delete;

 private:
  cpu_set_t before_;
};

TEST(UnitCpuSharing, LetsThreadsOnTheSameCpuRun) {
  const OnOneCpu here;
  const testing::Child other([](const testing::Child::Line&) -> int {
    for (;;) asm volatile("");
  });
  CpuSharing sharing;
  int64_t given = 0;
  const int64_t start = os::MonotonicNs();
  // The loop reports 32 looks about every microsecond. The other thread never sleeps.
  while (given == 0 && os::MonotonicNs() - start < 10'000'000'000) {
    const int64_t round = os::MonotonicNs();
    while (os::MonotonicNs() - round < 1'000) continue;
    given += sharing.AfterLooks(32);
  }
  EXPECT_GT(given, 0) << "never yielded, or the other did not run";
  EXPECT_LE(given, os::MonotonicNs() - start);
}

}  // namespace
}  // namespace millrace::internal
