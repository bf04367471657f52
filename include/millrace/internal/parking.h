// SPDX-License-Identifier: Apache-2.0
// How processes go to sleep and wake each other.
//
// Purpose: protocol/wait.md "Wait" and protocol/room.md "Parking the producer". Announces a sleeper so that no
// publication is missed, and sleeps in bounded slices. System calls are passed in as a table, so that a checker
// can replace them.
// Threads: each call belongs to one waiting thread. Any number of threads wait on one ring, and one thread
// waits on any number of rings.
//
// I1  A consumer sleeps only if it found nothing after its announcement. A full barrier orders the
//     announcement before that look. Another orders the producer's publication before its look at `sleepers`.
// I2  The futex word changes before every wake-up, so a waiter that is about to sleep on the old value does
//     not sleep.
// I3  Every sleep is bounded, because a peer with a read-only mapping can move a waiter to another futex
//     (FUTEX_REQUEUE).
// I4  An announcement stands while the epoch is the one that was loaded before it: a producer that takes the
//     announcement raises the epoch before its next publication.
#ifndef MILLRACE_INTERNAL_PARKING_H_
#define MILLRACE_INTERNAL_PARKING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "millrace/internal/layout.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

enum class ParkResult : uint8_t {
  kWoken,  // woken, or interrupted by a signal, or a word had changed
  kTimedOut,
  kRefused,  // the system has no such call
};

struct ParkOps {
  bool (*wait)(const uint32_t* word, uint32_t seen, int64_t timeout_ns);  // returns true if it timed out
  void (*wake)(const uint32_t* word);
  bool (*barrier)();  // [W3] membarrier(GLOBAL_EXPEDITED); pairs with [P5]. Returns false if refused
  int64_t (*now_ns)();
  // Waits on several words. Ends when one of them is woken or differs from what was seen there.
  ParkResult (*wait_any)(const uint32_t* const* words, const uint32_t* seen, size_t n,
                         int64_t timeout_ns) = nullptr;
};

inline constexpr int64_t kSleepBoundNs = 50'000'000;            // a consumer that has announced itself
inline constexpr int64_t kPrivateSleepBoundNs = 1'000'000'000;  // where no other user can move it (I3)
inline constexpr int64_t kObserverSleepBoundNs = 20'000'000;    // an observer, at first
inline constexpr int64_t kUnbarrieredSleepBoundNs = 1'000'000;  // membarrier refused although relied upon
inline constexpr int64_t kSliceNs = 1'000'000;  // on several words, if the system waits for one word only

// Returns how long an observer may sleep: a quarter of the time since it last found something, within
// bounds. A message is then late by at most a quarter of that time.
inline int64_t ObserverSleepBound(int64_t idle_ns, int64_t longest_ns) {
  constexpr int64_t kPartOfIdleTime = 4;
  return std::clamp(idle_ns / kPartOfIdleTime, kObserverSleepBoundNs, longest_ns);
}

// Returns how long a blocked producer may sleep. A kill wakes nobody, so the producer must look again. It
// looks soon while it has been blocked for a short time, because then a stream stands still. It sleeps for at
// most 2 ms.
inline int64_t ProducerSleepBound(int64_t blocked_ns) {
  constexpr int64_t kPartOfBlockedTime = 8, kShortestNs = 250'000, kLongestNs = 2'000'000;
  return std::clamp(blocked_ns / kPartOfBlockedTime, kShortestNs, kLongestNs);
}

inline constexpr size_t kMostParkWords = 128;  // words of one wait: FUTEX_WAITV_MAX

enum class Parked : uint8_t {
  kPending,   // did not sleep, because something was there
  kWoken,     // woken, or interrupted by a signal, or the word had changed
  kTimedOut,  // the slice ended
  kMissed,    // the slice ended with an unchanged epoch, although the barriers exclude a missed wake-up
};

// A ring as one waiting thread sees it. `sleepers` is null for an observer. A caller that keeps this struct
// from one sleep to the next saves the barrier of an announcement that stands.
struct WaitedRing {
  const RingControl* control = nullptr;
  SleeperWords* sleepers = nullptr;
  int64_t longest_ns = kSleepBoundNs;  // longest sleep where nothing shortens it; the last look may set it
  uint32_t epoch = 0;                  // the wake epoch before the announcement
  uint64_t flags = 0;                  // the producer's flags, for which the announcement was made
  int64_t bound_ns = 0;                // bound of this sleep
  bool settled = false;                // announced for the present flags, and looked at again
  bool certain = false;                // the barriers exclude a missed wake-up
  bool stands = false;                 // announced by an earlier call, with its barrier
  bool missed = false;                 // a wake-up was due and did not arrive
};

