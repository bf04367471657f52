// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/engine/machine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace millrace::checker {
namespace {

constexpr uint64_t kStepBound = 100'000;     // steps of one execution
constexpr uint32_t kIdleTimeoutBound = 40;   // a scenario that continues only by time-outs is stuck
constexpr uint32_t kOperationsBound = 1000;  // operations of a thread in one stage

}  // namespace

Machine* machine = nullptr;

const char* NameOf(Site site) {
  static const char* const kNames[] = {
      "P1", "P2", "P3",  "P4",  "P5",  "P6",  "P7",  "P8", "P9", "P10", "C1", "C2", "C3", "C4", "C5",
      "C6", "S1", "S2",  "S3",  "S4",  "T1",  "T2",  "T3", "R1", "R2",  "R3", "R4", "R5", "R6", "R7",
      "R8", "R9", "R10", "R11", "R12", "K1",  "K2",  "K3", "K4", "K5",  "K6", "K7", "K8", "K9", "K10",
      "J1", "J2", "J3",  "J4",  "J5",  "J6",  "J7",  "J8", "G1", "G2",  "G3", "G4", "G5", "G6", "G7",
      "G8", "G9", "G10", "G11", "G12", "G13", "G14", "E1", "E2", "W1",  "W2", "W3", "W4", "W5", "W6",
      "B1", "B2", "B3",  "F1",  "F2",  "F3",  "F4",  "O1", "O2", "X"};
  constexpr size_t kCount = sizeof kNames / sizeof kNames[0];
  static_assert(static_cast<size_t>(Site::X) + 1 == kCount, "a label was added or removed: update the names");
  return kNames[static_cast<size_t>(site)];
}

Machine::Machine(const std::byte* arena, size_t bytes, std::string (*name_of)(const void*),
                 void (*stored)(const void*, uint64_t, Site), uint64_t (*rest)(), bool (*unannounced)())
    : memory_(arena, bytes), name_of_(name_of), stored_(stored), rest_(rest), unannounced_(unannounced) {}

void Machine::Reload() {
  memory_.Reload();
  conflicts_.Forget();
  TakeSurprise();
}

bool Machine::TakeSurprise() {
  const bool conflict = conflicts_.TakeSurprise();
  return memory_.TakeSurprise() || conflict;
}

Outcome Machine::Run(const std::vector<Role>& roles, const Bounds& bounds, Sleeps sleeps, Choices& choices,
                     std::vector<std::string>* trace) {
  memory_.Reset();
  for (KernelLock* lock : locks_) {
    lock->holder = -1;
    lock->sharers = 0;
    memory_.Clear(&lock->view);
    lock->known = false;
  }
  locks_.clear();
  queues_used_ = 0;
  bounds_ = bounds;
  sleeps_ = sleeps;
  choices_ = &choices;
  trace_ = trace;
  failure_.clear();
  known_ = false;
  deviations_ = deaths_ = chosen_deaths_ = stops_ = timeouts_ = idle_timeouts_ = 0;
  steps_ = 0;
  count_ = static_cast<uint32_t>(roles.size());
  for (uint32_t i = 0; i < kThreads; ++i) {
    Thread& t = threads_[i];
    t.status = i < count_ ? Status::kReady : Status::kAbsent;
    t.stage = t.operations = t.operation_steps = t.operation_bound = t.expiries = 0;
    t.expired = t.polls = false;
    t.futex = nullptr;
    t.lock = nullptr;
    if (i >= count_) continue;
    t.role = roles[i];
    t.fiber.Prepare(&Machine::Entry);
    for (KernelLock* const lock : {t.role.born_with, t.role.and_with}) {
      if (lock == nullptr) continue;
      locks_.push_back(lock);
      memory_.Clear(&lock->view);
      lock->holder = static_cast<int>(i);
      lock->known = true;
    }
  }
  choices.Begin();
  self_ = choices.Choose(count_, Choice::kNext);
  Fiber::Switch(main_, threads_[self_].fiber);
  Outcome outcome;
  outcome.steps = steps_;
  outcome.recording = choices.Recording();
  outcome.what = failure_;
  if (known_) outcome.kind = Outcome::kKnown;
  if (!failure_.empty()) outcome.kind = Outcome::kViolation;
  outcome.end = rest_();
  for (uint32_t i = 0; i < count_; ++i) {
    outcome.end = MixBits(outcome.end ^ static_cast<uint64_t>(threads_[i].status));
  }
  return outcome;
}

