// What is true about groups: who holds which message, and what may become of it.
//
// Kept, like all of World, by looking at every store as it happens; programs add what no store shows: who
// sits down where, that a message was handed to a caller, that a member says the group is done. The rules:
//
// T1  A message below the cursor that nobody is done with is held by a claim, and R does not pass it.
// T2  It is handed out again only if somebody who had claimed it died, was evicted or left with it; then the
//     count of its deliveries says so.
// T3  A claim is taken only from a seat whose holder is dead, evicted or gone; a seat that holds one is not
//     freed.
// T4  The cursor moves from boundary to boundary, by a member of this very group.
// T5  Who says "closed" knows that somebody is done with each message.
// T6  A group is retired only without living members, under its lock, and without messages of the dead unless
//     they are meant to be abandoned.
#ifndef MILLRACE_TESTS_CHECKER_GROUP_TRUTH_H_
#define MILLRACE_TESTS_CHECKER_GROUP_TRUTH_H_

#include <cstdint>

#include "millrace/internal/layout.h"
#include "tests/checker/machine.h"

namespace millrace::checker {

inline constexpr uint32_t kSeats = 3;
inline constexpr uint32_t kGroupsUsed = 2;
inline constexpr uint32_t kMostTaken = 24;  // messages in one scenario with groups

class GroupTruth {
 public:
  void Reset();
  uint64_t Hash() const;
  // A group that was there before the scenario begins, and who had the first message in hand then.
  void BeginsWith(uint32_t group, uint64_t first, uint64_t cursor);
  void BeginsHeld(uint32_t seat, uint64_t claim, internal::SeatPhase phase);

  // ---- told of stores ------------------------------------------------------------------------------------
  void ClaimStored(uint32_t seat, uint64_t claim);
  void ClaimChanged(uint32_t seat, uint64_t from, uint64_t to);
  void EndStored(uint32_t seat, uint64_t end);
  void CursorStored(uint32_t group, uint64_t to);
  void CursorMoved(uint32_t group, uint64_t from, uint64_t to);
  void FlagsStored(uint32_t group, uint32_t flags);
  void Retired(uint32_t group);
  void StateChanged(uint32_t seat, uint64_t state);
  void Reserved(uint64_t r) const;

  // ---- told by programs ----------------------------------------------------------------------------------
  void BornIn(uint32_t seat);                    // the calling thread is the orphan of a scenario
  void SitsDown(uint32_t seat, uint32_t group);  // the calling thread, before its state says so
  void GetsUp();                                 // before it gives up the lock
  // The calling thread was given this message, and told that it is for the n-th time.
  void HandedOut(uint64_t sequence, uint64_t times);
  void SaysClosed() const;
  // Does a seat hold a claim whose holder will not go on with it?
  bool SomethingAbandoned() const;
  // The calling thread retires a group next, with what its dead members hold or only without.
  void Retires(bool abandon) { threads_[machine->self()].retires = abandon ? 2 : 1; }

 private:
  struct Message {
    uint8_t handed = 0;   // times
    uint8_t claimed = 0;  // by which threads, as bits
    bool done = false;    // somebody who had it gave it up
  };
  struct SeatTruth {
    uint8_t holder = kNobody;  // thread
    uint8_t group = kGroupsUsed;
    internal::SeatPhase phase{};
    uint8_t handed = 0;  // times the message at the claim was handed out, by this member or before
    uint8_t slack = 0;   // ... of which so many may not have been counted: their holder lived
    uint64_t claim = internal::kNoClaim;
    uint64_t end = 0;
  };
  struct Mine {  // of a thread
    uint8_t seat = kSeats;
    uint8_t generation = 0;                // of its group
    bool gone = false;                     // evicted, or left a claim behind
    uint8_t retires = 0;                   // 1: an empty group, 2: any
    uint64_t handed = internal::kNoClaim;  // position of the message in its hands
  };
  struct Group {
    bool exists = false, creating = false;
    uint8_t generation = 0;
    uint64_t first = 0, cursor = 0;
    Message messages[kMostTaken];
  };
  static constexpr uint8_t kNobody = 255, kOrphan = 7;  // kOrphan: dead or evicted before the scenario began

  bool Gone(uint32_t thread) const;
  bool Living(const SeatTruth& seat) const;
  Message* At(Group& group, uint64_t position);
  void Claims(uint32_t seat);
  bool Covers(const SeatTruth& seat, uint64_t position) const;
  template <class F>
  void ForEachTaken(const Group& group, F f) const;
  void JudgeHeld(uint32_t group) const;

  SeatTruth seats_[kSeats];
  Mine threads_[kThreads];
  Group groups_[kGroupsUsed];
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_GROUP_TRUTH_H_
