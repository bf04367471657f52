#include "runtime/api/shared_core.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "tests/support/child.h"

namespace millrace::api {
namespace {

// Restricts this process to one CPU. The destructor restores the CPUs it may use.
class OnOneCore {
 public:
  OnOneCore() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (!CPU_ISSET(core, &before_)) continue;
      CPU_SET(core, &one);
      break;
    }
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnOneCore() { sched_setaffinity(0, sizeof before_, &before_); }
  OnOneCore(const OnOneCore&) = delete;

 private:
  cpu_set_t before_;
};

TEST(SharedCore, LetsWhoeverSharesItsCoreRun) {
  const OnOneCore here;
  const testing::Child other([](const testing::Child::Line&) -> int {
    for (;;) asm volatile("");
  });
  SharedCore core;
  int64_t given = 0;
  const int64_t start = os::MonotonicNs();
  // The loop reports 32 looks about every microsecond. The other thread never sleeps.
  while (given == 0 && os::MonotonicNs() - start < 10'000'000'000) {
    const int64_t round = os::MonotonicNs();
    while (os::MonotonicNs() - round < 1'000) continue;
    given += core.AfterLooks(32);
  }
  EXPECT_GT(given, 0) << "never yielded, or the other did not run";
  EXPECT_LE(given, os::MonotonicNs() - start);
}

}  // namespace
}  // namespace millrace::api
