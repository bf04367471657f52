// The state shared by a consumer with an event descriptor and the thread that watches its ring.
//
// Purpose: protocol/wait.md "Wait", event descriptors. The consumer arms the bell when it has found nothing. The
// bridge's thread rings the bell when the ring's wake epoch moves. Threads: the consumer's and the bridge's.
// The sections below say which thread calls what.
//
// I1  The consumer arms the bell only after it has cleared the descriptor, and before the announcement that
//     the next wake answers.
// I2  The thread that changes `armed_` from 1 to 0 raises the descriptor. So while the bell is not armed, the
//     descriptor is readable or is about to be.
// I3  The bridge reads the wake epoch before it checks whether the bell is armed.
#ifndef MILLRACE_RUNTIME_API_EVENT_BELL_H_
#define MILLRACE_RUNTIME_API_EVENT_BELL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "millrace/internal/atomics.h"
#include "millrace/internal/parking.h"
#include "millrace/internal/ring_view.h"
#include "runtime/api/consumer_cold.h"
#include "runtime/os/event_fd.h"
#include "runtime/os/file.h"
#include "runtime/os/mapping.h"

namespace millrace::internal {

class EventBridge;

class EventBell {
 public:
  EventBell(const ConsumerCold& cold, os::EventFd fd);

  // ---- the consumer's thread -----------------------------------------------------------------------------
  bool Armed() const { return armed_.load(std::memory_order_acquire) != 0; }
  // Arms the bell after the consumer has found nothing. `state` was read before the consumer looked.
  void Arm(const ConsumerCold& cold, uint64_t state);
  // Called by either thread: raises the descriptor if the bell was armed, and returns whether it was.
  bool Ring();
  // Returns whether the bridge has seen an end that only LookAround reports, and clears that note.
  bool TakeLookAround() { return look_around_.exchange(false, std::memory_order_acquire); }
  uint64_t TakeLate() { return late_.exchange(0, std::memory_order_relaxed); }
  uint64_t late() const { return late_.load(std::memory_order_relaxed); }
  const os::EventFd& fd() const { return fd_; }
  // Ends the consumer's use of the bell. The mappings stay until the bridge has let go of the bell.
  void Leave(segment::ConsumerAttachment& attached);

  // ---- the bridge's thread -------------------------------------------------------------------------------
  const RingControl& control() const { return view_.control(); }
  uint32_t first_epoch() const { return first_epoch_; }
  // Returns how long the bridge may sleep at most, as far as this bell is concerned. For an observer, the
  // bound grows while the bell is armed, because the ring has been idle since then.
  int64_t bound_ns(int64_t now_ns) const;
  // Returns the ring's wake epoch. Rings the bell if that epoch is no longer `seen`.
  uint32_t RingIfMoved(uint32_t seen);
  // Checks, when the bound of a sleep has passed, for changes that no wake reports and for wakes that were
  // missed. `seen` is the wake epoch.
  void LookOver(uint32_t seen, int64_t now_ns);

 private:
  friend class EventBridge;
  // Where the ring ended when the bell was armed, and the words read at that time. Complete if `round_` is
  // odd.
  struct Snapshot {
    std::atomic<uint64_t> position{0}, sequence{0}, state{0}, flags{0};
    std::atomic<bool> certain{false};
  };

  std::optional<Point> FindEnd(const ConsumerCold& cold, uint64_t state) const;
  bool ProducerGone(uint32_t epoch);  // called by the bridge

  const RingView<RealAtomics> view_;
  SleeperWords* const sleepers_;    // null: the consumer is an observer
  const bool member_;               // the consumer is a member of a group
  const SeatIdentity* const seat_;  // null: the consumer is an observer
  const uint64_t live_state_;
  const segment::ObjectWatch watch_;
  const os::GuardedRange *const ring_guarded_, *const seats_guarded_;
  const os::EventFd fd_;
  const uint32_t first_epoch_;  // of the ring, before the bell was armed for the first time
  // Changed under the fork guard until the bell is shared; constant from then on.
  std::shared_ptr<EventBridge> bridge_;

  std::atomic<uint32_t> armed_{0};
  std::atomic<uint64_t> round_{0};
  Snapshot snapshot_;
  std::atomic<int64_t> bound_ns_;           // longest sleep
  std::atomic<int64_t> armed_since_ns_{0};  // used for an observer only
  std::atomic<bool> look_around_{false};
  std::atomic<uint64_t> late_{0};

  // The bridge's thread owns what follows.
  int64_t last_look_around_ns_;
  os::LockProbe producer_;  // opens the ring by name when it is first queried
  const bool reports_producer_gone_;
  std::atomic<uint32_t> gone_epoch_{0};  // the producer epoch whose end the consumer has reported
  os::Mapping ring_, seats_;             // stored by Leave, for as long as the bridge has the bell
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_EVENT_BELL_H_
