// SPDX-License-Identifier: Apache-2.0
// One deliberate weakening of the checked code, switched on at run time.
//
// The policy sees every access with its label. Most mistakes in ordering can therefore be made here, without
// building the code again: a weaker order, a fence or store left out, two accesses exchanged, a re-check that
// returns the old value. A mistake that is not an access (which lock is held, in which order two functions
// are called) is a kSlip. The programs (*_program.cc) query it by its Slip.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_MUTATION_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_MUTATION_H_

#include <atomic>
#include <cstdint>

#include "tests/checker/engine/machine.h"

namespace millrace::checker {

enum class Slip : uint8_t {
  kNone,
  kNotRegistered,         // the flags show a membarrier registration that was not made
  kWakeOne,               // FUTEX_WAKE wakes one sleeper
  kPrivateFutex,          // FUTEX_WAKE wakes only its own process
  kStandsWithoutEpoch,    // an announcement is taken to stand because `sleepers` is 1
  kEpochReadAfterLook,    // FUTEX_WAIT compares with a value read after the last look
  kPositionBeforeRead,    // the position is stored while the payload is still lent
  kReclaimUnlocked,       // a dead seat is emptied after a mere probe, without its lock
  kSameEpoch,             // take-over continues in the predecessor's epoch
  kTakeOverNoWake,        // take-over wakes nobody
  kTakeOverForgetsR,      // take-over starts with R at its first position
  kTakeOverAtTail,        // take-over trusts the tail pair and walks nothing
  kStateAfterHeader,      // "closed" is loaded after the header
  kCloseNoWake,           // closing wakes nobody
  kLimitBeyondReserved,   // hostile length: the consumer does not know the largest message
  kLeaveBeforeStore,      // a seat is freed while its last message is still lent
  kLeaveNoWake,           // a leaving consumer does not check for a waiting producer
  kRetakeSameGeneration,  // a new holder of a seat keeps the old generation
  kEvictedReadsOn,        // a copy is believed without checking that the seat is still live
  kNoLastScan,            // the producer announces its sleep and does not scan again
  kForgetNothing,         // a seat was emptied, but the result of the last scan is kept
  kDeathAskedLate,        // an adopter probes a dead holder's lock after it has loaded the lease
  kDropLiveLease,         // an adopter takes every holder for dead
  kAdoptUnlocked,         // an adopter does not take the adopter lock
  kLookUnlocked,          // an adopter loads the seat's state before it has the adopter lock
  kAdoptAlone,            // adopters do not share the adopter lock
  kSitDownUnlocked,       // a joiner of a member's old seat does not take the adopter lock
  kForgetLease,           // a joiner discards the lease that is in its seat
  kEmptyLease,            // the producer empties a dead seat that holds a lease
  kLeaveFreesLease,       // a member that leaves with a message frees its seat
  kClosedWithLeases,      // a member returns closed although others hold leases
  kRetireUnlocked,        // a group is retired without its lock
  kRetireWithLeases,      // a group with messages is retired without waiting
  kStillLive,             // a dead member's seat stays live while an adopter has its lock
  kNobodyComes,           // no member is evicted for a message that its group does not adopt
  kKeepDeliveries,        // a joiner keeps the count of deliveries that is in its seat
  kClearBeyond,           // the producer clears one word more than it was granted
  kAnnounceLess,          // the producer grants three chunks that it has not announced
  kLooksOnce,             // a polling consumer believes its first look at the name after `removed` was set
  kGoneAtOnce,            // a producer's end is reported without another look at the ring
  kSlotInUse,             // a slot is reused while an evicted member of its last group lives
};

struct Mutation {
  enum Kind : uint8_t {
    kOrder,           // at `site`: uses `order` instead
    kDrop,            // at `site`: the fence, store or addition is left out
    kDelay,           // at `site`: done only after the next access at `other`
    kRepeat,          // at `site`: the load returns what this thread last loaded at `other`
    kRepeatSelf,      // at `site`: every load after the first returns the first one's value
    kConstant,        // at `site`: the load returns `value`
    kTear,            // at `site`: a read-modify-write becomes a load and a store
    kTearLate,        // at `site`: an exchange becomes a load, and a store after the next wake
    kHoist,           // the load at `site` is done before the next store at `other`, as a compiler could
    kNarrow,          // at `site`: 64-bit values are compared as signed 32-bit ones
    kAfter,           // at `site`: a load that follows one at `other` returns `value`
    kBumpFirst,       // at `site`, an exchange: the epoch changes before it instead of after it
    kJoiningIsLive,   // a scan takes a joining seat for a live one
    kPrefetch,        // loads at `site` are done before the next load at `other`
    kOwnedFirst,      // an adopter stores an owned lease without a tentative one first
    kCreatingIsUsed,  // a scan takes a group that is being created for an existing one
    kSlip,
    kElsewhere,  // cannot be made here: excuses.cc names the tests that can
  } kind;
  Site site = Site::X;
  Site other = Site::X;
  std::memory_order order = std::memory_order_relaxed;
  uint64_t value = 0;
  Slip slip = Slip::kNone;
};

// The active mutation. Null: the code is as written.
extern const Mutation* mutation;
inline bool Slipped(Slip slip) {
  return mutation != nullptr && mutation->kind == Mutation::kSlip && mutation->slip == slip;
}

// State that the mutation keeps within an execution. Forget clears it at the start of each one.
void ForgetMutationState();
uint64_t HashMutationState();

// Accesses of checked code, mutated. The signatures are those of Machine.
namespace mutated {
uint64_t Load(const void* word, uint32_t bytes, std::memory_order order, Site site);
void Store(void* word, uint32_t bytes, uint64_t value, std::memory_order order, Site site);
uint64_t ReadModifyWrite(void* word, uint32_t bytes, Rmw what, uint64_t value, std::memory_order order,
                         Site site);
bool CompareExchange(void* word, uint32_t bytes, uint64_t* expected, uint64_t desired,
                     std::memory_order order, Site site);
void Fence(std::memory_order order, Site site);
void Prefetch(const uint64_t* word);  // the next load of `word` returns what it holds now
bool Barrier();
void AfterWake();
}  // namespace mutated

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_MUTATION_H_
