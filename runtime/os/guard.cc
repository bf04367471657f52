// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>

#include "runtime/os/failure.h"
#include "runtime/os/module.h"

namespace millrace::os {

// An entry of the table. A signal handler reads it, so there are no locks and no allocation, and each field
// is atomic by itself. `base` is stored last when a range is added, and first when it is removed.
struct GuardedRange {
  static constexpr uintptr_t kFree = 0, kTaken = 1;  // kTaken: taken, but not valid yet
  std::atomic<uintptr_t> base{kFree};
  std::atomic<uint64_t> bytes{0};
  std::atomic<bool> write{false};
  std::atomic<bool> faulted{false};
};

namespace {

// The table grows by blocks that are never freed, so the handler can walk it at any time.
struct Block {
  static constexpr int kRanges = 256;
  GuardedRange ranges[kRanges];
  std::atomic<Block*> next{nullptr};
};
constinit Block first_block;
std::atomic<bool> installed{false};
struct sigaction previous;

GuardedRange* RangeAt(uintptr_t address) {
  for (Block* block = &first_block; block != nullptr; block = block->next.load(std::memory_order_acquire)) {
    for (GuardedRange& range : block->ranges) {
      const uintptr_t base = range.base.load(std::memory_order_acquire);
      if (base > GuardedRange::kTaken && address >= base &&
          address - base < range.bytes.load(std::memory_order_relaxed))
        return &range;
    }
  }
  return nullptr;
}

GuardedRange* TakeFreeIn(Block& block) {
  for (GuardedRange& range : block.ranges) {
    uintptr_t free = GuardedRange::kFree;
    if (range.base.compare_exchange_strong(free, GuardedRange::kTaken)) return &range;
  }
  return nullptr;
}

// Returns the next block, which another thread may have added since the caller looked. Null if out of memory.
Block* NextOrNew(Block& block) {
  Block* next = block.next.load(std::memory_order_acquire);
  if (next != nullptr) return next;
  Block* const made = new (std::nothrow) Block;
  if (made == nullptr || block.next.compare_exchange_strong(next, made)) return made;
  delete made;
  return next;
}

bool Repair(uintptr_t address) {
  GuardedRange* const range = RangeAt(address);
  if (range == nullptr) return false;
  const uintptr_t page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  void* const page = reinterpret_cast<void*>(address & ~(page_bytes - 1));
  const int protection = PROT_READ | (range->write.load(std::memory_order_relaxed) ? PROT_WRITE : 0);
  if (mmap(page, page_bytes, protection, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
    return false;
  range->faulted.store(true, std::memory_order_release);
  return true;
}

void Chain(int signal_number, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal_number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal_number);
  } else if (info->si_code <= 0) {  // sent by a process, so returning would not raise it again
    if (previous.sa_handler == SIG_IGN) return;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
  } else {
    signal(signal_number, SIG_DFL);  // the access faults again and ends the process, as without the guard
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
  KeepLoaded();
  struct sigaction action {};
  action.sa_sigaction = &OnSigbus;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGBUS, &action, &previous) == 0) return absl::OkStatus();
  installed.store(false);
  return SystemFailure(errno, "install the SIGBUS guard: sigaction");
}

GuardedRange* GuardRange(const std::byte* base, uint64_t bytes, bool write) {
  for (Block* block = &first_block; block != nullptr; block = NextOrNew(*block)) {
    GuardedRange* const range = TakeFreeIn(*block);
    if (range == nullptr) continue;
    range->bytes.store(bytes, std::memory_order_relaxed);
    range->write.store(write, std::memory_order_relaxed);
    range->faulted.store(false, std::memory_order_relaxed);
    range->base.store(reinterpret_cast<uintptr_t>(base), std::memory_order_release);
    return range;
  }
  return nullptr;
}

void UnguardRange(GuardedRange* range) {
  if (range != nullptr) range->base.store(GuardedRange::kFree, std::memory_order_release);
}

bool Faulted(const GuardedRange* range) {
  return range != nullptr && range->faulted.load(std::memory_order_acquire);
}

}  // namespace millrace::os