// Begins a wait at this ring. Finds out whether its last announcement stands (I4). The word `sleepers` alone
// does not show that: another consumer may have stored that 1 and not have made its barrier yet. The word is
// loaded nevertheless, for the case that a producer was killed between taking the announcement and raising
// the epoch.
template <class A>
void BeginWait(WaitedRing& ring) {
  using W = Words<A>;
  const uint32_t epoch = W::LoadWakeEpoch(ring.control->wake);
  const uint64_t flags = W::LoadFlags(ring.control->room);
  ring.stands =
      ring.certain && epoch == ring.epoch && flags == ring.flags && W::AnnouncementStands(*ring.sleepers);
  ring.epoch = epoch;
  ring.flags = flags;
  ring.bound_ns = kUnbarrieredSleepBoundNs;
  ring.certain = ring.settled = ring.missed = false;
}

// Announces a sleeper on each ring and looks again: `pending(i)` returns whether there is anything to do at
// ring i. Returns false if there is: do not sleep. One barrier serves all rings, because it follows every
// announcement and precedes every look. Rings whose announcement stands need no barrier.
template <class A, class Pending>
bool AnnounceAndLook(WaitedRing* rings, size_t n, const ParkOps& ops, Pending pending) {
  using W = Words<A>;
  for (size_t i = 0; i < n; ++i) BeginWait<A>(rings[i]);
  constexpr int kFlagChanges = 8;  // take-overs between two looks; if there are more, the flags are hostile
  bool all_settled = false;
  for (int round = 0; round < kFlagChanges && !all_settled; ++round) {
    bool asym = false, fence = false;
    for (size_t i = 0; i < n; ++i) {
      if (rings[i].settled || rings[i].stands || rings[i].sleepers == nullptr) continue;
      W::AnnounceSleeper(*rings[i].sleepers);
      ((rings[i].flags & kFlagAsym) != 0 ? asym : fence) = true;
    }
    const bool barrier = asym && ops.barrier();
    if (fence) W::FenceAnnouncement();
    all_settled = true;
    for (size_t i = 0; i < n; ++i) {
      WaitedRing& ring = rings[i];
      if (ring.settled) continue;
      if (pending(i)) return false;
      if (ring.sleepers == nullptr) {
        ring.settled = true;
        ring.bound_ns = ring.longest_ns;
        continue;
      }
      const uint64_t now = W::LoadFlags(ring.control->room);
      if (now != ring.flags) {
        ring.flags = now;
        ring.stands = all_settled = false;
        continue;
      }
      ring.settled = true;
      ring.certain = ring.stands || barrier || (now & kFlagAsym) == 0;
      if (ring.certain) ring.bound_ns = ring.longest_ns;
    }
  }
  return true;
}

// Sleeps on one ring, and on `more` if it is not null. `more` is a word of this process; a call such as
// Interrupt() changes it from `more_seen`. Where the system can wait for one word only, such a call is
// noticed at the bound.
template <class A>
ParkResult SleepOnOne(const WaitedRing& ring, const uint32_t* more, uint32_t more_seen, const ParkOps& ops,
                      int64_t timeout_ns) {
  if (more != nullptr && ops.wait_any != nullptr) {
    const uint32_t* const words[] = {&ring.control->wake.epoch, more};
    const uint32_t seen[] = {ring.epoch, more_seen};
    const ParkResult how = ops.wait_any(words, seen, 2, timeout_ns);
    if (how != ParkResult::kRefused) return how;
  }
  const int64_t bound_ns = more != nullptr ? std::min(timeout_ns, kSleepBoundNs) : timeout_ns;
  return ops.wait(&ring.control->wake.epoch, ring.epoch, bound_ns) ? ParkResult::kTimedOut
                                                                   : ParkResult::kWoken;
}

// Sleeps on all rings, and on `more` if it is not null. `more` is a word of this process; a call such as
// Interrupt() changes it from `more_seen`. Where the system can wait for one word only, sleeps in short
// slices.
template <class A>
ParkResult SleepOnAll(const WaitedRing* rings, size_t n, const uint32_t* more, uint32_t more_seen,
                      const ParkOps& ops, int64_t timeout_ns) {
  using W = Words<A>;
  if (n == 1 && more == nullptr) return SleepOnOne<A>(rings[0], nullptr, 0, ops, timeout_ns);
  const uint32_t* words[kMostParkWords];
  uint32_t seen[kMostParkWords];
  size_t used = 0;
  for (; used < n; ++used) {
    words[used] = &rings[used].control->wake.epoch;
    seen[used] = rings[used].epoch;
  }
  if (more != nullptr) {
    words[used] = more;
    seen[used++] = more_seen;
  }
  if (ops.wait_any != nullptr) {
    const ParkResult how = ops.wait_any(words, seen, used, timeout_ns);
    if (how != ParkResult::kRefused) return how;
  }
  const int64_t begin = ops.now_ns();
  for (size_t slice = 0;; ++slice) {
    const int64_t left = timeout_ns - (ops.now_ns() - begin);
    if (left <= 0) return ParkResult::kTimedOut;
    const size_t on = more != nullptr ? used - 1 : slice % used;
    if (!ops.wait(words[on], seen[on], std::min(left, kSliceNs))) return ParkResult::kWoken;
    for (size_t i = 0; i < n; ++i) {
      if (W::LoadWakeEpoch(rings[i].control->wake) != rings[i].epoch) return ParkResult::kWoken;
    }
  }
}

