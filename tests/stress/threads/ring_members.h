// SPDX-License-Identifier: Apache-2.0
// Group members of the ring's stress test. They read in place, die with messages in hand (the thread ends and
// leaves its seat as it is) and adopt messages of dead members. Mutexes stand for the kernel's locks.
#ifndef MILLRACE_TESTS_STRESS_THREADS_RING_MEMBERS_H_
#define MILLRACE_TESTS_STRESS_THREADS_RING_MEMBERS_H_

#include <sched.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <random>

#include "millrace/internal/ring_group.h"
#include "millrace/internal/ring_join.h"
#include "tests/stress/threads/ring_readers.h"

namespace millrace::testing {

// The state that the members of one run share.
class GroupRun {
 public:
  static constexpr uint64_t kMost = uint64_t{1} << 26;  // messages whose deliveries are recorded
  static constexpr uint32_t kSeats = 8;

  std::mutex seat_locks[kSeats], adopter_locks[kSeats];
  std::atomic<uint64_t> deaths{0}, adopted{0}, again{0};

  // Records a delivery. Returns false if the message had already been delivered as if for the first time.
  bool Given(uint64_t message, bool first) {
    if (message >= kMost) return true;
    const uint8_t before = given_[message].fetch_or(first ? 3 : 1, std::memory_order_relaxed);
    return !first || (before & 2) == 0;
  }
  bool WasGiven(uint64_t message) const {
    return message >= kMost || given_[message].load(std::memory_order_relaxed) != 0;
  }

 private:
  std::unique_ptr<std::atomic<uint8_t>[]> given_ = std::make_unique<std::atomic<uint8_t>[]>(kMost);
};

template <class A>
class MemberThread {
  using W = internal::Words<A>;
  using Member = internal::RingMember<A>;

 public:
  MemberThread(Run<A>& run, GroupRun& group, internal::GroupPlace place, uint32_t number)
      : run_(run), group_(group), place_(place), random_(run.plan.seed * 131 + number) {}

  void operator()() {
    while (!finished_ && !run_.Failed()) Session();
    run_.Report(Role::kMember, tally_);
  }

 private:
  void Session() {
    const auto seat = static_cast<uint32_t>(6 + random_() % 2);
    if (!group_.seat_locks[seat].try_lock()) return sched_yield(), void();
    const std::unique_lock seat_lock(group_.seat_locks[seat], std::adopt_lock);
    const std::unique_lock adopter_lock(group_.adopter_locks[seat], std::try_to_lock);
    if (!adopter_lock) return;
    const internal::SeatTable table = run_.ring.table();
    internal::Seat& words = table.seats[seat];
    W::Note(words.identity.group, place_.index + 1);
    W::Note(words.identity.group_generation, place_.generation);
    const uint32_t generation = internal::GenerationOf(W::LoadSeatState(words.identity)) + 1;
    const std::optional<uint64_t> live =
        internal::JoinGroup<A>(table, seat, generation, table.control->groups[place_.index]);
    if (!live) return run_.Fail("a member was evicted while it joined");
    ++tally_.joins;
    Member member;
    member.Attach(run_.ring.memory(), table,
                  {&words, &table.control->room_waiting, &table.control->room_epoch, *live, false}, place_,
                  random_() % 2 == 0 ? 1 : 1 + random_() % 16, 0);
    Work(member);
    member.NoteProgress();
    if (member.OfferRoom()) os::FutexWakeAll(&table.control->room_epoch.epoch);
    if (W::LoadLease(words.words) == internal::kNoLease)
      W::StoreFree(words.identity, internal::MakeSeatState(generation, internal::SeatPhase::kFree, 0));
    else
      ++group_.deaths;
  }

  void Work(Member& member) {
    const auto buffer = std::ref(buffer_);
    const uint64_t quota = 1 + random_() % (random_() % 2 == 0 ? 50 : 5'000);
    for (uint64_t i = 0; i < quota && !run_.Failed(); ++i) {
      const uint64_t state = W::LoadState(run_.ring.control().room);  // loaded before the header
      if (!member.Ack()) return run_.Fail("a member's lease was taken from it");
      if (!member.holds_lease() && member.DueToLook()) Adopt(member);
      internal::Handed handed{};
      internal::Read read = member.Next(&handed, buffer);
      if (read == internal::Read::kEmpty && Adopt(member)) read = member.Next(&handed, buffer);
      if (read == internal::Read::kMessage) {
        Check(handed);
        if (member.OwesRoom()) Offer(member);
      } else if (read == internal::Read::kEmpty) {
        Offer(member);
        if (!internal::IsOpen(state) && !member.OthersHold()) {
          finished_ = true;
          return;
        }
        sched_yield();
      } else if (read != internal::Read::kOvertaken) {
        return run_.Fail("a member reads damage or was evicted", static_cast<uint64_t>(read));
      }
    }
    if (random_() % 2 == 0) (void)member.Ack();  // otherwise another member gets the message in hand
  }

  void Offer(Member& member) {
    if (member.OfferRoom()) os::FutexWakeAll(&run_.ring.seats_control().room_epoch.epoch);
  }

  bool Adopt(Member& member) {
    bool adopted = false;
    const internal::SeatTable table = run_.ring.table();
    member.ForEachLease([&](uint32_t i, uint64_t) {
      const std::unique_lock adopter_lock(group_.adopter_locks[i], std::try_to_lock);
      if (!adopter_lock) return true;
      const std::unique_lock seat_lock(group_.seat_locks[i], std::try_to_lock);
      if (!seat_lock) return true;
      internal::Seat& seat = table.seats[i];
      const uint64_t state = W::LoadStateForReason(seat.identity);
      adopted = member.Adopt(i, /*holder_dead=*/true) == internal::Adopted::kMine;
      if (W::LoadLease(seat.words) == internal::kNoLease) {
        W::StoreFree(seat.identity, internal::MakeSeatState(internal::GenerationOf(state) + 1,
                                                            internal::SeatPhase::kFree, 0));
      }
      return !adopted;
    });
    group_.adopted += adopted;
    return adopted;
  }

  void Check(const internal::Handed& handed) {
    const internal::Lent& lent = handed.lent;
    ++tally_.received;
    // Plain loads of the ring's own bytes, unless `lent` is a copy.
    if (!run_.oracle.Check(lent.sequence, {lent.data, lent.bytes}))
      run_.Fail("torn message of a group", lent.sequence);
    const bool first = handed.deliveries == 1;
    // The run continues until one message has been delivered again.
    if (!first && group_.again++ == 0) run_.Seen(Role::kMember);
    if (!group_.Given(lent.sequence - run_.plan.start.sequence, first))
      run_.Fail("given to two members as if for the first time", lent.sequence);
  }

  Run<A>& run_;
  GroupRun& group_;
  const internal::GroupPlace place_;
  std::mt19937_64 random_;
  Tally tally_;
  CopyBuffer buffer_;
  bool finished_ = false;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_STRESS_THREADS_RING_MEMBERS_H_
