// One deliberate weakening of the checked code, switched on at run time.
//
// The policy sees every access with its label, so most mistakes in ordering can be made here, without
// building the code again: a weaker order, a fence or store left out, two accesses exchanged, a re-check that
// returns what was there before. What is not an access (which lock is held, in which order two functions are
// called) is a kSlip: the programs (programs.cc) ask for it by number.
#ifndef MILLRACE_TESTS_CHECKER_MUTATION_H_
#define MILLRACE_TESTS_CHECKER_MUTATION_H_

#include <atomic>
#include <cstdint>

#include "tests/checker/machine.h"

namespace millrace::checker {

enum class Slip : uint8_t {
  kNone,
  kNotRegistered,         // the flags say that the producer registered for membarrier; it did not
  kWakeOne,               // FUTEX_WAKE of one sleeper
  kPrivateFutex,          // FUTEX_WAKE of the own process only
  kStandsWithoutEpoch,    // an announcement is taken to stand because `sleepers` is 1
  kEpochReadAfterLook,    // FUTEX_WAIT compares with what the word holds after the last look
  kPositionBeforeRead,    // the position is stored while the payload is still lent
  kReclaimUnlocked,       // a dead seat is emptied on the strength of a probe, without its lock
  kSameEpoch,             // take-over goes on in the predecessor's epoch
  kTakeOverNoWake,        // take-over wakes nobody
  kTakeOverForgetsR,      // take-over starts with R at its first position
  kTakeOverAtTail,        // take-over trusts the tail pair and walks nothing
  kStateAfterHeader,      // "closed" is looked at after the header
  kCloseNoWake,           // closing wakes nobody
  kLimitBeyondReserved,   // hostile length: the consumer does not know the largest message
  kLeaveBeforeStore,      // a seat is freed while its last message is still lent
  kLeaveNoWake,           // a leaving consumer does not look for a waiting producer
  kRetakeSameGeneration,  // a new holder of a seat keeps the old generation
  kEvictedReadsOn,        // a copy is believed without looking whether the seat is still live
  kNoLastScan,            // the producer announces that it sleeps and does not look again
  kForgetNothing,         // a seat was emptied, but the result of the last scan is kept
  kDeathAskedLate,        // an adopter asks for a dead holder's lock after it has looked at the claim
  kDropLiveClaim,         // an adopter takes every holder for dead
  kAdoptUnlocked,         // an adopter does without the rescuer lock
  kLookUnlocked,          // an adopter looks at the seat's state before it has the rescuer lock
  kAdoptAlone,            // adopters do not share the rescuer lock
  kSitDownUnlocked,       // who sits down where a member sat does without the rescuer lock
  kForgetClaim,           // who sits down forgets the claim that is there
  kEmptyClaim,            // the producer empties a dead seat that holds a claim
  kLeaveFreesClaim,       // a member that leaves with a message frees its seat
  kClosedWithClaims,      // a member says closed whatever others hold
  kRetireUnlocked,        // a group is retired without its lock
  kRetireWithClaims,      // a group is retired with its messages at once
  kStillLive,             // a dead member's seat is live as long as an adopter has its lock
  kNobodyComes,           // nobody is evicted for a message that its group does not adopt
  kKeepDeliveries,        // who sits down keeps the count of deliveries that is there
  kClearBeyond,           // the producer clears a word more than it was granted
  kAnnounceLess,          // the producer grants three chunks that it has not announced
  kSlotInUse,             // a slot is used again although an evicted member of its last group lives
};

struct Mutation {
  enum Kind : uint8_t {
    kOrder,           // at `site`: `order` instead
    kDrop,            // at `site`: the fence, store or addition is left out
    kDelay,           // at `site`: done only after the next access at `other`
    kRepeat,          // at `site`: the load returns what this thread last loaded at `other`
    kRepeatSelf,      // at `site`: every load but the first returns what the first one did
    kConstant,        // at `site`: the load returns `value`
    kTear,            // at `site`: a read-modify-write becomes a load and a store
    kTearLate,        // at `site`: an exchange becomes a load, and a store after the next wake
    kHoist,           // the load at `site` is done before the next store at `other`, as a compiler could
    kNarrow,          // at `site`: 64-bit values are compared as signed 32-bit ones
    kAfter,           // at `site`: a load that follows one at `other` returns `value`
    kBumpFirst,       // at `site`, an exchange: the epoch moves before it instead of after it
    kJoiningIsLive,   // a scan takes a joining seat for a live one
    kPrefetch,        // loads at `site` are done before the next load at `other`
    kOwnedFirst,      // an adopter stores an owned claim at once
    kCreatingIsUsed,  // a scan takes a group that is being created for one that is there
    kSlip,
    kElsewhere,  // cannot be made here: tests that can are named in excuses.cc
  } kind;
  Site site = Site::X;
  Site other = Site::X;
  std::memory_order order = std::memory_order_relaxed;
  uint64_t value = 0;
  Slip slip = Slip::kNone;
};

// The one that is on; null: the code as it is.
extern const Mutation* mutation;
inline bool Slipped(Slip slip) {
  return mutation != nullptr && mutation->kind == Mutation::kSlip && mutation->slip == slip;
}

// What the mutation needs to remember within an execution; forgotten at its start.
void ForgetMutationState();
uint64_t HashMutationState();

// Accesses of checked code, mutated. The same signatures as Machine's.
namespace mutated {
uint64_t Load(const void* word, uint32_t bytes, std::memory_order order, Site site);
void Store(void* word, uint32_t bytes, uint64_t value, std::memory_order order, Site site);
uint64_t ReadModifyWrite(void* word, uint32_t bytes, Rmw what, uint64_t value, std::memory_order order,
                         Site site);
bool CompareExchange(void* word, uint32_t bytes, uint64_t* expected, uint64_t desired,
                     std::memory_order order, Site site);
void Fence(std::memory_order order, Site site);
void Prefetch(const uint64_t* word);  // the next load of it returns what it holds now
bool Barrier();
void AfterWake();
}  // namespace mutated

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_MUTATION_H_
