// Runs checked threads one step at a time, and is the kernel they see: futexes, locks, death.
//
// Purpose: every access to a shared word comes here (policy.h). Before it, anybody else may run, within the
// bounds of the scenario; then the memory model says what it may see; then the thread goes on. An execution
// ends when all threads have ended, when a property is violated, or when its state is already known.
//
// I1  Exactly one fiber runs; the machine's state changes only through it.
// I2  An execution is a function of the choices made, so that a recording of them replays it.
#ifndef MILLRACE_TESTS_CHECKER_MACHINE_H_
#define MILLRACE_TESTS_CHECKER_MACHINE_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/internal/atomics.h"
#include "tests/checker/choices.h"
#include "tests/checker/fiber.h"
#include "tests/checker/memory.h"

namespace millrace::checker {

using internal::Site;

// How far executions may stray from the calm one, in which threads run one after the other.
struct Bounds {
  uint32_t preemptions = 2;
  uint32_t values = 1;  // loads that return an old value, stores that take their place before others
  uint32_t deaths = 0;
  uint32_t stops = 0;     // threads stopped for ever (they stay alive)
  uint32_t timeouts = 0;  // sleeps that end although others could run
  uint32_t together = 2;  // of all of these
};

// When everybody is asleep: whose sleep may end by itself? Anything else is a lost wake-up.
enum class Sleeps : uint8_t {
  kUntilWoken,  // nobody's
  kAfterDeath,  // everybody's, once somebody was killed or stopped: a kill wakes nobody
};

// A byte of kernel lock. Its memory effect is that of a mutex.
struct KernelLock {
  int holder = -1;  // thread
  View view{};
  uint64_t history = 0;
};

struct Outcome {
  enum Kind : uint8_t { kFine, kKnown, kViolation } kind = kFine;
  std::string what;       // the violated property
  std::string recording;  // replays it
  uint64_t steps = 0;
};

enum class Rmw : uint8_t { kExchange, kAdd };

class Machine {
 public:
  struct Role {
    const char* name;
    void (*body)();
    bool may_die = false;
    bool may_stop = false;
    bool registered = false;          // for membarrier
    KernelLock* born_with = nullptr;  // a lock that it has held since before the queue had a name
  };

  // `stored`: told of every store when it is done, to keep account of what is true.
  Machine(const std::byte* arena, size_t bytes, std::string (*name_of)(const void* address),
          void (*stored)(const void* address, uint64_t value, Site site));

  void Reload() { memory_.Reload(); }  // after the arena was written
  // One execution of these roles. `trace`: keeps a readable line for every step.
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
  // Atomically: sleeps if the word still holds `seen`. true: the sleep expired.
  bool FutexWait(const uint32_t* word, uint64_t seen);
  void FutexWake(const uint32_t* word, bool only_one, bool only_self);
  bool TryLock(KernelLock* lock);
  void AwaitLock(KernelLock* lock);
  void Unlock(KernelLock* lock);
  bool Held(KernelLock* lock);  // by anybody: a probe

  [[noreturn]] void Violate(const std::string& what);
  void Expect(bool holds, const char* what) {
    if (!holds) Violate(what);
  }
  void Note(const std::string& text);  // into the trace
  // A public operation begins: bounds the steps until the next one.
  void BeginOperation(uint32_t at_most_steps);
  void Perish();  // is killed here and now
  uint32_t self() const { return self_; }

 private:
  enum class Status : uint8_t { kAbsent, kReady, kSleeping, kAwaitsLock, kEnded, kDead, kStopped };
  struct Thread {
    Fiber fiber;
    Role role{};
    Status status = Status::kAbsent;
    const void* futex = nullptr;
    KernelLock* lock = nullptr;
    bool expired = false;
    uint32_t expiries = 0;
    uint64_t history = 0;  // what it did and saw: determines its future
    uint32_t operation_steps = 0;
    uint32_t operation_bound = 0;
  };
  struct Queue {  // of a futex
    const void* word;
    View view;
    uint64_t history;
  };

  static void Entry();
  void Step(Site site);         // a place where others may run, or this thread die
  void Count();                 // a step without such a choice
  void Observe(uint64_t what);  // into the thread's history
  bool Runnable(uint32_t thread) const;
  void Leave(Status status);  // the running thread cannot go on: somebody else
  void SwitchTo(uint32_t thread);
  [[noreturn]] void Finish();  // back to Run
  void Die(uint32_t thread);
  uint64_t StateHash() const;
  uint32_t Allowance(uint32_t used, uint32_t bound) const;
  Queue& QueueOf(const void* word);
  void CheckWrite(uint32_t word);
  void Trace(Site site, const char* what, const void* word, uint64_t value, uint32_t choice);

  Memory memory_;
  std::string (*name_of_)(const void*);
  void (*stored_)(const void*, uint64_t, Site);
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
  uint32_t count_ = 0;  // threads
  uint32_t self_ = 0;
  uint32_t preemptions_ = 0, values_ = 0, deaths_ = 0, chosen_deaths_ = 0, stops_ = 0, timeouts_ = 0,
           idle_timeouts_ = 0;
  uint64_t steps_ = 0;
  uint64_t fence_history_ = 0;
};

extern Machine* machine;  // the one that runs; set by whoever runs scenarios

const char* NameOf(Site site);

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_MACHINE_H_
