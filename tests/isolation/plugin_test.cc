// SPDX-License-Identifier: Apache-2.0
// A program unloads a plug-in with the library inside. Code that may still run or be called must stay loaded.
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/isolation/apart.h"
#include "tests/support/must.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::ScratchDir;
using testing::Watchdog;

using Call = int (*)(const char*);

// Loads the plug-in, calls it and unloads it.
int UseAndUnload(const char* call, const char* directory) {
  void* const plugin = dlopen(MILLRACE_TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) return 100;
  const auto entry = reinterpret_cast<Call>(dlsym(plugin, call));
  if (entry == nullptr) return 101;
  if (const int result = entry(directory); result != 0) return result;
  return dlclose(plugin) == 0 ? 0 : 102;
}
bool Loaded() { return dlopen(MILLRACE_TEST_PLUGIN, RTLD_NOW | RTLD_NOLOAD) != nullptr; }

int ForkOnce() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  int status = 0;
  return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

class IsolationPlugIn : public ::testing::Test {
 protected:
  int InAHost(const std::function<int(const char*)>& host) {
    Child child([&](const Child::Line&) { return host(dir_.path().c_str()); });
    return child.Wait();
  }
  const Watchdog watchdog_{"plug-in"};
  const ScratchDir dir_;
  const Producer producer_ = Must(Producer::Create("q", {}, {.directory = dir_.path()}));
};

TEST_F(IsolationPlugIn, ADestroyedHandleLeavesNothing) {
  EXPECT_EQ(InAHost([](const char* directory) {
              for (int i = 0; i < 3; ++i) {
                if (const int result = UseAndUnload("plugin_read", directory); result != 0) return result;
                if (Loaded()) return 1;
                if (ForkOnce() != 0) return 2;  // runs the handlers that the plug-in has set
              }
              return 0;
            }),
            0);
}

// The thread that watches rings for descriptors ends some time after the last descriptor is closed.
TEST_F(IsolationPlugIn, StaysLoadedWhileItsThreadMayRun) {
  EXPECT_EQ(InAHost([](const char* directory) {
              if (const int result = UseAndUnload("plugin_wait_by_descriptor", directory); result != 0)
                return result;
              if (!Loaded()) return 1;
              return ForkOnce();
            }),
            0);
}

TEST_F(IsolationPlugIn, StaysLoadedWhileItsSignalHandlerIsInstalled) {
  EXPECT_EQ(InAHost([](const char* directory) {
              if (const int result = UseAndUnload("plugin_guard", directory); result != 0) return result;
              if (!Loaded()) return 1;
              raise(SIGBUS);  // passed on to the default action, which ends this process
              return 2;
            }),
            128 + SIGBUS);
}

}  // namespace
}  // namespace millrace
