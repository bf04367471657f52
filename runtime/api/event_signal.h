// SPDX-License-Identifier: Apache-2.0
// The state shared by a consumer with an event descriptor and the thread that watches its ring.
//
// Purpose: protocol/wait.md "Wait", event descriptors. The consumer arms the signal when it has found
// nothing. The event thread raises the signal when the ring's wake epoch moves. Threads: the consumer's
// thread and the event thread. The sections below say which thread calls what.
//
// I1  The consumer arms the signal only after it has cleared the descriptor, and before the announcement that
//     the next wake answers.
// I2  The thread that changes `armed_` from 1 to 0 raises the descriptor. So while the signal is not armed,
//     the descriptor is readable or is about to be.
// I3  The event thread reads the wake epoch before it checks whether the signal is armed.
#ifndef MILLRACE_RUNTIME_API_EVENT_SIGNAL_H_
#define MILLRACE_RUNTIME_API_EVENT_SIGNAL_H_

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

class EventThread;

class EventSignal {
 public:
  EventSignal(const ConsumerCold& cold, os::EventFd fd);

  // ---- the consumer's thread -----------------------------------------------------------------------------
  bool Armed() const { return armed_.load(std::memory_order_acquire) != 0; }
  // Arms the signal after the consumer has found nothing. `state` was read before the consumer looked.
  void Arm(const ConsumerCold& cold, uint64_t state);
  // Called by either thread: raises the descriptor if the signal was armed, and returns whether it was.
  bool Raise();
  // Returns whether the event thread has seen an end that only LookAround reports, and clears that note.
  bool TakeLookAround() { return look_around_.exchange(false, std::memory_order_acquire); }
  uint64_t TakeLate() { return late_.exchange(0, std::memory_order_relaxed); }
  uint64_t late() const { return late_.load(std::memory_order_relaxed); }
  const os::EventFd& fd() const { return fd_; }
  // Ends the consumer's use of the signal. The mappings stay until the event thread has let go of the signal.
  void Leave(segment::ConsumerAttachment& attached);

  // ---- the event thread ----------------------------------------------------------------------------------
  const RingControl& control() const { return view_.control(); }
  uint32_t first_epoch() const { return first_epoch_; }
  // Returns how long the event thread may sleep at most, as far as this signal is concerned. For an observer,
  // the bound grows while the signal is armed, because the ring has been idle since then.
  int64_t bound_ns(int64_t now_ns) const;
  // Returns the ring's wake epoch. raises the signal if that epoch is no longer `seen`.
  uint32_t RaiseIfMoved(uint32_t seen);
  // Checks, when the bound of a sleep has passed, for changes that no wake reports and for wakes that were
  // missed. `seen` is the wake epoch.
  void LookOver(uint32_t seen, int64_t now_ns);

 private:
  friend class EventThread;
  // Where the ring ended when the signal was armed, and the words read at that time. Complete if `round_` is
  // odd.
  struct Snapshot {
    std::atomic<uint64_t> position{0}, sequence{0}, state{0}, flags{0};
    std::atomic<bool> certain{false};
  };

  std::optional<Point> FindEnd(const ConsumerCold& cold, uint64_t state) const;

  const RingView<RealAtomics> view_;
  SleeperWords* const sleepers_;    // null: the consumer is an observer
  const bool is_group_member_;      // the consumer is a member of a group
  const SeatIdentity* const seat_;  // null: the consumer is an observer
  const uint64_t live_state_;
  const segment::ObjectWatch watch_;
  const os::GuardedRange *const ring_guarded_, *const seats_guarded_;
  const os::EventFd fd_;
  const uint32_t first_epoch_;  // of the ring, before the signal was armed for the first time
  // Changed under the fork guard until the signal is shared; constant from then on.
  std::shared_ptr<EventThread> thread_;

  std::atomic<uint32_t> armed_{0};
  std::atomic<uint64_t> round_{0};
  Snapshot snapshot_;
  std::atomic<int64_t> bound_ns_;           // longest sleep
  std::atomic<int64_t> armed_since_ns_{0};  // used for an observer only
  std::atomic<bool> look_around_{false};
  std::atomic<uint64_t> late_{0};

  // The event thread owns what follows.
  int64_t last_look_around_ns_;
  const segment::Paths paths_;
  os::LockProbe producer_;  // opens the ring by name when it is first queried
  const bool reports_producer_gone_;
  std::atomic<uint32_t> gone_epoch_{0};  // the producer epoch whose end the consumer has reported
  os::Mapping ring_, seats_;             // stored by Leave, for as long as the event thread has the signal
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_EVENT_SIGNAL_H_
