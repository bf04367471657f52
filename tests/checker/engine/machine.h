// SPDX-License-Identifier: Apache-2.0
// Runs checked threads one step at a time, and is the kernel they see: futexes, locks, death.
//
// Purpose: every access to a shared word arrives here. Before the access any other thread may run,
// within the bounds of the scenario. The memory model then decides what the access may see, and the thread
// continues. An execution ends when all threads have ended, when a property is violated, or when its state is
// already known.
//
// I1  Exactly one fiber runs; the machine's state changes only through it.
// I2  An execution is a function of the choices made, so a recording of them replays it.
#ifndef MILLRACE_TESTS_CHECKER_ENGINE_MACHINE_H_
#define MILLRACE_TESTS_CHECKER_ENGINE_MACHINE_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/internal/atomics.h"
#include "tests/checker/engine/choices.h"
#include "tests/checker/engine/conflicts.h"
#include "tests/checker/engine/fiber.h"
#include "tests/checker/engine/memory.h"

namespace millrace::checker {

using internal::Site;

// How far executions may stray from the calm one, in which threads run one after the other. A deviation is a
// preemption or a sleep that ends although others could run. Unless stale choices are free, each load that
// returns an old value and each store that takes its place before others is a deviation too. Deaths and stops
// are no deviations: they are explored at every step that others can notice.
inline constexpr uint32_t kAny = ~0u;
enum class Stale : uint8_t { kCounts, kFree };
struct Bounds {
  uint32_t deviations = 2;
  Stale stale = Stale::kCounts;
  uint32_t deaths = 0;
  uint32_t stops = 0;     // threads stopped forever (they stay alive)
  uint32_t timeouts = 0;  // sleeps that end although others could run
};

// When all threads are asleep, whose sleep may end by itself? Any other such state is a lost wake-up, except
// for threads that poll (Machine::Polls).
enum class Sleeps : uint8_t {
  kUntilWoken,       // no thread's
  kAfterDeath,       // every thread's, after any thread was killed or stopped: a kill wakes none
  kAfterEarlyDeath,  // every thread's: a thread was killed or stopped before the scenario begins
  kAllGetOn,         // as kAfterDeath; and a thread that is not stopped continues although others are
};

// A byte of kernel lock, held by one thread alone or by several sharers. Its memory effect is that of a
// mutex.
struct KernelLock {
  int holder = -1;       // thread
  uint32_t sharers = 0;  // threads, as bits
  View view{};
  bool known = false;  // to this execution
  bool free() const { return holder < 0 && sharers == 0; }
  void FreeOf(uint32_t thread) {
    if (holder == static_cast<int>(thread)) holder = -1;
    sharers &= ~(1u << thread);
  }
};

struct Outcome {
  enum Kind : uint8_t { kFine, kKnown, kViolation } kind = kFine;
  std::string what;       // the violated property
  std::string recording;  // replays the execution
  uint64_t steps = 0;
  uint64_t end = 0;  // hash of the threads left, what is true, and each thread's result
};

enum class Rmw : uint8_t { kExchange, kAdd };

class Machine {
 public:
  struct Role {
    const char* name;
    void (*body)();
    bool may_die = false;
    bool may_stop = false;
    uint32_t only_stage = 0;          // dies or stops only in this stage of its life; 0: in any
    bool registered = false;          // for membarrier
    KernelLock* born_with = nullptr;  // a lock held since before the queue had a name
    KernelLock* and_with = nullptr;   // a second such lock
    // Before its first access with label `pauses_at`, the thread waits until the lock `until` is free.
    Site pauses_at = Site::X;
    KernelLock* until = nullptr;
  };

  // `stored`: called after every store, to keep the record of what is true.
  // `rest`: returns a hash of everything else that decides the future of an execution.
  // `unannounced`: returns true if there is something that sleepers find only by polling (Polls).
  Machine(const std::byte* arena, size_t bytes, std::string (*name_of)(const void* address),
          void (*stored)(const void* address, uint64_t value, Site site), uint64_t (*rest)(),
          bool (*unannounced)());

  void Reload();  // after the arena was written: another scenario
  // Explores only executions that differ in the order of steps that do not commute (conflicts.h). False:
  // explores all executions, for comparison.
  bool reduces = true;
  // Has an execution shown a conflict that was not foreseen? If so, earlier executions left out too much.
  bool TakeSurprise();
  // Runs one execution of these roles. A `trace` gets a readable line for every step.
  Outcome Run(const std::vector<Role>& roles, const Bounds& bounds, Sleeps sleeps, Choices& choices,
              std::vector<std::string>* trace = nullptr);

  // ---- for checked threads -------------------------------------------------------------------------------
  uint64_t Load(const void* word, uint32_t bytes, std::memory_order order, Site site);
  void Store(void* word, uint32_t bytes, uint64_t value, std::memory_order order, Site site);
  uint64_t ReadModifyWrite(void* word, uint32_t bytes, Rmw what, uint64_t value, std::memory_order order,
                           Site site);
  bool CompareExchange(void* word, uint32_t bytes, uint64_t* expected, uint64_t desired,
                       std::memory_order order, Site site);
  void Fence(std::memory_order order, Site site);
  void StorePayload(std::byte* to, const uint64_t* words, size_t n);  // plain: must not race with ReadPlain
  void LoadPayload(uint64_t* to, const std::byte* from, size_t n);    // relaxed
  void ReadPlain(uint64_t* to, const std::byte* from, size_t n);      // in place: a race is a torn message

