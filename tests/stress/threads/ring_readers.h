// SPDX-License-Identifier: Apache-2.0
// The consumers of the ring's stress test. Each checks every byte and every count that it gets.
#ifndef MILLRACE_TESTS_STRESS_THREADS_RING_READERS_H_
#define MILLRACE_TESTS_STRESS_THREADS_RING_READERS_H_

#include <sched.h>

#include <functional>
#include <random>

#include "millrace/internal/parking.h"
#include "runtime/os/park.h"
#include "tests/stress/threads/ring_run.h"

namespace millrace::testing {

inline const internal::ParkOps kSystem{[](const uint32_t* word, uint32_t seen, int64_t timeout_ns) {
                                         return timeout_ns <= 0 || os::FutexWait(word, seen, timeout_ns) ==
                                                                       os::WaitResult::kTimedOut;
                                       },
                                       &os::FutexWakeAll, &os::GlobalBarrier, &os::MonotonicNs};

// One consumer thread. It joins at a random start, reads for a while, leaves and joins again, until it has
// read a closed ring to its end.
template <class A>
class Reader {
  using W = internal::Words<A>;
  using Consumer = internal::RingConsumer<A>;

 public:
  Reader(Run<A>& run, Role role, uint32_t seat)
      : run_(run), role_(role), seat_(seat), random_(run.plan.seed * 31 + seat) {}

  void operator()() {
    while (!finished_ && !run_.Failed()) Session();
    run_.Report(role_, tally_);
  }

 private:
  bool InPlace() const { return role_ == Role::kLossless; }
  bool HoldsBack() const { return InPlace() || role_ == Role::kClumsy; }

  // Chooses a start and joins there.
  std::optional<Consumer> Join() {
    const internal::StartAt starts[] = {internal::StartAt::kEnd, internal::StartAt::kOldest,
                                        internal::StartAt::kLast, internal::StartAt::kSequence};
    const internal::StartAt start = starts[random_() % 4];
    uint64_t value = random_() % 100;
    if (start == internal::StartAt::kSequence) {
      const auto end = run_.ring.view().End();
      if (!end) return Damaged("a sound ring has no end"), std::nullopt;
      value = end->sequence - std::min<uint64_t>(value, end->sequence - run_.plan.start.sequence);
    }
    internal::JoinFailure failure{};
    std::optional<Consumer> consumer;
    if (role_ == Role::kObserver) {
      const auto chosen = internal::ChooseStart<A>(run_.ring.view(), start, value, 0);
      failure = chosen.failure;
      if (chosen) {
        consumer.emplace();
        consumer->Attach(run_.ring.memory(), {&scratch_, &scratch_waiting_, &scratch_epoch_, 0, false},
                         chosen.begin.at, chosen.begin.wanted, false);
      }
    } else {
      bool wake = false;
      const uint8_t delivery = HoldsBack() ? internal::kDeliveryLossless : internal::kDeliveryLossy;
      consumer = run_.ring.Join(seat_, delivery, start, value, random_() % 4 == 0, &failure, &wake);
      if (wake) os::FutexWakeAll(&run_.ring.seats_control().room_epoch.epoch);
    }
    if (consumer) return ++tally_.joins, consumer;
    if (failure == internal::JoinFailure::kDamaged) Damaged("a sound ring cannot be joined");
    if (failure == internal::JoinFailure::kOutOfRange) run_.Fail("join: out of range");
    ++tally_.refused;  // evicted or overtaken: the caller tries again
    return std::nullopt;
  }