// Returns whether a wake-up was due at this ring. Call it after a slice that timed out. `missed()` returns
// whether there are two publications.
template <class A, class Missed>
bool WakeWasMissed(const WaitedRing& ring, Missed missed) {
  using W = Words<A>;
  if (!ring.certain || !missed() || W::LoadFlags(ring.control->room) != ring.flags) return false;
  // The epoch is loaded last: a producer that published twice after the time-out has raised it by now.
  return W::LoadWakeEpoch(ring.control->wake) == ring.epoch;
}

// Returns how a sleep on these rings ended. For kMissed, WaitedRing::missed shows at which rings.
template <class A, class Missed>
Parked HowItEnded(WaitedRing* rings, size_t n, ParkResult slept, Missed missed) {
  if (slept != ParkResult::kTimedOut) return Parked::kWoken;
  Parked parked = Parked::kTimedOut;
  for (size_t i = 0; i < n; ++i) {
    rings[i].missed = WakeWasMissed<A>(rings[i], [&] { return missed(i); });
    if (rings[i].missed) parked = Parked::kMissed;
  }
  return parked;
}

// Sleeps one slice on n rings. Requires n + 1 <= kMostParkWords, or n <= kMostParkWords if `more` is null.
template <class A, class Pending, class Missed>
Parked ParkConsumers(WaitedRing* rings, size_t n, const uint32_t* more, uint32_t more_seen,
                     const ParkOps& ops, int64_t at_most_ns, Pending pending, Missed missed) {
  if (!AnnounceAndLook<A>(rings, n, ops, pending)) return Parked::kPending;
  int64_t bound = at_most_ns;
  for (size_t i = 0; i < n; ++i) bound = std::min(bound, rings[i].bound_ns);
  return HowItEnded<A>(rings, n, SleepOnAll<A>(rings, n, more, more_seen, ops, bound), missed);
}

// Sleeps one slice on one ring. `pending()` returns whether there is anything to do. `missed()` returns
// whether there are two publications (RingConsumer::MissedWake).
template <class A, class Pending, class Missed>
Parked ParkConsumer(WaitedRing& ring, const uint32_t* more, uint32_t more_seen, const ParkOps& ops,
                    int64_t at_most_ns, Pending pending, Missed missed) {
  if (!AnnounceAndLook<A>(&ring, 1, ops, [&](size_t) { return pending(); })) return Parked::kPending;
  const int64_t bound = std::min(at_most_ns, ring.bound_ns);
  return HowItEnded<A>(&ring, 1, SleepOnOne<A>(ring, more, more_seen, ops, bound),
                       [&](size_t) { return missed(); });
}

// Sleeps one slice until room is freed. The producer has been blocked for `blocked_ns`. `room()` scans again
// and returns whether there is room.
template <class A, class Room>
void ParkProducer(SeatsControl& seats, const ParkOps& ops, int64_t blocked_ns, int64_t at_most_ns,
                  Room room) {
  using W = Words<A>;
  const uint32_t epoch = W::LoadRoomEpoch(seats.room_epoch);
  W::AnnounceRoomWaiter(seats.room_waiting);
  W::FenceRoomWaiter();
  if (room()) return;
  ops.wait(&seats.room_epoch.epoch, epoch, std::min(ProducerSleepBound(blocked_ns), at_most_ns));
}

// How long to spin before sleeping: long enough to catch a message that arrives before a wake-up would, but
// no longer than spinning was worth recently.
class SpinBudget {
 public:
  int64_t ns() const { return ns_; }
  void CaughtIt() { ns_ = std::min(ns_ * 2, kMostNs); }
  // Adjusts the budget after spinning in vain and then sleeping. A little more spinning would have caught a
  // short sleep.
  void AfterSleep(int64_t slept_ns) {
    ns_ = slept_ns < kMostNs ? std::min(ns_ * 2, kMostNs) : std::max(ns_ / 2, kLeastNs);
  }

 private:
  static constexpr int64_t kLeastNs = 1'000;
  static constexpr int64_t kMostNs = 50'000;
  int64_t ns_ = 20'000;
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_PARKING_H_
