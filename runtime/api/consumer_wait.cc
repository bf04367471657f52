// SPDX-License-Identifier: Apache-2.0
// How a consumer waits: it spins, then it sleeps. protocol/wait.md "Wait"
#include <algorithm>

#include "millrace/internal/parking.h"
#include "millrace/internal/words.h"
#include "runtime/api/consumer_cold.h"
#include "runtime/api/park_ops.h"

namespace millrace::internal {
namespace {

using W = Words<RealAtomics>;

// The long sleeps of idle consumers end at multiples of this, so that a CPU wakes once for many of them.
// [NOTES shared-alarm]
constexpr int64_t kSharedAlarmNs = 125'000'000;
constexpr int64_t kSpinSliceNs = 50'000;  // Wait::kSpin checks everything else once per slice

}  // namespace

bool ConsumerCold::Pending(uint64_t state) const {
  return reader->SomethingThere() || W::LoadState(control().room) != state || removed ||
         (!removed_word_checked && W::LoadRemoved(control().room)) || !hot->ring.Live();
}

int64_t ConsumerCold::LongestSleep() const {
  // No wake reports the death of a member or of a producer. A member's death only matters while other members
  // hold leases.
  const bool must_ask = reader->OthersHold() || options.report_producer_gone;
  if (!attached.private_ring || must_ask) return kSleepBoundNs;
  return kPrivateSleepBoundNs - os::MonotonicNs() % kSharedAlarmNs;
}

int64_t ConsumerCold::SleepBound() {
  const int64_t longest = LongestSleep();
  if (!observer()) return longest;
  const uint64_t sequence = hot->ring.at().sequence;
  const int64_t now = os::MonotonicNs();
  if (idle_since_ns == 0 || sequence != idle_at_sequence) {
    idle_at_sequence = sequence;
    idle_since_ns = now;
  }
  return ObserverSleepBound(now - idle_since_ns, longest);
}

bool ConsumerCold::Spin(int64_t budget_ns, int64_t left_ns, uint64_t state) {
  // Poll the header many times between the slower checks, because a message that arrives during a clock read
  // has to wait [NOTES few-looks]. Poll fewer times if the budget is short or the CPU is shared.
  constexpr int kFewLooks = 32, kManyLooks = 256;
  constexpr int64_t kFewNs = 10'000;
  const int64_t start = os::MonotonicNs();
  const bool yields = options.wait == Wait::kAdaptive;
  const bool few_paid_for = std::min(budget_ns, left_ns) < kFewNs;
  const auto shared = [&] { return yields && cpu_sharing.shared(); };
  int64_t others = shared() ? cpu_sharing.AfterLooks(kFewLooks) : 0, spent = 0;
  do {
    const int looks = few_paid_for || shared() ? kFewLooks : kManyLooks;
    if (reader->Poll(looks) || Pending(state)) return true;
    if (yields) others += cpu_sharing.AfterLooks(looks);
    spent = os::MonotonicNs() - start;
  } while (spent - others < budget_ns && spent < left_ns &&
           !hot->interrupted.load(std::memory_order_relaxed));
  return false;
}

Parked ConsumerCold::Sleep(int64_t at_most_ns, uint64_t state) {
  waited.control = &control();
  waited.sleepers = sleepers();
  const auto pending = [&] {
    if (Pending(state) || hot->interrupted.load(std::memory_order_relaxed)) return true;
    waited.longest_ns = SleepBound();
    return false;
  };
  const int64_t before = os::MonotonicNs();
  const Parked parked = ParkConsumer<RealAtomics>(waited, FutexOf(hot->interrupted), 0, SystemParkOps(),
                                                  at_most_ns, pending, [&] { return reader->MissedWake(); });
  const int64_t now = os::MonotonicNs();
  if (parked == Parked::kMissed) reader->CountLateWakeup();
  if (parked != Parked::kPending) spin.AfterSleep(now - before);
  // The remover wakes its waiters again when it is done.
  if (parked == Parked::kWoken) removed_word_checked = false;
  return parked;
}

Received ConsumerHot::NextWaiting(int64_t timeout_ns) noexcept {
  if (interrupted.load(std::memory_order_relaxed)) return cold->last_why = Got::kInterrupted;
  Received received = TryNext();
  if (received.why() != Got::kEmpty) return received;
  const int64_t deadline = DeadlineAfter(timeout_ns);
  const Wait wait = cold->options.wait;
  for (bool idle = false;;) {  // after a sleep without a message, spinning would not catch one either
    const int64_t left = deadline - os::MonotonicNs();
    if (left <= 0) return cold->last_why = Got::kTimedOut;
    if (wait != Wait::kPark && !idle) {
      const int64_t budget = wait == Wait::kSpin ? kSpinSliceNs : cold->spin.ns();
      if (cold->Spin(budget, left, W::LoadState(cold->control().room))) {
        // Return immediately, and build the result where the caller wants it: every instruction after the
        // header is latency.
        Lent lent;
        const bool straight = ring.Next(&lent);
        if (wait == Wait::kAdaptive) cold->spin.CaughtIt();
        if (straight) return ToReceived(lent);
        received = TryNextSlow();
        if (received.why() != Got::kEmpty) return received;
      }
    }
    const uint64_t state = W::LoadState(cold->control().room);
    received = TryNext();
    if (received.why() != Got::kEmpty) return received;
    if (interrupted.load(std::memory_order_relaxed)) return cold->last_why = Got::kInterrupted;
    const int64_t left_to_sleep = deadline - os::MonotonicNs();
    if (wait == Wait::kSpin || left_to_sleep <= 0) continue;
    idle = cold->Sleep(left_to_sleep, state) == Parked::kTimedOut;
    received = TryNext();
    if (received.why() != Got::kEmpty) return received;
    if (interrupted.load(std::memory_order_relaxed)) return cold->last_why = Got::kInterrupted;
  }
}

}  // namespace millrace::internal
