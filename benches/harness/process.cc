// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/process.h"

#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "benches/harness/shared_memory.h"

namespace millrace::bench {
namespace {

volatile sig_atomic_t interrupted = 0;
pid_t driver = 0;
unsigned names = 0;

std::vector<int> AllowedCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cores;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) cores.push_back(i);
  }
  return cores;
}

}  // namespace

const std::vector<int>& Cores() {
  static const std::vector<int> cores = AllowedCores();
  return cores;
}

int CoreOfProducer() { return Cores().front(); }

int CoreOfConsumer(int index) {
  if (Cores().size() == 1) return Cores().front();
  return Cores()[1 + static_cast<size_t>(index) % (Cores().size() - 1)];
}

bool Oversubscribed(int consumers) { return static_cast<size_t>(consumers) + 1 > Cores().size(); }

std::string PinningInWords() {
  std::string words = "producer on core " + std::to_string(CoreOfProducer());
  if (Cores().size() == 1) return words + ", consumers on the same one: there is no other";
  words += ", first consumer on core " + std::to_string(CoreOfConsumer(0));
  if (Cores().size() == 2) return words + ", further consumers on the same one (2 cores in all)";
  return words + ", further consumers on the next ones in turn";
}

void PinTo(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    throw std::runtime_error("cannot pin to core " + std::to_string(core));
}

pid_t Spawn(int core, const std::function<void()>& body, char* failure, size_t failure_bytes) {
  Cores();               // reads the allowed cores before PinTo narrows them
  std::fflush(nullptr);  // otherwise the child would print buffered output again
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  int code = 1;
  try {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);  // Ctrl-C reaches all processes: the driver alone decides
    signal(SIGTERM, SIG_DFL);
    PinTo(core);
    SharedMemory::TouchAll();
    body();
    code = 0;
  } catch (const std::exception& e) {
    if (failure != nullptr) std::snprintf(failure, failure_bytes, "%s", e.what());
  }
  std::exit(code);  // not _exit: some rivals leave their daemon in a static destructor
}

bool Reap(pid_t child, double at_most_seconds) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                        std::chrono::duration<double>(at_most_seconds));
  int status = 0;
  for (;;) {
    const pid_t got = waitpid(child, &status, WNOHANG);
    if (got == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (got < 0) return false;
    if (Clock::now() > deadline) break;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return false;
}

void InstallInterruptHandlers() {
  driver = getpid();
  NamePrefix();
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void ThrowIfInterrupted() {
  if (interrupted != 0) throw std::runtime_error("interrupted");
}

std::string NamePrefix() {
  static const std::string prefix = "millrace-bench-" + std::to_string(getpid()) + "-";
  return prefix;
}

std::string UniqueName() {
  // A child has its own counter, so its names need its PID to differ from the driver's next names.
  std::string name = NamePrefix();
  if (getpid() != driver) name.append(std::to_string(getpid())).append("-");
  return name.append(std::to_string(names++));
}

void RemoveLeftovers() {
  if (getpid() != driver) return;
  for (const char* directory : {"/dev/shm", "/dev/mqueue", "/tmp"}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      // Some names of the library's files begin with a dot before the prefix.
      const std::string name = entry.path().filename().string();
      if (name.find(NamePrefix()) == std::string::npos) continue;
      std::filesystem::remove(entry.path(), error);
    }
  }
  for (unsigned i = 0; i < names; ++i) mq_unlink(("/" + NamePrefix() + std::to_string(i)).c_str());
}

}  // namespace millrace::bench
