// SPDX-License-Identifier: Apache-2.0
// Keeps what is true about groups: which member holds which message, and what may become of the message.
//
// This record, like all of World, is kept by watching every store as it happens. Programs add what no store
// shows: which thread takes which seat, that a message was handed to a caller, that a member reports the
// group as finished. The rules:
//
// T1  A message below the cursor that is not finished is held by a lease, and R does not pass it.
// T2  Such a message is handed out again only if a member that had leased it died, was evicted or left with
//     it. The count of its deliveries then includes that.
// T3  A lease is taken only from a seat whose holder is dead, evicted or gone. A seat that holds a lease is
//     not freed.
// T4  The cursor moves from boundary to boundary, by a member of this very group.
// T5  A member returns "closed" only when every message is finished.
// T6  A group is retired only under its lock and without living members. It has no messages of dead members
//     then, unless they are meant to be abandoned.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_GROUP_TRUTH_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_GROUP_TRUTH_H_

#include <cstdint>

#include "millrace/internal/layout.h"
#include "tests/checker/engine/machine.h"

namespace millrace::checker {

inline constexpr uint32_t kSeats = 3;
inline constexpr uint32_t kGroupsUsed = 2;
inline constexpr uint32_t kMostTaken = 24;  // messages in one scenario with groups

class GroupTruth {
 public:
  void Reset();
  uint64_t Hash() const;
  // Records a group that existed before the scenario begins, and a seat that held its first message then.
  void BeginsWith(uint32_t group, uint64_t first, uint64_t cursor);
  void BeginsHeld(uint32_t seat, uint64_t lease, internal::SeatPhase phase);

  // ---- called after stores -------------------------------------------------------------------------------
  void LeaseStored(uint32_t seat, uint64_t lease);
  void LeaseChanged(uint32_t seat, uint64_t from, uint64_t to);
  void EndStored(uint32_t seat, uint64_t end);
  void CursorStored(uint32_t group, uint64_t to);
  void CursorMoved(uint32_t group, uint64_t from, uint64_t to);
  void FlagsStored(uint32_t group, uint32_t flags);
  void Retired(uint32_t group);
  void StateChanged(uint32_t seat, uint64_t state);
  void Reserved(uint64_t r) const;

  // ---- called by programs --------------------------------------------------------------------------------
  void BornIn(uint32_t seat);                    // the calling thread is the orphan of a scenario
  void SitsDown(uint32_t seat, uint32_t group);  // the calling thread, before its seat's state shows it
  void GetsUp();                                 // the calling thread, before it releases its seat's lock
  // Records that the calling thread was given this message, with `times` as the count of its deliveries.
  void HandedOut(uint64_t sequence, uint64_t times);
  void SaysClosed() const;
  // Does a seat hold a lease whose holder will not finish it?
  bool SomethingAbandoned() const;
  // Records that the calling thread retires a group next: with what its dead members hold, or only without.
  void Retires(bool abandon) { threads_[machine->self()].retires = abandon ? 2 : 1; }

 private:
  struct Message {
    uint8_t handed = 0;  // number of times
    uint8_t leased = 0;  // by which threads, as bits
    bool done = false;   // a thread that held it has finished it
  };
  struct SeatTruth {
    uint8_t holder = kNobody;  // thread
    uint8_t group = kGroupsUsed;
    internal::SeatPhase phase{};
    uint8_t handed = 0;  // times the message at the lease was handed out, by this member or before
    uint8_t slack = 0;   // hand-outs that may be uncounted, because their holder lived
    uint64_t lease = internal::kNoLease;
    uint64_t end = 0;
  };
  struct Mine {  // state of a thread
    uint8_t seat = kSeats;
    uint8_t generation = 0;                // generation of its group
    bool gone = false;                     // evicted, or left a lease in its seat
    uint8_t retires = 0;                   // 1: an empty group, 2: any
    uint64_t handed = internal::kNoLease;  // position of the message in hand
  };
  struct Group {
    bool exists = false, creating = false;
    uint8_t generation = 0;
    uint64_t first = 0, cursor = 0;
    Message messages[kMostTaken];
  };
  static constexpr uint8_t kNobody = 255, kOrphan = 7;  // kOrphan: dead or evicted before the scenario

  bool Gone(uint32_t thread) const;
  bool Living(const SeatTruth& seat) const;
  Message* At(Group& group, uint64_t position);
  void NoteLease(uint32_t seat);
  bool Covers(const SeatTruth& seat, uint64_t position) const;
  template <class F>
  void ForEachTaken(const Group& group, F f) const;
  void JudgeHeld(uint32_t group) const;

  SeatTruth seats_[kSeats];
  Mine threads_[kThreads];
  Group groups_[kGroupsUsed];
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_GROUP_TRUTH_H_