  void Session() {
    std::optional<Consumer> joined = Join();
    if (!joined) return;
    Consumer& consumer = *joined;
    expected_ = consumer.start();
    first_ = true;
    parks_ = random_() % 2 == 0;
    uint64_t quota = 1 + random_() % (random_() % 2 == 0 ? 100 : 5'000);
    while (!run_.Failed()) {
      const uint64_t state = W::LoadState(run_.ring.control().room);  // loaded before the header
      internal::Lent lent;
      const internal::Read read = ReadOne(consumer, &lent);
      if (read == internal::Read::kMessage) {
        if (--quota == 0 && internal::IsOpen(state)) break;
      } else if (read == internal::Read::kEvicted && role_ == Role::kClumsy) {
        ++tally_.evicted;
        break;
      } else if (read == internal::Read::kEmpty) {
        if (!consumer.PositionStored()) Store(consumer);
        if (!internal::IsOpen(state)) {
          finished_ = true;
          run_.CheckEnd(consumer.at().sequence);
          break;
        }
        Wait(consumer, state);
      } else if (read != internal::Read::kOvertaken) {
        run_.Fail(read == internal::Read::kDamaged ? "damaged at" : "evicted at", consumer.at().sequence);
      }
    }
    Leave(consumer);
  }

  internal::Read ReadOne(Consumer& consumer, internal::Lent* lent) {
    if (consumer.OwesPosition()) Store(consumer);
    if (!HoldsBack()) {
      const internal::Read read = consumer.NextCopy(lent, std::ref(buffer_));
      if (read == internal::Read::kMessage) Check(*lent, lent->data);
      return read;
    }
    const internal::Read read = consumer.Next(lent) ? internal::Read::kMessage : consumer.NextSlow(lent);
    if (read != internal::Read::kMessage) return read;
    if (InPlace()) {
      Check(*lent, lent->data);  // plain loads of the ring's own bytes
      if (random_() % 64 == 0) Again(consumer, *lent);
      return read;
    }
    sched_yield();  // a clumsy reader is slow enough to be evicted
    std::byte* const copy = buffer_(run_.ring.max_message());
    if (const internal::Read copied = consumer.CopyChecked(*lent, copy); copied != internal::Read::kMessage) {
      consumer.Undeliver(*lent);
      return copied;
    }
    Check(*lent, copy);
    return read;
  }

  // Gives a message back, like after a handler that threw, and expects to get it again.
  void Again(Consumer& consumer, const internal::Lent& lent) {
    consumer.Undeliver(lent);
    internal::Lent again{};
    const bool there = consumer.Next(&again) || consumer.NextSlow(&again) == internal::Read::kMessage;
    if (!there || again.sequence != lent.sequence || again.data != lent.data || again.lost != lent.lost) {
      run_.Fail("an undelivered message did not come again", lent.sequence);
    }
  }

  void Check(const internal::Lent& lent, const std::byte* bytes) {
    if (tally_.received++ == 0) run_.Seen(role_);
    tally_.lost += lent.lost;
    if (lent.sequence - expected_ != lent.lost) {
      run_.Fail("another message came than loss accounts for, after", expected_);
    }
    if (HoldsBack() && lent.lost != 0 && !first_) run_.Fail("a lossless consumer lost", lent.lost);
    first_ = false;
    if (!run_.oracle.Check(lent.sequence, {bytes, lent.bytes})) run_.Fail("torn message", lent.sequence);
    expected_ = lent.sequence + 1;
  }

  void Store(Consumer& consumer) {
    if (consumer.StorePosition()) os::FutexWakeAll(&run_.ring.seats_control().room_epoch.epoch);
  }

  void Wait(Consumer& consumer, uint64_t state) {
    const internal::RingControl& control = run_.ring.control();
    if (!parks_) {
      sched_yield();
      return;
    }
    waited_.control = &control;
    waited_.sleepers = role_ == Role::kObserver ? nullptr : &run_.ring.seats_control().sleeper;
    const auto pending = [&] {
      return consumer.SomethingThere() || W::LoadState(control.room) != state || !consumer.Live();
    };
    const auto parked = internal::ParkConsumer<A>(waited_, nullptr, 0, kSystem, internal::kSleepBoundNs,
                                                  pending, [&] { return consumer.MissedWake(); });
    if (parked == internal::Parked::kMissed) ++tally_.late_wakeups;
    tally_.sleeps += parked != internal::Parked::kPending;
  }

  void Leave(Consumer& consumer) {
    const internal::ConsumerCounts& counts = consumer.counts();
    if (consumer.start() + counts.received + counts.lost + counts.skipped != consumer.at().sequence) {
      run_.Fail("received + lost + skipped differs from what passed by", counts.received);
    }
    tally_.overruns += counts.overruns;
    if (role_ == Role::kObserver) return;
    Store(consumer);
    run_.ring.Leave(seat_);
    if (consumer.OfferRoom()) os::FutexWakeAll(&run_.ring.seats_control().room_epoch.epoch);
  }

  void Damaged(const char* where) { run_.Fail(where); }

  Run<A>& run_;
  const Role role_;
  const uint32_t seat_;
  std::mt19937_64 random_;
  Tally tally_;
  CopyBuffer buffer_;
  uint64_t expected_ = 0;
  internal::WaitedRing waited_;
  bool first_ = true, parks_ = false, finished_ = false;
  internal::Seat scratch_{};
  internal::RoomWaitingWords scratch_waiting_{};
  internal::RoomEpochWords scratch_epoch_{};
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_STRESS_THREADS_RING_READERS_H_
