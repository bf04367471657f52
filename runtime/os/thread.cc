// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/thread.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <memory>

#include "runtime/os/failure.h"
#include "runtime/os/module.h"

namespace millrace::os {
namespace {

// Signals that a thread's own instruction raises. If they were blocked, such a signal would end the process
// before any handler runs, including the SIGBUS guard.
constexpr int kFaults[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

struct Start {
  const char* name;
  void (*body)(void*);
  void* argument;
};

void* Run(void* start) {
  const Start copy = *std::unique_ptr<Start>(static_cast<Start*>(start));
  pthread_setname_np(pthread_self(), copy.name);
  copy.body(copy.argument);
  return nullptr;
}

}  // namespace

absl::Status StartThread(const char* name, void (*body)(void*), void* argument, const char* what) {
  auto start = std::make_unique<Start>(Start{name, body, argument});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t blocked, before;
  sigfillset(&blocked);
  for (const int fault : kFaults) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);  // The new thread inherits this mask.
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, &Run, start.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == EAGAIN) {
    return SystemFailure(error, std::string(what) + ": pthread_create",
                         "raise the limit of threads (ulimit -u, the cgroup's pids.max, kernel.threads-max)");
  }
  if (error != 0) return SystemFailure(error, std::string(what) + ": pthread_create");
  (void)start.release();
  return absl::OkStatus();
}

}  // namespace millrace::os
