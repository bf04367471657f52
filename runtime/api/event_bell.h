// What a consumer with an event descriptor and the thread that watches its ring share.
//
// Purpose: PROTOCOL.md "Wait", event descriptors: the consumer arms the bell when it has found nothing, the
// bridge's thread rings it when the ring's wake epoch moves. Threads: two, the consumer's and the bridge's;
// each function says whose it is.
//
// I1  Armed only after the descriptor was cleared, and before the announcement that the next wake answers.
// I2  Whoever takes `armed_` from 1 to 0 raises the descriptor: not armed means readable, or about to be.
// I3  The bridge reads the epoch before it looks whether the bell is armed.
#ifndef MILLRACE_RUNTIME_API_EVENT_BELL_H_
#define MILLRACE_RUNTIME_API_EVENT_BELL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "millrace/internal/atomics.h"
#include "millrace/internal/parking.h"
#include "millrace/internal/ring_view.h"
#include "runtime/api/consumer_core.h"
#include "runtime/os/event_fd.h"
#include "runtime/os/object.h"

namespace millrace::internal {

class EventBridge;

class EventBell {
 public:
  EventBell(const ConsumerCore::Cold& cold, os::EventFd fd);

  // ---- the consumer's thread -----------------------------------------------------------------------------
  bool Armed() const { return armed_.load(std::memory_order_acquire) != 0; }
  // It found nothing; `state` was read before it looked.
  void Arm(const ConsumerCore::Cold& cold, uint64_t state);
  bool Ring();  // either thread: raises the descriptor if the bell was armed; true: it was
  // Has the bridge seen what only LookAround tells?
  bool TakeLookAround() { return look_around_.exchange(false, std::memory_order_acquire); }
  uint64_t TakeLate() { return late_.exchange(0, std::memory_order_relaxed); }
  uint64_t late() const { return late_.load(std::memory_order_relaxed); }
  const os::EventFd& fd() const { return fd_; }
  // The consumer ends. The mappings stay until the bridge has let go of them.
  void Leave(segment::ConsumerAttachment& attached);

  // ---- the bridge's thread -------------------------------------------------------------------------------
  const RingControl& control() const { return view_.control(); }
  uint32_t first_epoch() const { return first_epoch_; }
  // How long the bridge may sleep at most, as far as this bell is concerned. An observer's grows while the
  // bell is armed: nothing has come since then.
  int64_t bound_ns(int64_t now_ns) const;
  // The ring's epoch was `seen` before, and is what it returns now; rings if it moved.
  uint32_t RingIfMoved(uint32_t seen);
  // At the bound of a sleep: what no wake tells, and wakes that did not come. `seen`: the epoch.
  void LookOver(uint32_t seen, int64_t now_ns);

 private:
  friend class EventBridge;
  // Where the ring ended when the bell was armed, and what then held. Odd `round_`: it is whole.
  struct Snapshot {
    std::atomic<uint64_t> position{0}, sequence{0}, state{0}, flags{0};
    std::atomic<bool> certain{false};
  };

  std::optional<Point> FindEnd(const ConsumerCore::Cold& cold, uint64_t state) const;
  bool ProducerGone(uint32_t epoch);  // the bridge's

  const RingView<RealAtomics> view_;
  SleeperWords* const sleepers_;    // null: an observer
  const bool member_;               // of a group
  const SeatIdentity* const seat_;  // null: an observer
  const uint64_t live_state_;
  const segment::ObjectWatch watch_;
  const os::GuardedRange *const ring_guarded_, *const seats_guarded_;
  const os::EventFd fd_;
  const uint32_t first_epoch_;           // the ring's, before the bell was armed for the first time
  std::shared_ptr<EventBridge> bridge_;  // under the fork guard until the bell is shared, then constant

  std::atomic<uint32_t> armed_{0};
  std::atomic<uint64_t> round_{0};
  Snapshot snapshot_;
  std::atomic<int64_t> bound_ns_;           // longest sleep
  std::atomic<int64_t> armed_since_ns_{0};  // an observer's
  std::atomic<bool> look_around_{false};
  std::atomic<uint64_t> late_{0};

  int64_t last_look_around_ns_;  // the bridge's, as what follows
  os::LockProbe producer_;       // opens the ring by name when it is asked for the first time
  const bool reports_producer_gone_;
  uint32_t gone_epoch_ = 0;
  os::Mapping ring_, seats_;  // after Leave
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_EVENT_BELL_H_
