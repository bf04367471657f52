// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/event_thread.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "runtime/api/park_ops.h"
#include "runtime/os/fork.h"
#include "runtime/os/module.h"
#include "runtime/os/thread.h"

namespace millrace::internal {
namespace {

constexpr int64_t kBoundPerRingNs = 1'000'000;

// All event threads of this process, used under the fork guard. Never destroyed, because threads may use it
// until the process ends.
struct EventThreads final : os::ForkAware {
  void InForkedChild() noexcept override { inherited = true; }
  std::vector<std::shared_ptr<EventThread>> all;
  bool inherited = false;
  const os::ForkRegistration registration{this};
};
EventThreads* event_threads = nullptr;

EventThreads& Mine(const os::ForkGuard&) {
  if (event_threads == nullptr || event_threads->inherited) event_threads = new EventThreads;
  return *event_threads;
}

}  // namespace

absl::Status EventThread::Add(const std::shared_ptr<EventSignal>& signal, const char* what) {
  os::KeepLoaded();  // before the guard: the loader's lock may be held by a thread that waits for the guard
  const os::ForkGuard guard;
  std::vector<std::shared_ptr<EventThread>>& all = Mine(guard).all;
  for (const std::shared_ptr<EventThread>& thread : all) {
    const std::lock_guard lock(thread->mutex_);
    if (thread->signals_.size() == kMostSignals) continue;
    signal->thread_ = thread;
    thread->signals_.push_back(signal);
    thread->CallLocked();
    return absl::OkStatus();
  }
  auto thread = std::make_shared<EventThread>();
  signal->thread_ = thread;
  thread->signals_.push_back(signal);
  auto argument = std::make_unique<std::shared_ptr<EventThread>>(thread);
  const absl::Status started = os::StartThread(
      "millrace",
      [](void* given) {
        const std::unique_ptr<std::shared_ptr<EventThread>> held(
            static_cast<std::shared_ptr<EventThread>*>(given));
        (*held)->Run();
      },
      argument.get(), what);
  if (!started.ok()) {
    signal->thread_ = nullptr;
    return started;
  }
  (void)argument.release();
  all.push_back(std::move(thread));
  return absl::OkStatus();
}

void EventThread::Remove(const EventSignal& signal) {
  const std::lock_guard lock(mutex_);
  std::erase_if(signals_, [&](const std::shared_ptr<EventSignal>& other) { return other.get() == &signal; });
  CallLocked();
}

// Either the thread sees the signal's new bound, which was stored before this call, or this call sees how
// long it sleeps.
void EventThread::LookWithin(int64_t until_ns) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (until_ns >= until_ns_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  CallLocked();
}

void EventThread::CallLocked() {
  std::atomic_ref(calls_).fetch_add(1, std::memory_order_release);
  os::FutexWakeAll(&calls_);
}

bool EventThread::EndIfUnused() {
  const os::ForkGuard guard;
  const std::lock_guard lock(mutex_);
  if (!signals_.empty()) return false;
  std::erase_if(Mine(guard).all, [&](const auto& thread) { return thread.get() == this; });
  return true;
}

void EventThread::Run() {
  struct Watched {
    std::shared_ptr<EventSignal> signal;
    uint32_t epoch;  // of its ring, at this thread's last look
  };
  std::vector<Watched> watched;
  std::vector<WaitedRing> rings;
  uint32_t calls = 0;
  int64_t looked_ns = os::MonotonicNs();
  for (bool called = true;;) {
    if (called) {
      std::vector<Watched> before = std::exchange(watched, {});  // destroyed after the mutex is released
      {
        const std::lock_guard lock(mutex_);
        calls = std::atomic_ref(calls_).load(std::memory_order_relaxed);
        for (const std::shared_ptr<EventSignal>& signal : signals_)
          watched.push_back({signal, signal->first_epoch()});
      }
      if (watched.empty() && EndIfUnused()) return;
      for (Watched& now : watched) {
        for (const Watched& then : before) {
          if (now.signal == then.signal) now.epoch = then.epoch;
        }
      }
    }
    rings.clear();
    // With many rings each wake-up costs more, and missed wakes are rare, so the bound grows with the number
    // of rings.
    const int64_t bound_of_many = static_cast<int64_t>(watched.size()) * kBoundPerRingNs;
    int64_t bound = kPrivateSleepBoundNs;
    until_ns_.store(std::numeric_limits<int64_t>::max(), std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (Watched& w : watched) {
      w.epoch = w.signal->RaiseIfMoved(w.epoch);
      rings.push_back({.control = &w.signal->control(), .epoch = w.epoch});
      const int64_t of_signal = w.signal->bound_ns(looked_ns);
      bound = std::min(bound, of_signal < kSleepBoundNs ? of_signal : std::max(of_signal, bound_of_many));
    }
    until_ns_.store(looked_ns + bound, std::memory_order_relaxed);
    const int64_t left = looked_ns + bound - os::MonotonicNs();
    if (left > 0) SleepOnAll<RealAtomics>(rings.data(), rings.size(), &calls_, calls, SystemParkOps(), left);
    called = std::atomic_ref(calls_).load(std::memory_order_acquire) != calls;
    const int64_t now = os::MonotonicNs();
    if (now - looked_ns < bound) continue;
    looked_ns = now;
    for (const Watched& w : watched) w.signal->LookOver(w.epoch, now);
  }
}

}  // namespace millrace::internal
