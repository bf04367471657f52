// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/scenarios/mutants.h"

#include <fstream>
#include <sstream>

namespace millrace::checker {
namespace {

using K = Mutation;
constexpr auto kRelaxed = std::memory_order_relaxed;

struct Written {
  const char* name;
  const char* about;
  Mutation mutation;
  const char* hint;
  bool brief = false;
  bool only_there = false;
};

Mutation Drop(Site site) { return {K::kDrop, site}; }
Mutation Delay(Site site, Site until) { return {K::kDelay, site, until}; }
Mutation Repeat(Site site, Site earlier) { return {K::kRepeat, site, earlier}; }
Mutation Once(Site site) { return {K::kRepeatSelf, site}; }
Mutation After(Site site, Site other) { return {K::kAfter, site, other}; }
Mutation Tear(Site site) { return {K::kTear, site}; }
Mutation Narrow(Site site) { return {K::kNarrow, site}; }
Mutation Make(Slip slip) { return {K::kSlip, Site::X, Site::X, kRelaxed, 0, slip}; }
Mutation Prefetch(Site site, Site other) { return {K::kPrefetch, site, other}; }
Mutation Elsewhere() { return {K::kElsewhere}; }

std::vector<Written> WrittenDown() {
  using S = Site;
  return {
      // Two accesses exchanged.
      {"swap P1 P2", "the stop sign after the message it stops after", Delay(S::P1, S::P2), "room", true},
      {"swap P2 P3", "tail.sequence before the header", Delay(S::P2, S::P3), "take-over"},
      {"swap P3 P4", "tail.position before tail.sequence (model tailpair -DPOSFIRST)", Delay(S::P3, S::P4),
       "join-end"},
      {"swap P9 P2", "a header inside a batch after the first one", Delay(S::P9, S::P2), "batch", true},
      {"swap P2 P4", "the tail before the header (seeded 4)", Delay(S::P2, S::P4), "take-over"},
      {"swap P2 P6", "the header after the look at sleepers", Delay(S::P2, S::P6), "wake"},
      {"swap P7 P8",
       "the epoch moves before the announcement is taken",
       {K::kBumpFirst, S::P7, S::P8},
       "sleepers"},
      {"swap R1 R2", "intent after the fence", Delay(S::R1, S::R2), "join"},
      {"swap R1 R6", "intent after the scan (model join -DFENCE=0)", Delay(S::R1, S::R6), "join", true},
      {"swap R6 R7", "R after its fence", Delay(S::R6, S::R7), "crammed"},
      {"swap R6 P1", "R after the first byte it gives up", Delay(S::R6, S::P1), "lapped", true},
      {"swap J1 J2", "the position after the state", Delay(S::J1, S::J2), "join-two"},
      {"swap J3 J4", "joins counted after the fence", Delay(S::J3, S::J4), "join"},
      {"swap J3 J5", "joins counted after intent was read (model join -DSKIPBAD)", Delay(S::J3, S::J5),
       "join", true},
      {"swap J2 J4", "the seat becomes visible after the fence", Delay(S::J2, S::J4), "join"},
      {"swap K1 K2", "the mark is voided after the fence", Delay(S::K1, S::K2), "marks-weak"},
      {"swap K1 K3", "the mark is voided after its new sequence", Delay(S::K1, S::K3), "marks-weak"},
      {"swap K3 K4", "the position of a mark before its sequence (model marktorn -DPOSFIRST)",
       Delay(S::K3, S::K4), "marks", true},
      {"swap C6 F1", "the position after the fence", Delay(S::C6, S::F1), "room", true},
      {"swap C6 F2", "the position after the look at room_waiting", Delay(S::C6, S::F2), "room"},
      {"swap F3 F4",
       "the room epoch moves before the request is taken",
       {K::kBumpFirst, S::F3, S::F4},
       "room"},
      {"swap B2 B3", "the request for room after its fence", Delay(S::B2, S::B3), "room"},
      {"swap W2 W3", "the announcement after the membarrier", Delay(S::W2, S::W3), "wake", true},
      {"swap W2 W4", "the announcement after the fence", Delay(S::W2, S::W4), "wake-fenced"},
      {"swap O1 O2", "the flags after the fence", Delay(S::O1, S::O2), "take-over-asym"},
      {"swap O1 P2", "the flags after the first publication", Delay(S::O1, S::P2), "take-over-asym", true},

      // A store, fence or other access left out.
      {"drop P1", "no stop sign", Drop(S::P1), "room"},
      {"drop P9", "headers inside a batch are never stored", Drop(S::P9), "batch"},
      {"drop P3", "tail.sequence is never stored", Drop(S::P3), "join-end"},
      {"drop P4", "tail.position is never stored", Drop(S::P4), "lapped"},
      {"drop P8", "the word does not change before a wake (seeded 11)", Drop(S::P8), "sleepers", true},
      {"drop C6", "positions are never stored", Drop(S::C6), "room"},
      {"drop R1", "intent is never stored", Drop(S::R1), "join"},
      {"drop R6", "R is never stored", Drop(S::R6), "lapped"},
      {"drop K1", "a mark is rewritten without being voided (model marktorn)", Drop(S::K1), "marks-weak",
       true},
      {"drop K4", "marks are never made", Drop(S::K4), "lapped"},
      {"drop J3", "joins are not counted", Drop(S::J3), "join"},
      {"drop J7", "seats_used is never raised", Drop(S::J7), "join"},
      {"drop J8", "a seat is not freed", Drop(S::J8), "room"},
      {"drop E1", "an eviction that is only believed", Drop(S::E1), "evict"},
      {"drop W2", "a sleeper does not announce itself", Drop(S::W2), "wake"},
      {"drop B2", "the producer does not announce itself", Drop(S::B2), "room"},
      {"drop F4", "the room epoch does not change before a wake (model park -DNO_EPOCH)", Drop(S::F4),
       "room"},
      {"drop S1", "closing and opening are never stored", Drop(S::S1), "close"},
      {"hoist P6",
       "no compiler barrier in publish: sleepers is read before the stores (seeded 6)",
       {K::kHoist, S::P6, S::P2},
       "wake",
       true},

      // A re-check left out.
      {"recheck P10",
       "a stop sign is taken to stand wherever a message ends",
       {K::kConstant, S::P10},
       "batch-take-over"},
      {"recheck C5", "no re-check after the copy (seeded 3)", Repeat(S::C5, S::C3), "lapped", true},
      {"recheck C3", "R is looked at once and never again", Once(S::C3), "lapped"},
      {"recheck C2", "a consumer looks at its own seat once and never again", Once(S::C2), "evict-copy"},
      {"recheck J5", "a joiner does not look at intent", {K::kConstant, S::J5}, "join", true},
      {"recheck K8", "a mark's position is not read again", Repeat(S::K8, S::K5), "marks-weak"},
      {"recheck W5", "the flags are not read again (model asym_flag)", Once(S::W5), "take-over-asym", true},
      {"recheck T1", "tail.position is read once and never again", Once(S::T1), "lossy"},
      {"recheck T3", "R is not looked at again where the tail is read", Once(S::T3), "lapped"},
      {"recheck tail", "the tail pair is believed without its header (model tailpair -DNAIVE)",
       After(S::C1, S::T2), "take-over", true},
      {"recheck asleep", "no last look between membarrier and sleep", After(S::C1, S::W3), "wake", true},
      {"recheck asleep fenced", "no last look between fence and sleep", After(S::C1, S::W4), "wake-fenced"},
      {"recheck room", "no last scan before the producer sleeps", Make(Slip::kNoLastScan), "room", true},
      {"recheck R3", "joins is read once and never again", Once(S::R3), "join"},
      {"recheck R5", "positions are read once and never again", Once(S::R5), "room"},
      {"recheck R8", "seats_used is read once and never again", Once(S::R8), "join-two"},
      {"joining is live",
       "a joiner that lost its race is evicted as nonsense (model join_evict)",
       {K::kJoiningIsLive},
       "join-overtaken",
       true},

      // Read-modify-writes that must be one instruction.
      {"tear P7", "sleepers is read and then cleared", Tear(S::P7), "sleepers"},
      {"tear late P7",
       "sleepers is cleared after the wake (seeded 12)",
       {K::kTearLate, S::P7},
       "sleepers",
       true},
      {"tear P8", "the epoch is read and then stored", Tear(S::P8), "sleepers"},
      {"tear F3", "room_waiting is read and then cleared", Tear(S::F3), "room-two"},
      {"tear late F3", "room_waiting is cleared after the wake", {K::kTearLate, S::F3}, "room-two"},
      {"tear F4", "the room epoch is read and then stored (model park -DPLAIN_EPOCH)", Tear(S::F4),
       "room-two"},
      {"tear J3", "joins is read and then stored", Tear(S::J3), "join-counted"},
      {"tear J6", "a joiner goes live by a store: its eviction is undone", Tear(S::J6), "evict-late", true},
      {"tear J7", "seats_used is read and then stored", Tear(S::J7), "room-two"},
      {"tear E1", "an eviction by a store: a new holder of the seat is evicted", Tear(S::E1), "evict-leave"},

      // Wrong widths and numbers.
      {"narrow C3", "R is compared as a signed 32-bit number (seeded 13)", Narrow(S::C3), "wrap-32", true},
      {"narrow C5", "the same after a copy", Narrow(S::C5), "wrap-32"},
      {"narrow T1", "tail.position is a signed 32-bit number", Narrow(S::T1), "wrap-31"},
      {"narrow T2", "tail.sequence is a signed 32-bit number", Narrow(S::T2), "wrap-31"},
      {"narrow T3", "R at the tail", Narrow(S::T3), "wrap-31"},
      {"narrow R5", "the positions of seats", Narrow(S::R5), "wrap-31"},
      {"narrow K5", "the positions of marks", Narrow(S::K5), "wrap-31"},
      {"narrow K6", "the sequences of marks", Narrow(S::K6), "wrap-32"},
      {"narrow J5", "intent", Narrow(S::J5), "join-overtaken"},

      // Mistakes of the code around the ring.
      {"not registered", "asym = 1 without registration (seeded 8)", Make(Slip::kNotRegistered), "wake",
       true},
      {"wake one", "FUTEX_WAKE of one sleeper (seeded 9)", Make(Slip::kWakeOne), "sleepers", true},
      {"private futex", "FUTEX_PRIVATE_FLAG (seeded 10)", Make(Slip::kPrivateFutex), "wake", true},
      {"late epoch", "the futex word is read after the last look (model park -DLATE_EPOCH)",
       Make(Slip::kEpochReadAfterLook), "wake"},
      {"stands without epoch",
       "sleepers is 1, so the announcement of before stands (model wake -DSTANDS_WITHOUT_EPOCH)",
       Make(Slip::kStandsWithoutEpoch), "sleepers-again"},
      {"early position", "the position is stored before the payload was read (seeded 17)",
       Make(Slip::kPositionBeforeRead), "room", true},
      {"early leave", "the seat is freed before the payload was read", Make(Slip::kLeaveBeforeStore),
       "leave"},
      {"silent leave", "who leaves does not look for a waiting producer", Make(Slip::kLeaveNoWake), "leave"},
      {"reclaim unlocked", "a dead seat is emptied without its lock (seeded 24)",
       Make(Slip::kReclaimUnlocked), "reseat-sure", true},
      {"reclaim unnoticed", "a seat was emptied but the last scan is believed", Make(Slip::kForgetNothing),
       "reclaim"},
      {"same generation", "a new holder keeps the generation of the last one",
       Make(Slip::kRetakeSameGeneration), "evict-leave"},
      {"same epoch", "take-over forgets the epoch (seeded 23)", Make(Slip::kSameEpoch), "take-over", true},
      {"silent take-over", "take-over wakes nobody", Make(Slip::kTakeOverNoWake), "take-over-asym"},
      {"take-over at R", "take-over moves R back", Make(Slip::kTakeOverForgetsR), "take-over", true},
      {"clears beyond", "the producer clears a word more than it was granted", Make(Slip::kClearBeyond),
       "room", true},
      {"announces less", "the producer grants three chunks that it has not announced (model join -DBEYOND)",
       Make(Slip::kAnnounceLess), "join-announced"},
      {"take-over at tail", "take-over believes the tail pair", Make(Slip::kTakeOverAtTail), "take-over",
       true},
      {"late state", "closed is read after the header (model close)", Make(Slip::kStateAfterHeader), "close",
       true},
      {"silent close", "closing wakes nobody", Make(Slip::kCloseNoWake), "close"},
      {"no limit", "a length above the maximum is believed (seeded 15)", Make(Slip::kLimitBeyondReserved),
       "hostile", true},
      {"evicted reads on", "a copy is believed although the seat was evicted", Make(Slip::kEvictedReadsOn),
       "evict-copy", true},

      {"recheck C5 lossless", "a lossless copy is judged by its seat alone", Repeat(S::C5, S::C3),
       "seat-moved", true, true},
      {"looks once", "a consumer that polls ignores `removed` after it has looked half-way through an unlink",
       Make(Slip::kLooksOnce), "unlink-half", true},
      {"gone at once", "a producer's end hides its last message (model gone -DHEADER_FIRST)",
       Make(Slip::kGoneAtOnce), "gone", true},

      // Groups. The option of the model `group` that makes the same mistake is in brackets.
      {"swap R9 R10", "the scan reads leases before cursors (CURSOR_LAST)", Prefetch(S::R10, S::R9),
       "group-room", true},
      {"swap R8 R11", "the scan reads seats_used before the moves (SEATS_FIRST)", Prefetch(S::R8, S::R11),
       "group-late", true},
      {"swap R4 R11", "the scan reads the states of seats before the moves", Prefetch(S::R4, S::R11),
       "group-late"},
      {"swap G1 G8", "an adopter reads the end of a lease before the cursor (END_FIRST)",
       Prefetch(S::G8, S::G1), "group-end"},
      {"swap G2 G4", "a member stores its lease after it has moved the cursor", Delay(S::G2, S::G4),
       "group-crash", true},
      {"swap G3 G4", "the end of a lease is stored after the cursor moved (LATE_END)", Delay(S::G3, S::G4),
       "group-crash-leases", true},
      {"swap G7 G5", "a move is counted after the lease has left its old seat (LATE_COUNT)",
       Delay(S::G7, S::G5), "group-adopt", true},
      {"swap G11 G12", "the cursor of a new group after its flags", Delay(S::G11, S::G12), "group-create"},
      {"swap G12 J4", "the flags of a new group after the fence", Delay(S::G12, S::J4), "group-create"},
      {"drop G3", "the end of a lease is never stored", Drop(S::G3), "group-crash-leases"},
      {"drop G7", "moves are not counted (MOVE_UNCOUNTED)", Drop(S::G7), "group-adopt", true},
      {"drop G9", "deliveries are not counted", Drop(S::G9), "group-crash"},
      {"recheck R11", "the moves are read once and never again (MOVES_ONCE)", Once(S::R11), "group-adopt"},
      {"recheck R11 closed", "the same for a member that asks whether the group is done (CLOSED_UNCOUNTED)",
       Once(S::R11), "group-ask", false, true},
      {"recheck C5 member", "a copy of an adopted message is believed without a second look (COPY_UNCHECKED)",
       Repeat(S::C5, S::C3), "group-lost", true, true},
      {"tear G4", "the cursor is read and then stored", Tear(S::G4), "group-two", true},
      {"tear G5", "leases are changed by stores (OWN_BY_STORE)", Tear(S::G5), "group-evict", true},
      {"tear G14", "a group is retired by a store", Tear(S::G14), "group-retire"},
      {"narrow R9", "the cursors of groups, as signed 32-bit numbers", Narrow(S::R9), "group-wrap"},
      {"narrow G1", "the same for members", Narrow(S::G1), "group-wrap"},
      {"owned first",
       "an adopter stores an owned lease at once (OWNED_FIRST)",
       {K::kOwnedFirst},
       "group-finish",
       true},
      {"creating is used",
       "a group that is being created is judged like one that is there",
       {K::kCreatingIsUsed},
       "group-create-late"},
      {"late death",
       "an adopter looks at lease and cursor before it knows that their holder is dead (LATE_DEATH)",
       Make(Slip::kDeathAskedLate), "group-end"},
      {"drop live lease", "the tentative lease of an evicted member that lives is dropped (DROP_LIVE_LEASE)",
       Make(Slip::kDropLiveLease), "group-operator"},
      {"adopt alone", "adopters do not share the adopter lock (EXCLUSIVE)", Make(Slip::kAdoptAlone),
       "group-adopter-stops"},
      {"adopt unlocked", "adopters do without the adopter lock", Make(Slip::kAdoptUnlocked),
       "group-stranger"},
      {"look unlocked", "an adopter looks at a seat before it has the adopter lock (LOOK_UNLOCKED)",
       Make(Slip::kLookUnlocked), "group-stranger"},
      {"sit down unlocked", "who sits down does without the adopter lock (JOIN_UNLOCKED)",
       Make(Slip::kSitDownUnlocked), "group-stranger"},
      {"forget lease", "who sits down forgets the lease that is there (FORGET_LEASE)",
       Make(Slip::kForgetLease), "group-inherit", true},
      {"empty lease", "the producer empties a dead seat that holds a lease (EVICT_DEAD)",
       Make(Slip::kEmptyLease), "group-crash", true},
      {"leave frees lease", "a member that leaves with a message frees its seat",
       Make(Slip::kLeaveFreesLease), "group-leave", true},
      {"closed with leases", "a member says closed whatever others hold", Make(Slip::kClosedWithLeases),
       "group-close", true},
      {"retire unlocked", "a group is retired without its lock", Make(Slip::kRetireUnlocked), "group-retire"},
      {"retire with leases", "a group is retired with its messages at once", Make(Slip::kRetireWithLeases),
       "group-retire", true},
      {"slot in use", "a slot is used again while an evicted member of its last group lives",
       Make(Slip::kSlotInUse), "group-slot"},
      {"still live", "a dead member's seat is live as long as an adopter has its lock (STILL_LIVE)",
       Make(Slip::kStillLive), "group-adopter-hangs"},
      {"nobody comes", "nobody is evicted for a message that its group does not adopt",
       Make(Slip::kNobodyComes), "group-hang"},
      {"keep deliveries", "who sits down keeps the count of whoever sat there", Make(Slip::kKeepDeliveries),
       "group-stranger"},

      // Mistakes that are not made of accesses.
      {"mask in shared memory", "the mask is read from the shared header (seeded 14)", Elsewhere(), ""},
      {"length read twice", "a header's length is read twice (seeded 16)", Elsewhere(), ""},
      {"locked after link", "the producer's lock is taken after the queue has its name (seeded 18)",
       Elsewhere(), ""},
      {"lock by descriptor", "a lock is held by a descriptor only (seeded 19)", Elsewhere(), ""},
      {"inherited mapping", "no MADV_DONTFORK (seeded 20)", Elsewhere(), ""},
      {"classic lock", "F_SETLK instead of F_OFD_SETLK (seeded 21)", Elsewhere(), ""},
      {"ftruncate", "ftruncate instead of posix_fallocate (seeded 22)", Elsewhere(), ""},
      {"mark in a batch", "a mark is made while a batch is open (model mark_takeover)", Elsewhere(), ""},
  };
}

bool FindSite(const std::string& label, Site* site) {
  for (int i = 0; i <= static_cast<int>(Site::X); ++i) {
    if (label != NameOf(static_cast<Site>(i))) continue;
    *site = static_cast<Site>(i);
    return true;
  }
  return false;
}

std::string Trimmed(const std::string& cell) {
  const size_t begin = cell.find_first_not_of(" `");
  const size_t end = cell.find_last_not_of(" `");
  return begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1);
}

std::vector<std::string> Cells(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream in(row.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) cells.push_back(Trimmed(cell));
  return cells;
}

// Returns the scenario that exercises a label, to be tried first.
std::string HintFor(const std::string& label) {
  static const std::pair<const char*, const char*> kExact[] = {{"P5", "wake-fenced"},
                                                               {"W4", "wake-fenced"},
                                                               {"C4", "lapped"},
                                                               {"C6", "room"},
                                                               {"R3", "join-end"},
                                                               {"R4", "leave"},
                                                               {"R5", "room"},
                                                               {"R7", "crammed"},
                                                               {"P3", "marks"},
                                                               {"P4", "marks"},
                                                               {"T1", "marks"},
                                                               {"T2", "marks"},
                                                               {"J3", "join-two"},
                                                               {"J2", "rejoin"},
                                                               {"J1", "reseat-left"},
                                                               {"J8", "group-adopt"},
                                                               {"R9", "group-room"},
                                                               {"R10", "group-room"},
                                                               {"R11", "group-adopt"},
                                                               {"R12", "group-create-far"},
                                                               {"G1", "group-room"},
                                                               {"G6", "group-owned"},
                                                               {"G7", "group-adopt"},
                                                               {"G11", "group-create-far"},
                                                               {"G12", "group-create-far"},
                                                               {"G13", "group-create"},
                                                               {"G14", "group-last"}};
  for (const auto& [exact, hint] : kExact) {
    if (label == exact) return hint;
  }
  switch (label[0]) {
    case 'P':
      return label > "P4" ? "sleepers" : "two";
    case 'C':
      return "lapped";
    case 'S':
      return "close";
    case 'K':
      return "marks-weak";
    case 'E':
      return "evict";
    case 'G':
      return "group-room";
    case 'W':
      return "wake";
    case 'B':
    case 'F':
      return "room";
    case 'O':
      return "take-over-asym";
    default:
      return "join";
  }
}

// Adds all weakenings of one row by one step.
bool Weaken(const std::vector<std::string>& cells, std::vector<Mutant>* out) {
  const std::string& label = cells[0];
  const std::string& order = cells[2];
  Site site;
  if (!FindSite(label, &site)) return false;
  const bool fence = cells[1] == "(fence)";
  const auto add = [&](const std::string& name, Mutation m) {
    const bool brief = fence && label[0] != 'K' && label != "C4";  // those take long
    out->push_back({name, cells[3] + ": " + cells[5], m, HintFor(label), brief});
  };
  const auto to = [&](std::memory_order weaker) { return Mutation{K::kOrder, site, Site::X, weaker}; };
  if (order == "relaxed") return true;
  if (order == "membarrier" || fence) add("drop " + label, Drop(site));
  if (order == "membarrier") return true;
  if (order == "seq_cst") {
    add("weaken " + label + " to acq_rel", to(std::memory_order_acq_rel));
  } else if (order == "acq_rel") {
    add("weaken " + label + " to acquire", to(std::memory_order_acquire));
    add("weaken " + label + " to release", to(std::memory_order_release));
  } else if (order == "acquire" || order == "release") {
    if (!fence) add("weaken " + label + " to relaxed", to(kRelaxed));
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::vector<Mutant> AllMutants(const std::string& protocol_path) {
  std::ifstream in(protocol_path);
  std::vector<Mutant> all;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("## ", 0) == 0) inside = line == "## Table";
    if (!inside || line.rfind("| ", 0) != 0 || line.rfind("| label", 0) == 0) continue;
    const std::vector<std::string> cells = Cells(line);
    if (cells.size() < 6 || !Weaken(cells, &all)) return {};
  }
  if (all.empty()) return {};
  for (const Written& w : WrittenDown())
    all.push_back({w.name, w.about, w.mutation, w.hint, w.brief, w.only_there});
  return all;
}

}  // namespace millrace::checker