  bool Membarrier();
  // Sleeps if the word still holds `seen`, atomically. Returns true if the sleep expired.
  bool FutexWait(const uint32_t* word, uint64_t seen);
  void FutexWake(const uint32_t* word, bool only_one, bool only_self);
  bool TryLock(KernelLock* lock);
  bool TryLockShared(KernelLock* lock);
  void AwaitLock(KernelLock* lock);
  void Pause(Site site) {
    Thread& me = threads_[self_];
    if (site == Site::X || me.role.pauses_at != site) return;
    me.role.pauses_at = Site::X;
    AwaitFree(me.role.until);
  }
  void AwaitFree(KernelLock* lock);  // waits, does not take it: for the order in which a scenario begins
  void Unlock(KernelLock* lock);
  bool Held(KernelLock* lock);  // a probe: is the lock held by one thread alone?
  // From here on the caller's sleeps end by polling: if all threads sleep and there is something that no
  // thread wakes the caller for, its sleep ends.
  void Polls(bool polls) { threads_[self_].polls = polls; }

  [[noreturn]] void Violate(const std::string& what);
  void Expect(bool holds, const char* what) {
    if (!holds) Violate(what);
  }
  template <class... Parts>
  void Note(const Parts&... parts) {  // into the trace
    if (trace_ != nullptr) AddNote((std::string() + ... + parts));
  }
  bool tracing() const { return trace_ != nullptr; }
  // Begins a public operation and bounds the steps until the next one.
  void BeginOperation(uint32_t at_most_steps);
  // Records that the calling thread has reached `stage` of its life. It never goes back, and its own state
  // shows the stage. Accesses of earlier stages are therefore no conflicts any more. Not needed for
  // correctness.
  void Reached(uint64_t stage);
  void Perish();  // the caller is killed here
  uint32_t self() const { return self_; }

  // ---- for the record of what is true ---------------------------------------------------------------------
  uint64_t Newest(const void* word, uint32_t bytes) {
    return memory_.Newest(memory_.WordAt(word, bytes)).bits;
  }
  bool Dead(uint32_t thread) const { return threads_[thread].status == Status::kDead; }

 private:
  enum class Status : uint8_t { kAbsent, kReady, kSleeping, kAwaitsLock, kEnded, kDead, kStopped };
  struct Thread {
    Fiber fiber;
    Role role{};
    Status status = Status::kAbsent;
    const void* futex = nullptr;
    KernelLock* lock = nullptr;
    bool expired = false;
    bool polls = false;
    uint32_t expiries = 0;
    uint64_t call = 0;    // its pending request to the machine
    bool waited = false;  // true: the request had to wait; false: it was preempted before it
    uint32_t stage = 0;
    uint32_t operations = 0;  // in this stage
    uint32_t operation_steps = 0;
    uint32_t operation_bound = 0;
  };
  struct Queue {  // sleepers of a futex
    const void* word;
    View view;
  };

  static void Entry();
  void AddNote(const std::string& text);
  // Records all that decides the caller's future. Must be called first in each function for checked threads.
  [[gnu::always_inline]] void Enter(uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
    Thread& me = threads_[self_];
    me.call = MixBits(MixBits(a) ^ MixBits(b * 3) ^ MixBits(c * 5 + 1));
    me.waited = false;
    me.fiber.Mark(CallerState());
  }
  [[gnu::always_inline]] void Enter(const void* a, uint64_t b = 0, uint64_t c = 0) {
    Enter(reinterpret_cast<uintptr_t>(a), b, c);
  }
  // How much other threads can notice of a step. Look decides it before the step is made.
  enum class Step : uint8_t { kOwn, kSees, kActs };
  Step Look(uint32_t word, bool writes, Site site);
  Step LookAtAll(const std::byte* at, size_t words, bool writes);
  // Runs before each step: others may run, and before a step that acts this thread may die.
  void Begin(Step step);
  void Count();
  uint32_t ChooseValue(uint32_t options);
  void Preempt();
  void Recognise();
  bool Lives(uint32_t thread) const;
  bool Runnable(uint32_t thread) const;
  void Leave(Status status);  // the running thread cannot continue: runs another
  void SwitchTo(uint32_t thread);
  [[noreturn]] void Finish();  // returns to Run
  void Die(uint32_t thread);
  uint64_t StateHash();
  uint8_t Concerned(uint32_t word) const;
  Queue& QueueOf(const void* word);
  void Know(KernelLock* lock);
  bool TakeLock(KernelLock* lock, bool shared = false);
  void CheckWrite(uint32_t word);
  void Trace(Site site, const char* what, const void* word, uint64_t value, uint32_t choice);

  struct Mixture {  // a copy in which every word is the oldest except this one
    size_t word;
    uint32_t choice;
  };

  Memory memory_;
  std::vector<Mixture> mixtures_;
  Conflicts conflicts_;
  std::vector<Memory::Seen> others_;
  std::vector<uint8_t> concerns_;
  std::string (*name_of_)(const void*);
  void (*stored_)(const void*, uint64_t, Site);
  uint64_t (*rest_)();
  bool (*unannounced_)();
  Fiber main_;
  Thread threads_[kThreads];
  std::vector<KernelLock*> locks_;
  std::vector<Queue> queues_;
  size_t queues_used_ = 0;
  Bounds bounds_;
  Sleeps sleeps_ = Sleeps::kUntilWoken;
  Choices* choices_ = nullptr;
  std::vector<std::string>* trace_ = nullptr;
  std::string failure_;
  bool known_ = false;
  bool recognised_ = false;  // the state before this step was looked up
  uint32_t count_ = 0;       // number of threads
  uint32_t self_ = 0;
  uint32_t deviations_ = 0, deaths_ = 0, chosen_deaths_ = 0, stops_ = 0, timeouts_ = 0, idle_timeouts_ = 0;
  uint64_t steps_ = 0;
};

extern Machine* machine;  // the machine that runs; set by the code that runs scenarios

const char* NameOf(Site site);

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_ENGINE_MACHINE_H_
