// SPDX-License-Identifier: Apache-2.0
// Promise: a wait for a missing ring can be ended by a signal handler, by another
// thread, or by the caller's own loop.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/internal/layout.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::ScratchName;
using testing::Watchdog;

std::atomic<bool> stopped{false};

// Returns once the process holds an inotify descriptor, which means that it waits for a ring.
void AwaitWaiting(pid_t pid) {
  for (;;) {
    for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"))) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone).string().find("inotify") != std::string::npos)
        return;
    }
    sched_yield();
  }
}

TEST(PromiseOpenWait, EndsWhenASignalHandlerAsksForIt) {
  for (const int flags : {0, SA_RESTART}) {
    const Watchdog watchdog("signal during Open");
    const ScratchName name;
    Child service([&](const Child::Line&) {
      struct sigaction action {};
      action.sa_flags = flags;
      action.sa_handler = [](int) { stopped = true; };
      sigaction(SIGTERM, &action, nullptr);
      const auto consumer =
          Consumer::Open(name, Delivery::Lossless(),
                         {.open_timeout = kForever, .cancel_open = [] { return stopped.load(); }});
      return ErrorOf(consumer.status()) == Error::kInterrupted ? 0 : 1;
    });
    AwaitWaiting(service.pid());
    service.Kill(SIGTERM);
    EXPECT_EQ(service.Wait(), 0);
  }
}

TEST(PromiseOpenWait, EndsWithAStopToken) {
  const Watchdog watchdog("stop token");
  const ScratchName name;
  std::jthread waiter([&](const std::stop_token& token) {
    const auto consumer =
        Consumer::Open(name, Delivery::Lossless(),
                       {.open_timeout = kForever, .cancel_open = [&] { return token.stop_requested(); }});
    EXPECT_EQ(ErrorOf(consumer.status()), Error::kInterrupted);
    EXPECT_NE(consumer.status().ToString().find(name.str()), std::string::npos);
  });
  AwaitWaiting(getpid());
  waiter.request_stop();
}

TEST(PromiseOpenWait, ContinuesWhileCancelOpenReturnsFalse) {
  const Watchdog watchdog("a loop");
  const ScratchName name;
  int turns = 0;
  const auto turn = [&] {
    if (++turns == 3) Must(SegmentManager().Create(name, {}));
    return false;
  };
  EXPECT_TRUE(
      Consumer::Open(name, Delivery::Lossless(), {.open_timeout = kForever, .cancel_open = turn}).ok());
  EXPECT_EQ(turns, 3);
}

// Bug: while another process held the locks of the free seats, as one does that is about to prune, the open
// said that the ring was removed, although it still had its name.
TEST(PromiseOpenWait, ContinuesWhileARemoverHoldsTheSeats) {
  const Watchdog watchdog("locked seats");
  const ScratchName name;
  Must(SegmentManager().Create(name, {}));
  int seats = open((name.path() + ".seats").c_str(), O_RDWR | O_CLOEXEC);
  struct flock all {};
  all.l_type = F_WRLCK;
  all.l_start = internal::kLockSeat;
  all.l_len = internal::kLockSeatsEnd - internal::kLockSeat;
  ASSERT_EQ(fcntl(seats, F_OFD_SETLK, &all), 0);
  int turns = 0;
  const auto turn = [&] {
    constexpr int kMoreThanReplacementsBear = 150;
    if (++turns == kMoreThanReplacementsBear) close(std::exchange(seats, -1));
    return false;
  };
  EXPECT_TRUE(Consumer::Open(name, Delivery::Lossless(), {.cancel_open = turn}).ok());
  EXPECT_EQ(seats, -1);
}

TEST(PromiseOpenWait, CallsCancelOpenOnlyWhileItWaits) {
  const ScratchName name;
  const auto never = [] {
    ADD_FAILURE() << "it does not wait";
    return true;
  };
  EXPECT_EQ(ErrorOf(Consumer::Open(name, Delivery::Lossless(), {.cancel_open = never}).status()),
            Error::kNotFound);
  Must(SegmentManager().Create(name, {}));
  EXPECT_TRUE(
      Consumer::Open(name, Delivery::Lossless(), {.open_timeout = kForever, .cancel_open = never}).ok());
}

}  // namespace
}  // namespace millrace
