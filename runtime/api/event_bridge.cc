#include "runtime/api/event_bridge.h"

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

// All bridges of this process, used under the fork guard. Never destroyed, because threads may use it until
// the process ends.
struct Bridges final : os::ForkAware {
  void InForkedChild() noexcept override { inherited = true; }
  std::vector<std::shared_ptr<EventBridge>> all;
  bool inherited = false;
  const os::ForkRegistration registration{this};
};
Bridges* bridges = nullptr;

Bridges& Mine(const os::ForkGuard&) {
  if (bridges == nullptr || bridges->inherited) bridges = new Bridges;
  return *bridges;
}

}  // namespace

absl::Status EventBridge::Add(const std::shared_ptr<EventBell>& bell, const char* what) {
  os::KeepLoaded();  // before the guard: the loader's lock may be held by a thread that waits for the guard
  const os::ForkGuard guard;
  std::vector<std::shared_ptr<EventBridge>>& all = Mine(guard).all;
  for (const std::shared_ptr<EventBridge>& bridge : all) {
    const std::lock_guard lock(bridge->mutex_);
    if (bridge->bells_.size() == kMostBells) continue;
    bell->bridge_ = bridge;
    bridge->bells_.push_back(bell);
    bridge->CallLocked();
    return absl::OkStatus();
  }
  auto bridge = std::make_shared<EventBridge>();
  bell->bridge_ = bridge;
  bridge->bells_.push_back(bell);
  auto argument = std::make_unique<std::shared_ptr<EventBridge>>(bridge);
  const absl::Status started = os::StartThread(
      "millrace",
      [](void* given) {
        const std::unique_ptr<std::shared_ptr<EventBridge>> held(
            static_cast<std::shared_ptr<EventBridge>*>(given));
        (*held)->Run();
      },
      argument.get(), what);
  if (!started.ok()) {
    bell->bridge_ = nullptr;
    return started;
  }
  (void)argument.release();
  all.push_back(std::move(bridge));
  return absl::OkStatus();
}

void EventBridge::Remove(const EventBell& bell) {
  const std::lock_guard lock(mutex_);
  std::erase_if(bells_, [&](const std::shared_ptr<EventBell>& other) { return other.get() == &bell; });
  CallLocked();
}

// Either the thread sees the bell's new bound, which was stored before this call, or this call sees how long
// it sleeps.
void EventBridge::LookWithin(int64_t until_ns) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (until_ns >= until_ns_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  CallLocked();
}

void EventBridge::CallLocked() {
  std::atomic_ref(calls_).fetch_add(1, std::memory_order_release);
  os::FutexWakeAll(&calls_);
}

bool EventBridge::EndIfUnused() {
  const os::ForkGuard guard;
  const std::lock_guard lock(mutex_);
  if (!bells_.empty()) return false;
  std::erase_if(Mine(guard).all, [&](const auto& bridge) { return bridge.get() == this; });
  return true;
}

void EventBridge::Run() {
  struct Watched {
    std::shared_ptr<EventBell> bell;
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
        for (const std::shared_ptr<EventBell>& bell : bells_) watched.push_back({bell, bell->first_epoch()});
      }
      if (watched.empty() && EndIfUnused()) return;
      for (Watched& now : watched) {
        for (const Watched& then : before) {
          if (now.bell == then.bell) now.epoch = then.epoch;
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
      w.epoch = w.bell->RingIfMoved(w.epoch);
      rings.push_back({.control = &w.bell->control(), .epoch = w.epoch});
      const int64_t of_bell = w.bell->bound_ns(looked_ns);
      bound = std::min(bound, of_bell < kSleepBoundNs ? of_bell : std::max(of_bell, bound_of_many));
    }
    until_ns_.store(looked_ns + bound, std::memory_order_relaxed);
    const int64_t left = looked_ns + bound - os::MonotonicNs();
    if (left > 0)
      SleepOnAll<RealAtomics>(rings.data(), rings.size(), &calls_, calls, api::SystemParkOps(), left);
    called = std::atomic_ref(calls_).load(std::memory_order_acquire) != calls;
    const int64_t now = os::MonotonicNs();
    if (now - looked_ns < bound) continue;
    looked_ns = now;
    for (const Watched& w : watched) w.bell->LookOver(w.epoch, now);
  }
}

}  // namespace millrace::internal
