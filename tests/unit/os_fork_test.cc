// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/fork.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace millrace::os {
namespace {

class Handle : public ForkAware {
 public:
  void InForkedChild() noexcept override { ++calls; }
  int calls = 0;
  const ForkRegistration registration{this};
};

// Runs `body` in a forked child and returns the child's exit status.
template <class Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class UnitOsFork : public testing::Test {
 protected:
  void SetUp() override { alarm(60); }  // a watchdog, because these tests could deadlock
  void TearDown() override { alarm(0); }
};

TEST_F(UnitOsFork, EveryHandleIsNotifiedInTheChildAndNoneInTheParent) {
  std::vector<std::unique_ptr<Handle>> handles;
  for (int i = 0; i < 5; ++i) handles.push_back(std::make_unique<Handle>());
  EXPECT_EQ(InChild([&] {
              int told = 0;
              for (const auto& handle : handles) told += handle->calls;
              return told;
            }),
            5);
  for (const auto& handle : handles) EXPECT_EQ(handle->calls, 0);
}

TEST_F(UnitOsFork, HandlesLeaveInAnyOrder) {
  for (int gone = 0; gone < 3; ++gone) {
    std::vector<std::unique_ptr<Handle>> handles;
    for (int i = 0; i < 3; ++i) handles.push_back(std::make_unique<Handle>());
    handles[gone].reset();
    const int told = InChild([&] {
      int sum = 0;
      for (const auto& handle : handles) sum += handle ? handle->calls : 0;
      return sum;
    });
    EXPECT_EQ(told, 2) << gone;
  }
}

TEST_F(UnitOsFork, TheRegistryWorksInTheChild) {
  auto inherited = std::make_unique<Handle>();
  EXPECT_EQ(InChild([&] {
              inherited.reset();
              Handle own;
              { const ForkGuard guard; }
              const int in_grandchild = InChild([&] { return own.calls == 1 ? 7 : 8; });
              return in_grandchild == 7 && own.calls == 0 ? 0 : 1;
            }),
            0);
}

TEST_F(UnitOsFork, AGrandchildNotifiesInheritedHandlesAgain) {
  Handle handle;
  EXPECT_EQ(InChild([&] { return InChild([&] { return handle.calls; }); }), 2);
}

bool Sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  return name_end != std::string::npos && line.compare(name_end, 3, ") S") == 0;
}

TEST_F(UnitOsFork, NoForkFallsWithinTheGuard) {
  std::atomic<bool> inside = false;
  std::atomic<pid_t> forker = 0;
  std::atomic<bool> forked = false;
  int seen_inside = -1;
  std::thread thread;
  {
    const ForkGuard guard;
    inside = true;
    thread = std::thread([&] {
      forker = static_cast<pid_t>(syscall(SYS_gettid));
      seen_inside = InChild([&] { return inside ? 1 : 0; });
      forked = true;
    });
    // Waits until the guard has stopped the forking thread. Without a guard the thread would have forked.
    while (forker == 0 || !(Sleeps(forker) || forked)) sched_yield();
    EXPECT_FALSE(forked);
    inside = false;
  }
  thread.join();
  EXPECT_EQ(seen_inside, 0);
}

int child_of_handler = -1;

TEST_F(UnitOsFork, ASignalHandlerMayForkWhileItsThreadHoldsTheGuard) {
  Handle handle;
  struct sigaction action {};
  action.sa_handler = [](int) { child_of_handler = InChild([] { return 3; }); };
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  {
    const ForkGuard guard;
    raise(SIGUSR1);
  }
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(child_of_handler, 3);
  EXPECT_EQ(InChild([&] { return handle.calls; }), 1);
}

// Forks in its constructor and destructor, as another thread could do there.
struct Forks {
  explicit Forks(int* ends) : ends_(ends) {
    *ends_ += InChild([] { return 1; });
  }
  ~Forks() {
    *ends_ += InChild([] { return 10; });
  }
  int* const ends_;
};

class HandleThatFollowsAPointer final : public ForkAware {
 public:
  explicit HandleThatFollowsAPointer(int* ends) : before_(ends), calls_(new int(0)), after_(ends) {}
  void InForkedChild() noexcept override { ++*calls_; }

 private:
  Forks before_;
  const std::unique_ptr<int> calls_;
  Forks after_;
  const ForkRegistration registration_{this};
};

// Bug: a handle was registered before its members existed, and until after they were destroyed. A child
// forked at that moment followed their pointers.
TEST_F(UnitOsFork, AChildFollowsNoPointerOfAHalfMadeHandle) {
  int ends = 0;
  alignas(HandleThatFollowsAPointer) std::byte place[sizeof(HandleThatFollowsAPointer)];
  std::fill(std::begin(place), std::end(place), std::byte{0x5a});  // pointers here lead nowhere
  auto* const handle = new (place) HandleThatFollowsAPointer(&ends);
  EXPECT_EQ(ends, 2);
  handle->~HandleThatFollowsAPointer();
  EXPECT_EQ(ends, 22);
}

TEST_F(UnitOsFork, ManyThreadsAndForks) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        Handle handle;
        const ForkGuard guard;
      }
    });
  }
  Handle handle;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(InChild([&] {
                Handle in_child;
                return handle.calls;
              }),
              1);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace millrace::os