void Machine::Entry() {
  machine->threads_[machine->self_].role.body();
  machine->Leave(Status::kEnded);
  machine->Finish();
}

void Machine::Finish() {
  Fiber& from = threads_[self_].fiber;
  Fiber::Switch(from, main_);
  std::abort();  // no switch leads back here
}

void Machine::Violate(const std::string& what) {
  if (failure_.empty()) failure_ = std::string(threads_[self_].role.name) + ": " + what;
  Note("VIOLATED: " + what);
  Finish();
}

void Machine::AddNote(const std::string& text) {
  trace_->push_back(std::string("            ") + threads_[self_].role.name + ": " + text);
}

void Machine::Trace(Site site, const char* what, const void* word, uint64_t value, uint32_t choice) {
  char line[200];
  std::snprintf(line, sizeof line, "%5llu %-10s %-3s %-9s %s", static_cast<unsigned long long>(steps_),
                threads_[self_].role.name, NameOf(site), what, word != nullptr ? name_of_(word).c_str() : "");
  std::string text = line;
  if (word != nullptr) {
    std::snprintf(line, sizeof line, " = %llu (0x%llx)", static_cast<unsigned long long>(value),
                  static_cast<unsigned long long>(value));
    text += line;
  }
  if (choice != 0) text += "   <- not the newest: " + std::to_string(choice) + " behind";
  trace_->push_back(text);
}

void Machine::BeginOperation(uint32_t at_most_steps) {
  Thread& t = threads_[self_];
  if (++t.operations > kOperationsBound) Violate("gets nowhere");
  t.operation_steps = 0;
  t.operation_bound = at_most_steps;
  Fiber::Sweep();
}

void Machine::Reached(uint64_t stage) {
  Thread& t = threads_[self_];
  const auto now = static_cast<uint32_t>(stage < Conflicts::kStages ? stage : Conflicts::kStages);
  if (now <= t.stage) return;
  t.stage = now;
  t.operations = 0;
}

bool Machine::Lives(uint32_t thread) const {
  const Status s = threads_[thread].status;
  return s == Status::kReady || s == Status::kSleeping || s == Status::kAwaitsLock;
}

bool Machine::Runnable(uint32_t thread) const {
  const Thread& t = threads_[thread];
  return t.status == Status::kReady || (t.status == Status::kAwaitsLock && t.lock->free());
}

// Returns the threads that will access a word again, or none if no thread will read it.
uint8_t Machine::Concerned(uint32_t word) const {
  uint8_t readers = 0, writers = 0;
  for (uint32_t i = 0; i < count_; ++i) {
    if (!Lives(i)) continue;
    const bool reads = !reduces || conflicts_.Reads(word, i, threads_[i].stage);
    readers |= static_cast<uint8_t>(reads << i);
    writers |= static_cast<uint8_t>(conflicts_.Writes(word, i, threads_[i].stage) << i);
  }
  return readers == 0 ? 0 : readers | writers;
}

