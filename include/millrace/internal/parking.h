// Who sleeps and who wakes.
//
// Purpose: PROTOCOL.md "Wait" and "Parking the producer": announcing a sleeper so that no publication is
// missed, and sleeping in bounded slices. System calls come in as a table, so that a checker can replace
// them. Threads: each call belongs to one waiting thread; any number of them on one ring.
//
// I1  A consumer sleeps only if, after its announcement and a full barrier on both sides, nothing was there.
// I2  The futex word changes before every wake: who is about to sleep on the old value does not.
// I3  Every sleep is bounded: a read-only peer can move a waiter to another futex (FUTEX_REQUEUE).
#ifndef MILLRACE_INTERNAL_PARKING_H_
#define MILLRACE_INTERNAL_PARKING_H_

#include <algorithm>
#include <cstdint>

#include "millrace/internal/layout.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

struct ParkOps {
  bool (*wait)(const uint32_t* word, uint32_t seen, int64_t timeout_ns);  // true: it timed out
  void (*wake)(const uint32_t* word);
  bool (*barrier)();  // [W3] membarrier(GLOBAL_EXPEDITED); pairs with [P5]. false: refused
  int64_t (*now_ns)();
};

inline constexpr int64_t kSleepBoundNs = 50'000'000;            // a consumer that announced itself
inline constexpr int64_t kObserverSleepBoundNs = 20'000'000;    // one that cannot
inline constexpr int64_t kUnbarrieredSleepBoundNs = 1'000'000;  // membarrier refused although relied upon
inline constexpr int64_t kProducerSleepBoundNs = 500'000;       // a kill wakes nobody: look again

enum class Parked : uint8_t {
  kPending,   // did not sleep: something was there
  kWoken,     // woken, or a signal, or the word had changed
  kTimedOut,  // the slice ended
  kMissed,    // the slice ended with an unchanged epoch, under barriers that exclude missing a wake
};

// One slice of sleep of a consumer. `sleepers` is null for an observer. `pending()`: is there anything to do?
// `missed()`: are there two publications (RingConsumer::MissedWake)?
template <class A, class Pending, class Missed>
Parked ParkConsumer(const RingControl& control, SleeperWords* sleepers, const ParkOps& ops,
                    int64_t at_most_ns, Pending pending, Missed missed) {
  using W = Words<A>;
  const uint32_t epoch = W::LoadWakeEpoch(control.wake);
  int64_t bound = kObserverSleepBoundNs;
  bool certain = false;
  uint64_t flags = W::LoadFlags(control.room);
  if (sleepers == nullptr) {
    if (pending()) return Parked::kPending;
  } else {
    constexpr int kFlagChanges = 8;  // take-overs between two looks; beyond that the flags are hostile
    bound = kUnbarrieredSleepBoundNs;
    for (int i = 0; i < kFlagChanges; ++i) {
      W::AnnounceSleeper(*sleepers);
      bool barrier = true;
      if ((flags & kFlagAsym) != 0) {
        barrier = ops.barrier();
      } else {
        W::FenceAnnouncement();
      }
      if (pending()) return Parked::kPending;
      const uint64_t now = W::LoadFlags(control.room);
      if (now == flags) {
        certain = barrier;
        bound = barrier ? kSleepBoundNs : kUnbarrieredSleepBoundNs;
        break;
      }
      flags = now;
    }
  }
  if (!ops.wait(&control.wake.epoch, epoch, std::min(bound, at_most_ns))) return Parked::kWoken;
  // The epoch is read last: a producer that published twice after the time-out has moved it by now.
  if (!certain || !missed() || W::LoadFlags(control.room) != flags) return Parked::kTimedOut;
  return W::LoadWakeEpoch(control.wake) == epoch ? Parked::kMissed : Parked::kTimedOut;
}

// One slice of sleep of the producer. `room()`: scan again, is there room?
template <class A, class Room>
void ParkProducer(SeatsControl& seats, const ParkOps& ops, int64_t at_most_ns, Room room) {
  using W = Words<A>;
  const uint32_t epoch = W::LoadRoomEpoch(seats.room_epoch);
  W::AnnounceRoomWaiter(seats.room_waiting);
  W::FenceRoomWaiter();
  if (room()) return;
  ops.wait(&seats.room_epoch.epoch, epoch, std::min(kProducerSleepBoundNs, at_most_ns));
}

// How long to spin before sleeping: long enough to catch what would come before a wake-up takes, and no
// longer than that was worth lately.
class SpinBudget {
 public:
  int64_t ns() const { return ns_; }
  void CaughtIt() { ns_ = std::min(ns_ * 2, kMostNs); }
  // Slept after spinning in vain. A short sleep would have been caught by a little more spinning.
  void Slept(int64_t slept_ns) {
    ns_ = slept_ns < kMostNs ? std::min(ns_ * 2, kMostNs) : std::max(ns_ / 2, kLeastNs);
  }

 private:
  static constexpr int64_t kLeastNs = 1'000;
  static constexpr int64_t kMostNs = 50'000;
  int64_t ns_ = 20'000;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_PARKING_H_
