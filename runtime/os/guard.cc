#include "runtime/os/guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "runtime/os/failure.h"

namespace millrace::os {
namespace {

// Read by a signal handler, so: no locks, no allocation, each field on its own atomic. `base` is written last
// when a range is added and first when it goes.
struct Range {
  std::atomic<uintptr_t> base{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<bool> write{false};
  std::atomic<bool> faulted{false};
};
constexpr int kRanges = 1024;
Range ranges[kRanges];
std::atomic<int> ranges_used{0};  // only grows: the handler and Faulted stop here
std::atomic<uint32_t> faults{0};
std::atomic<bool> installed{false};
struct sigaction previous;

Range* Find(uintptr_t address) {
  const int used = ranges_used.load(std::memory_order_acquire);
  for (int i = 0; i < used; ++i) {
    const uintptr_t base = ranges[i].base.load(std::memory_order_acquire);
    if (base > 1 && address >= base && address - base < ranges[i].bytes.load(std::memory_order_relaxed))
      return &ranges[i];
  }
  return nullptr;
}

bool Repair(uintptr_t address) {
  Range* const range = Find(address);
  if (range == nullptr) return false;
  const uintptr_t page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  void* const page = reinterpret_cast<void*>(address & ~(page_bytes - 1));
  const int protection = PROT_READ | (range->write.load(std::memory_order_relaxed) ? PROT_WRITE : 0);
  if (mmap(page, page_bytes, protection, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
    return false;
  range->faulted.store(true, std::memory_order_release);
  faults.fetch_add(1, std::memory_order_release);
  return true;
}

void Chain(int signal_number, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal_number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal_number);
  } else if (info->si_code <= 0) {  // sent by a process: it would not happen again
    if (previous.sa_handler == SIG_IGN) return;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
  } else {
    signal(signal_number, SIG_DFL);  // the fault happens again, and ends the process as without us
  }
}

void OnSigbus(int signal_number, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const bool repaired = info->si_code == BUS_ADRERR && Repair(reinterpret_cast<uintptr_t>(info->si_addr));
  errno = saved_errno;
  if (!repaired) Chain(signal_number, info, context);
}

}  // namespace

absl::Status InstallGuard() {
  if (installed.exchange(true)) return absl::OkStatus();
  struct sigaction action {};
  action.sa_sigaction = &OnSigbus;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGBUS, &action, &previous) == 0) return absl::OkStatus();
  installed.store(false);
  return SystemFailure(errno, "install the SIGBUS guard: sigaction");
}

void GuardRange(const std::byte* base, uint64_t bytes, bool write) {
  for (int i = 0; i < kRanges; ++i) {
    uintptr_t free = 0;
    if (!ranges[i].base.compare_exchange_strong(free, 1)) continue;  // 1: taken, not yet valid
    ranges[i].bytes.store(bytes, std::memory_order_relaxed);
    ranges[i].write.store(write, std::memory_order_relaxed);
    ranges[i].faulted.store(false, std::memory_order_relaxed);
    ranges[i].base.store(reinterpret_cast<uintptr_t>(base), std::memory_order_release);
    int used = ranges_used.load();
    while (used <= i && !ranges_used.compare_exchange_weak(used, i + 1)) {
    }
    return;
  }
}

void UnguardRange(const std::byte* base) {
  const int used = ranges_used.load(std::memory_order_acquire);
  for (int i = 0; i < used; ++i) {
    uintptr_t ours = reinterpret_cast<uintptr_t>(base);
    if (ranges[i].base.compare_exchange_strong(ours, 0)) return;
  }
}

bool Faulted(const std::byte* base) {
  if (faults.load(std::memory_order_acquire) == 0) return false;
  const Range* const range = Find(reinterpret_cast<uintptr_t>(base));
  return range != nullptr && range->faulted.load(std::memory_order_acquire);
}

}  // namespace millrace::os