uint64_t Machine::StateHash() {
  uint64_t h = rest_() ^ self_;
  uint32_t live = 0, views = 0;
  for (uint32_t i = 0; i < count_; ++i) {
    const Thread& t = threads_[i];
    h = MixBits(h ^ static_cast<uint64_t>(t.status));
    views |= uint32_t{t.role.registered} << i;
    if (!Lives(i)) continue;
    live |= 1u << i;
    h = MixBits(h ^ t.fiber.Hash());
    h = MixBits(h ^ t.call ^ t.waited ^ static_cast<uint64_t>(t.role.pauses_at) << 1);
    // A loop must not look like a known state. The steps and operations that bound it are hashed coarsely.
    h = MixBits(h ^
                (t.stage | uint64_t{t.expired} << 8 | uint64_t{t.polls} << 63 | uint64_t{t.expiries} << 9 |
                 uint64_t{t.operations >> 4} << 20 | uint64_t{t.operation_steps >> 8} << 40));
    if (t.status == Status::kSleeping) h = MixBits(h ^ reinterpret_cast<uintptr_t>(t.futex));
    if (t.status == Status::kAwaitsLock) h = MixBits(h ^ reinterpret_cast<uintptr_t>(t.lock));
  }
  concerns_.resize(kWords);
  for (const uint32_t word : memory_.touched()) {
    concerns_[word] = Concerned(word);
  }
  others_.clear();
  for (const KernelLock* lock : locks_)
    others_.push_back({&lock->view, MixBits(reinterpret_cast<uintptr_t>(lock)) +
                                        static_cast<uint64_t>(lock->holder) +
                                        (uint64_t{lock->sharers} << 32)});
  for (size_t i = 0; i < queues_used_; ++i)
    others_.push_back({&queues_[i].view, MixBits(reinterpret_cast<uintptr_t>(queues_[i].word))});
  h = MixBits(h ^ (deaths_ | uint64_t{chosen_deaths_} << 8 | uint64_t{stops_} << 16 |
                   uint64_t{timeouts_} << 24 | uint64_t{idle_timeouts_} << 32));
  return MixBits(h ^ memory_.Canonical(live, live | views, concerns_, others_));
}

void Machine::Count() {
  memory_.Tick(self_);
  if (++steps_ > kStepBound) Violate("the execution does not end");
  Thread& t = threads_[self_];
  if (++t.operation_steps > t.operation_bound && t.operation_bound != 0)
    Violate("an operation takes too many steps");
}

Machine::Step Machine::Look(uint32_t word, bool writes, Site site) {
  if (!choices_->Exhaustive()) {
    const bool unread = site == Site::X || site == Site::K10;  // no program here begins by age
    return choices_->Sampling() && unread ? Step::kOwn : Step::kActs;
  }
  using Access = Conflicts::Access;
  conflicts_.Touch(word, self_, threads_[self_].stage, writes ? Access::kWrite : Access::kRead);
  if (!reduces) return Step::kActs;
  for (uint32_t i = 0; i < count_; ++i) {
    if (i != self_ && Lives(i) && conflicts_.Expects(word, writes, i, threads_[i].stage))
      return writes ? Step::kActs : Step::kSees;
  }
  return Step::kOwn;
}

Machine::Step Machine::LookAtAll(const std::byte* at, size_t words, bool writes) {
  Step all = Step::kOwn;
  for (size_t i = 0; i < words; ++i) {
    all = std::max(all, Look(memory_.WordAt(at + 8 * i, 8), writes, Site::P1));
  }
  return all;
}

void Machine::Begin(Step step) {
  Count();
  recognised_ = step != Step::kOwn;
  if (step == Step::kOwn) return choices_->Skip(2);
  const uint32_t me = self_;
  Recognise();
  // Decides whether this thread dies or is stopped here.
  const Role& role = threads_[me].role;
  const bool ripe = role.only_stage == 0 || threads_[me].stage == role.only_stage;
  const bool may_die = ripe && role.may_die && chosen_deaths_ < bounds_.deaths;
  const bool may_stop = ripe && role.may_stop && stops_ < bounds_.stops;
  uint32_t fate = 0;
  if (step == Step::kActs) {
    fate = choices_->Choose(1u + may_die + may_stop, Choice::kFate);
  } else {
    choices_->Skip(1);
  }
  if (fate != 0) {
    const bool dies = may_die && fate == 1;
    Note(dies ? "KILLED" : "STOPPED for ever");
    ++(dies ? deaths_ : stops_);
    chosen_deaths_ += dies;
    if (dies) Die(me);
    Leave(dies ? Status::kDead : Status::kStopped);
  }
  Preempt();
}

// Ends the execution if its state was explored before.
void Machine::Recognise() {
  if (!choices_->Fresh() || !choices_->Known(StateHash())) return;
  known_ = true;
  Finish();
}

