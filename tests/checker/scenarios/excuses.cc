// SPDX-License-Identifier: Apache-2.0
// Mutants that no scenario can distinguish from the code, each with the reason why.
//
// There are three kinds. Two mechanisms guard something independently, and each mutant removes one. An order
// exists that no thread draws conclusions from. Or the mutant is not made of accesses; its excuse names the
// test that catches it.
#include <fstream>
#include <sstream>

#include "tests/checker/scenarios/mutants.h"

namespace millrace::checker {
namespace {

constexpr char kTwoChains[] =
    "guarded twice: W2|P7 and P8|W1 each by itself keep a waiter from reading the epoch of the very bump "
    "that "
    "answers its announcement (a load of what its own later store causes); and who reads a new epoch without "
    "the message announces itself anew and looks again behind the barrier";
constexpr char kRoomLoadBuffering[] =
    "F4|B1 keeps the producer from reading the room epoch of the very bump that answers its request, which "
    "it "
    "makes later: that is load buffering, which this memory model does not have. Kept for processors that do";
constexpr char kScanFence[] =
    "guarded twice: the scan that follows the announcement begins with R2, a full fence as well";
constexpr char kEpochMoves[] =
    "guarded twice: take-over moves the wake epoch (P8) after the flags and before it publishes, so that who "
    "read the old flags under the old epoch does not fall asleep; the second look at the flags is the other "
    "guard";
constexpr char kSeatVisible[] =
    "guarded twice: R2|J4 decides whether a scan sees the seat, and J2|R4 brings the position with the state";

constexpr Excuse kExcuses[] = {
    {"weaken P7 to acquire",
     "only producers load this word, one at a time and under their lock: nobody learns anything from the 0"},
    {"weaken P7 to release", kTwoChains},
    {"weaken P8 to relaxed", kTwoChains},
    {"weaken W1 to relaxed", kTwoChains},
    {"weaken W2 to relaxed", kTwoChains},
    {"weaken S3 to relaxed", "the word is a hint: the link count decides", "promises/removal_test.cc",
     nullptr},
    {"weaken S4 to relaxed", "the word is a hint: the link count decides", "promises/removal_test.cc",
     nullptr},
    {"weaken T3 to relaxed",
     "the acquire loads before it already keep it last; what is read after it is checked against R again "
     "(C3)"},
    {"weaken R6 to relaxed",
     "R7 orders it before the bytes; from R itself nobody concludes more than that bytes are given up"},
    {"weaken R8 to relaxed", kSeatVisible},
    {"weaken J7 to acquire", kSeatVisible},
    {"weaken J7 to release", "a joiner concludes nothing from the number of seats that it raises"},
    {"weaken J6 to acquire",
     "J4, a full fence, stands between the last store of the position and this exchange, and so releases all "
     "that a reader of the live state must see"},
    {"weaken J6 to release",
     "a joiner concludes nothing from the state that it replaces; a failing exchange acquires anyway"},
    {"weaken E1 to release", "the producer concludes nothing from the state that it replaces"},
    {"weaken W5 to relaxed", kEpochMoves},
    {"weaken O1 to relaxed", kEpochMoves},
    {"drop O2", kEpochMoves},
    {"weaken O2 to acq_rel", kEpochMoves},
    {"swap O1 O2", kEpochMoves},
    {"recheck W5", kEpochMoves, "unit/parking_test.cc", "UnitParking, NewProducerEpochIsAnnouncedToAgain"},
    {"weaken B1 to relaxed", kRoomLoadBuffering},
    {"weaken F4 to relaxed", kRoomLoadBuffering},
    {"weaken F3 to release",
     "a consumer concludes nothing from the request but that it was made; F4|B1 orders the rest"},
    {"weaken F3 to acquire", "only consumers load this word: none learns anything from the 0"},
    {"drop B3", kScanFence, "unit/parking_test.cc", "UnitParking, ProducerAnnouncesBeforeItsLastScan"},
    {"weaken B3 to acq_rel", kScanFence, "unit/parking_test.cc",
     "UnitParking, ProducerAnnouncesBeforeItsLastScan"},
    {"swap B2 B3", kScanFence, "unit/parking_test.cc", "UnitParking, ProducerAnnouncesBeforeItsLastScan"},
    {"drop K4", "marks may be missing: readers resume at the end, and count it", "unit/ring_consumer_test.cc",
     "UnitRingConsumerLossy, WithoutAnyMarkResumesAtTheEnd"},
    {"drop E1", "the seat goes on holding the producer back: nothing is overwritten",
     "unit/ring_producer_test.cc", "UnitRingProducer, EvictionFreesRoomAndKeepsTheReason"},
    {"tear P7",
     "who announces itself between the two halves has read the epoch before, which P8 moves after them: it "
     "does not fall asleep"},
    {"tear P8",
     "one producer at a time moves it; whoever unlinks or evicts by hand may do so as well, and is not among "
     "the programs"},
    {"narrow K5", "the second look differs, so that the mark is not used: fewer marks, which readers count",
     "unit/layout_test.cc", "UnitLayout, AheadComparesAcrossEveryWrap"},
    {"reclaim unnoticed", "guarded twice: a claim that found no room has forgotten its scan itself",
     "unit/ring_producer_test.cc", "UnitRingScanSkipping, ForgottenScanIsRepeated"},
    {"mask in shared memory", "the view copies its sizes once and has no way to the header",
     "promises/hostile_bytes_test.cc", nullptr},
    {"length read twice", "a frame's header is loaded once", "promises/hostile_bytes_test.cc", nullptr},
    {"locked after link", "is the kernel's", "unit/os_lock_test.cc", "UnitOsLock, ANewFileIsBornLocked"},
    {"lock by descriptor", "is the kernel's", "unit/os_lock_test.cc",
     "UnitOsLock, SurvivesTheClosingOfAllDescriptors"},
    {"inherited mapping", "is the kernel's", "unit/os_lock_test.cc",
     "UnitOsLock, IsNotInheritedByAForkedChild"},
    {"classic lock", "is the kernel's", "unit/os_lock_test.cc",
     "UnitOsLock, OpeningAndClosingTheFileElsewhereDoesNotDropIt"},
    {"ftruncate", "is the kernel's", "unit/os_reserve_test.cc", "UnitOsReserve, ReservedBytesAreAllocated"},
    {"mark in a batch", "where a mark is made is no access that could be changed", "unit/ring_batch_test.cc",
     "UnitRingBatch, MarksAreRecordedAfterTheBatch"},
    {"weaken G4 to release",
     "what a member reads of the messages that it takes, it has acquired from their headers (C1)"},
    {"weaken G5 to release",
     "who changes a lease has stored the value that it replaces, or acquired it (G6): only an adopter "
     "changes "
     "another's, and positions do not come again"},
    {"weaken G11 to relaxed",
     "members read this cursor after they had the group's lock, as its creator had; the producer has "
     "published "
     "what lies below; R12 brings it with the flags"},
    {"weaken G12 to relaxed",
     "J4, a full fence, stands between the cursor and the flags that make it count; under the flags before "
     "that "
     "an old cursor is one that has lost its race, and J4 makes the creator see the intent"},
    {"weaken G13 to relaxed",
     "read under the group's lock; without it, the one conclusion is that the group is gone, which stays "
     "true"},
    {"weaken G14 to release", "who retires a group has its lock, and concludes nothing from the flags"},
    {"tear G14",
     "flags change under the group's lock only, but for a scan that finds nonsense, which nobody honest "
     "writes"},
};

}  // namespace

const Excuse* ExcuseFor(const std::string& mutant) {
  for (const Excuse& e : kExcuses) {
    if (mutant == e.mutant) return &e;
  }
  return nullptr;
}

bool TestExists(const Excuse& excuse, const std::string& tests_directory) {
  if (excuse.file == nullptr) return true;
  std::ifstream in(tests_directory + "/" + excuse.file);
  std::ostringstream text;
  text << in.rdbuf();
  if (text.str().empty()) return false;
  if (excuse.test == nullptr) return true;
  const std::string test = excuse.test;
  return text.str().find(test[0] == '-' ? test : "(" + test + ")") != std::string::npos;
}

}  // namespace millrace::checker
