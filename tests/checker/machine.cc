#include "tests/checker/machine.h"

#include <cstdio>
#include <cstdlib>

namespace millrace::checker {
namespace {

constexpr uint64_t kStepBound = 100'000;    // of one execution
constexpr uint32_t kIdleTimeoutBound = 40;  // a scenario that only goes on by timing out is stuck

}  // namespace

Machine* machine = nullptr;

const char* NameOf(Site site) {
  static const char* const kNames[] = {
      "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "C1", "C2", "C3", "C4", "C5", "C6", "S1",
      "S2", "S3", "S4", "T1", "T2", "T3", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "K1", "K2",
      "K3", "K4", "K5", "K6", "K7", "K8", "J1", "J2", "J3", "J4", "J5", "J6", "J7", "J8", "E1", "E2",
      "W1", "W2", "W3", "W4", "W5", "B1", "B2", "B3", "F1", "F2", "F3", "F4", "O1", "O2", "X"};
  constexpr size_t kCount = sizeof kNames / sizeof kNames[0];
  static_assert(static_cast<size_t>(Site::X) + 1 == kCount, "a label was added or removed: update the names");
  return kNames[static_cast<size_t>(site)];
}

Machine::Machine(const std::byte* arena, size_t bytes, std::string (*name_of)(const void*),
                 void (*stored)(const void*, uint64_t, Site))
    : memory_(arena, bytes), name_of_(name_of), stored_(stored) {}

Outcome Machine::Run(const std::vector<Role>& roles, const Bounds& bounds, Sleeps sleeps, Choices& choices,
                     std::vector<std::string>* trace) {
  memory_.Reset();
  for (KernelLock* lock : locks_) {
    lock->holder = -1;
    memory_.Clear(&lock->view);
    lock->history = 0;
  }
  locks_.clear();
  queues_used_ = 0;
  bounds_ = bounds;
  sleeps_ = sleeps;
  choices_ = &choices;
  trace_ = trace;
  failure_.clear();
  known_ = false;
  preemptions_ = values_ = deaths_ = chosen_deaths_ = stops_ = timeouts_ = idle_timeouts_ = 0;
  steps_ = fence_history_ = 0;
  count_ = static_cast<uint32_t>(roles.size());
  for (uint32_t i = 0; i < kThreads; ++i) {
    Thread& t = threads_[i];
    t.status = i < count_ ? Status::kReady : Status::kAbsent;
    t.history = i;
    t.operation_steps = t.operation_bound = t.expiries = 0;
    if (i >= count_) continue;
    t.role = roles[i];
    t.fiber.Prepare(&Machine::Entry);
    if (KernelLock* const lock = t.role.born_with; lock != nullptr) {
      locks_.push_back(lock);
      memory_.Clear(&lock->view);
      lock->holder = static_cast<int>(i);
      lock->history = locks_.size();
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
  std::abort();  // nobody comes back
}

void Machine::Violate(const std::string& what) {
  if (failure_.empty()) failure_ = std::string(threads_[self_].role.name) + ": " + what;
  Note("VIOLATED: " + what);
  Finish();
}

void Machine::Note(const std::string& text) {
  if (trace_ != nullptr)
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
  threads_[self_].operation_steps = 0;
  threads_[self_].operation_bound = at_most_steps;
}

bool Machine::Runnable(uint32_t thread) const {
  const Thread& t = threads_[thread];
  return t.status == Status::kReady || (t.status == Status::kAwaitsLock && t.lock->holder < 0);
}

uint32_t Machine::Allowance(uint32_t used, uint32_t bound) const {
  const uint32_t together = preemptions_ + values_ + chosen_deaths_ + stops_ + timeouts_;
  if (used >= bound || together >= bounds_.together) return 0;
  return bound - used;
}

uint64_t Machine::StateHash() const {
  uint64_t h = memory_.Hash() ^ MixBits(fence_history_ + self_);
  for (uint32_t i = 0; i < count_; ++i) {
    h = MixBits(h + MixBits(threads_[i].history + static_cast<uint64_t>(threads_[i].status)) * (2 * i + 3));
  }
  for (const KernelLock* lock : locks_) h = MixBits(h ^ lock->history);
  for (size_t i = 0; i < queues_used_; ++i) h = MixBits(h ^ queues_[i].history);
  const uint64_t used = uint64_t{preemptions_} | uint64_t{values_} << 8 | uint64_t{deaths_} << 16 |
                        uint64_t{stops_} << 24 | uint64_t{timeouts_} << 32 | uint64_t{idle_timeouts_} << 40;
  return MixBits(h ^ MixBits(used));
}

void Machine::Observe(uint64_t what) { threads_[self_].history = MixBits(threads_[self_].history ^ what); }

void Machine::Count() {
  memory_.Tick(self_);
  if (++steps_ > kStepBound) Violate("the execution does not end");
  Thread& t = threads_[self_];
  if (++t.operation_steps > t.operation_bound && t.operation_bound != 0)
    Violate("an operation takes too many steps");
}

void Machine::Step(Site site) {
  Count();
  if (site == Site::X) return;
  const uint32_t me = self_;
  if (choices_->Known(StateHash())) {
    known_ = true;
    Finish();
  }
  // What may befall this thread here.
  const bool may_die = threads_[me].role.may_die && Allowance(chosen_deaths_, bounds_.deaths) != 0;
  const bool may_stop = threads_[me].role.may_stop && Allowance(stops_, bounds_.stops) != 0;
  const uint32_t fate = choices_->Choose(1u + may_die + may_stop, Choice::kFate);
  if (fate != 0) {
    const bool dies = may_die && fate == 1;
    Note(dies ? "KILLED" : "STOPPED for ever");
    ++(dies ? deaths_ : stops_);
    chosen_deaths_ += dies;
    if (dies) Die(me);
    Leave(dies ? Status::kDead : Status::kStopped);
  }
  // Who runs first.
  uint32_t others[2 * kThreads];
  uint32_t n = 1;
  others[0] = me;
  if (Allowance(preemptions_, bounds_.preemptions) != 0) {
    for (uint32_t i = 0; i < count_; ++i) {
      if (i != me && Runnable(i)) others[n++] = i;
    }
  }
  const uint32_t runnable = n;
  if (Allowance(timeouts_, bounds_.timeouts) != 0) {
    for (uint32_t i = 0; i < count_; ++i) {
      if (threads_[i].status == Status::kSleeping) others[n++] = i;
    }
  }
  const uint32_t chosen = choices_->Choose(n, Choice::kPreempt);
  if (chosen == 0) return;
  const uint32_t next = others[chosen];
  if (chosen < runnable) {
    ++preemptions_;
  } else {
    ++timeouts_;
    threads_[next].status = Status::kReady;
    threads_[next].expired = true;
  }
  SwitchTo(next);
}

void Machine::SwitchTo(uint32_t thread) {
  const uint32_t me = self_;
  self_ = thread;
  if (thread != me) Fiber::Switch(threads_[me].fiber, threads_[thread].fiber);
}

void Machine::Leave(Status status) {
  threads_[self_].status = status;
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
    // All who live are asleep: time passes until a sleep ends, whose turn it is.
    if (sleeps_ != Sleeps::kAfterDeath || (deaths_ == 0 && stops_ == 0))
      Violate("LOST WAKE-UP: everybody sleeps");
    if (++idle_timeouts_ > kIdleTimeoutBound) {
      if (stops_ == 0) Violate("nobody gets on except by time-outs");
      Finish();
    }
    uint32_t next = count_;
    for (uint32_t i = 0; i < count_; ++i) {
      if (threads_[i].status != Status::kSleeping) continue;
      if (next == count_ || threads_[i].expiries < threads_[next].expiries) next = i;
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
    if (lock->holder != static_cast<int>(thread)) continue;
    lock->holder = -1;
    memory_.Give(thread, &lock->view);
    lock->history = MixBits(lock->history ^ threads_[thread].history);
  }
}

}  // namespace millrace::checker