// Chooses which thread runs next.
void Machine::Preempt() {
  uint32_t others[2 * kThreads];
  uint32_t n = 1;
  others[0] = self_;
  if (deviations_ >= bounds_.deviations) return choices_->Skip(1);
  for (uint32_t i = 0; i < count_; ++i) {
    if (i != self_ && Runnable(i)) others[n++] = i;
  }
  const uint32_t runnable = n;
  if (timeouts_ < bounds_.timeouts) {
    for (uint32_t i = 0; i < count_; ++i) {
      if (threads_[i].status == Status::kSleeping) others[n++] = i;
    }
  }
  const uint32_t chosen = choices_->Choose(n, Choice::kPreempt, /*deviates=*/true);
  if (chosen == 0) return;
  ++deviations_;
  const uint32_t next = others[chosen];
  if (chosen >= runnable) {
    ++timeouts_;
    threads_[next].status = Status::kReady;
    threads_[next].expired = true;
  }
  SwitchTo(next);
}

uint32_t Machine::ChooseValue(uint32_t options) {
  const bool deviates = bounds_.stale == Stale::kCounts;
  if (deviates && deviations_ >= bounds_.deviations) options = 1;
  if (options > 1 && !recognised_) Recognise();  // otherwise there is no choice before the next step
  recognised_ = true;
  const uint32_t choice = choices_->Choose(options, Choice::kValue, deviates);
  deviations_ += deviates && choice != 0;
  return choice;
}

void Machine::SwitchTo(uint32_t thread) {
  const uint32_t me = self_;
  self_ = thread;
  if (thread != me) Fiber::Switch(threads_[me].fiber, threads_[thread].fiber);
}

void Machine::Leave(Status status) {
  threads_[self_].status = status;
  threads_[self_].waited = true;
  uint32_t able[kThreads];
  uint32_t n = 0;
  uint32_t asleep = 0;
  for (uint32_t i = 0; i < count_; ++i) {
    if (Runnable(i)) able[n++] = i;
    asleep += threads_[i].status == Status::kSleeping;
  }
  if (n == 0) {
    if (asleep == 0) {
      for (uint32_t i = 0; i < count_; ++i) {
        if (threads_[i].status == Status::kAwaitsLock && stops_ == 0)
          Violate("waits for a lock that nobody frees");
      }
      Finish();
    }
    // All living threads are asleep. Time passes until a sleep ends; the one that expired least often ends
    // first.
    const bool anybodys = sleeps_ == Sleeps::kAfterEarlyDeath ||
                          (sleeps_ != Sleeps::kUntilWoken && (deaths_ != 0 || stops_ != 0));
    const bool pollers = anybodys || unannounced_();
    uint32_t next = count_;
    for (uint32_t i = 0; i < count_; ++i) {
      if (threads_[i].status != Status::kSleeping || !(threads_[i].polls ? pollers : anybodys)) continue;
      if (next == count_ || threads_[i].expiries < threads_[next].expiries) next = i;
    }
    if (next == count_) Violate("LOST WAKE-UP: everybody sleeps");
    if (++idle_timeouts_ > kIdleTimeoutBound) {
      if (stops_ == 0 || sleeps_ == Sleeps::kAllGetOn) Violate("nobody gets on except by time-outs");
      Finish();
    }
    threads_[next].status = Status::kReady;
    threads_[next].expired = true;
    ++threads_[next].expiries;
    return SwitchTo(next);
  }
  SwitchTo(able[choices_->Choose(n, Choice::kNext)]);
}

void Machine::Perish() {
  Note("KILLED");
  ++deaths_;
  Die(self_);
  Leave(Status::kDead);
}

void Machine::Die(uint32_t thread) {
  for (KernelLock* lock : locks_) {
    if (lock->holder != static_cast<int>(thread) && (lock->sharers >> thread & 1) == 0) continue;
    lock->FreeOf(thread);
    memory_.Give(thread, &lock->view);
  }
}

}  // namespace millrace::checker
