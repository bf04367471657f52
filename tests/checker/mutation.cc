#include "tests/checker/mutation.h"

#include <optional>

#include "tests/checker/world.h"

namespace millrace::checker {

const Mutation* mutation = nullptr;

namespace {

struct Delayed {
  enum Kind : uint8_t { kStore, kAdd, kFence } kind;
  void* word;
  uint32_t bytes;
  uint64_t value;
  std::memory_order order;
};

struct PerThread {
  std::optional<Delayed> delayed;
  std::optional<uint64_t> remembered;  // last load at `other`, first load at `site`, or the hoisted one
  Site last = Site::X;
} per_thread[kThreads];

PerThread& Mine() { return per_thread[machine->self()]; }
bool Is(Mutation::Kind kind, Site site) {
  return mutation != nullptr && mutation->kind == kind && mutation->site == site;
}

std::memory_order OrderAt(Site site, std::memory_order order) {
  return Is(Mutation::kOrder, site) ? mutation->order : order;
}

void Do(const Delayed& d, Site site) {
  switch (d.kind) {
    case Delayed::kStore:
      machine->Store(d.word, d.bytes, d.value, d.order, site);
      break;
    case Delayed::kAdd:
      machine->ReadModifyWrite(d.word, d.bytes, Rmw::kAdd, d.value, d.order, site);
      break;
    case Delayed::kFence:
      machine->Fence(d.order, site);
      break;
  }
}

// Before and after every access that is really done.
void Before(Site site) {
  if (mutation == nullptr || mutation->kind != Mutation::kHoist || mutation->other != site ||
      Mine().remembered)
    return;
  const uint32_t* const word = world->WordOf(mutation->site);
  Mine().remembered = machine->Load(word, 4, std::memory_order_relaxed, mutation->site);
}
void After(Site site) {
  if (mutation == nullptr) return;
  PerThread& mine = Mine();
  mine.last = site;
  if (mutation->kind == Mutation::kDelay && mutation->other == site && mine.delayed) {
    const Delayed delayed = *mine.delayed;
    mine.delayed.reset();
    Do(delayed, mutation->site);
  }
}
uint64_t AsLive(uint64_t seat_state) {
  return (seat_state & ~uint64_t{0xff}) | static_cast<uint64_t>(internal::SeatPhase::kLive);
}
bool Delay(Site site, const Delayed& access) {
  if (!Is(Mutation::kDelay, site)) return false;
  if (Mine().delayed) Do(*Mine().delayed, site);
  Mine().delayed = access;
  return true;
}

}  // namespace

void ForgetMutationState() {
  for (PerThread& t : per_thread) t = {};
}

uint64_t HashMutationState() {
  uint64_t h = 0;
  if (mutation == nullptr) return h;
  for (const PerThread& t : per_thread) {
    h = MixBits(h ^ static_cast<uint64_t>(t.last));
    if (t.remembered) h = MixBits(h ^ 1) ^ *t.remembered;
    if (!t.delayed) continue;
    h = MixBits(h ^ 2) ^ reinterpret_cast<uintptr_t>(t.delayed->word);
    h = MixBits(h ^ t.delayed->value);
  }
  return h;
}

namespace mutated {

uint64_t Load(const void* word, uint32_t bytes, std::memory_order order, Site site) {
  if (mutation == nullptr) return machine->Load(word, bytes, order, site);
  PerThread& mine = Mine();
  const Site previous = mine.last;
  if (Is(Mutation::kRepeat, site) && mine.remembered) return *mine.remembered;
  if (Is(Mutation::kRepeatSelf, site) && mine.remembered) return *mine.remembered;
  if (Is(Mutation::kConstant, site)) return mutation->value;
  if (Is(Mutation::kAfter, site) && previous == mutation->other) {
    mine.last = site;
    return mutation->value;
  }
  if (Is(Mutation::kHoist, site) && mine.remembered) {
    const uint64_t hoisted = *mine.remembered;
    mine.remembered.reset();
    return hoisted;
  }
  Before(site);
  uint64_t value = machine->Load(word, bytes, OrderAt(site, order), site);
  if (mutation->kind == Mutation::kRepeat && mutation->other == site) mine.remembered = value;
  if (Is(Mutation::kRepeatSelf, site)) mine.remembered = value;
  if (mutation->kind == Mutation::kJoiningIsLive && site == Site::R4 &&
      internal::PhaseOf(value) == internal::SeatPhase::kJoining) {
    value = AsLive(value);
  }
  if (Is(Mutation::kNarrow, site))
    value = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
  After(site);
  return value;
}

void Store(void* word, uint32_t bytes, uint64_t value, std::memory_order order, Site site) {
  Before(site);
  if (Is(Mutation::kDrop, site)) return;
  if (Delay(site, {Delayed::kStore, word, bytes, value, order})) return;
  machine->Store(word, bytes, value, OrderAt(site, order), site);
  After(site);
}

uint64_t ReadModifyWrite(void* word, uint32_t bytes, Rmw what, uint64_t value, std::memory_order order,
                         Site site) {
  Before(site);
  if (Is(Mutation::kDrop, site)) return 0;
  if (mutation != nullptr && mutation->kind == Mutation::kBumpFirst) {
    if (what == Rmw::kAdd && site == mutation->other) return 0;  // done already
    if (site == mutation->site) {
      void* const epoch = const_cast<uint32_t*>(world->WordOf(site));
      machine->ReadModifyWrite(epoch, 4, Rmw::kAdd, 1, std::memory_order_release, mutation->other);
    }
  }
  if (what == Rmw::kAdd && Delay(site, {Delayed::kAdd, word, bytes, value, order})) return 0;
  uint64_t old = 0;
  if (Is(Mutation::kTear, site)) {
    old = machine->Load(word, bytes, std::memory_order_acquire, site);
    machine->Store(word, bytes, what == Rmw::kAdd ? old + value : value, std::memory_order_release, site);
  } else if (Is(Mutation::kTearLate, site)) {
    old = machine->Load(word, bytes, std::memory_order_acquire, site);
    Mine().delayed = Delayed{Delayed::kStore, word, bytes, value, std::memory_order_release};
  } else {
    old = machine->ReadModifyWrite(word, bytes, what, value, OrderAt(site, order), site);
  }
  After(site);
  return old;
}

bool CompareExchange(void* word, uint32_t bytes, uint64_t* expected, uint64_t desired,
                     std::memory_order order, Site site) {
  Before(site);
  if (Is(Mutation::kDrop, site)) return true;
  bool done = true;
  if (mutation != nullptr && mutation->kind == Mutation::kJoiningIsLive && site == Site::E1) {
    const uint64_t actual = machine->Load(word, bytes, std::memory_order_acquire, site);
    if (AsLive(actual) == *expected) *expected = actual;
  }
  if (Is(Mutation::kTear, site)) {
    const uint64_t old = machine->Load(word, bytes, std::memory_order_acquire, site);
    done = old == *expected;
    if (done) machine->Store(word, bytes, desired, std::memory_order_release, site);
    *expected = old;
  } else {
    done = machine->CompareExchange(word, bytes, expected, desired, OrderAt(site, order), site);
  }
  After(site);
  return done;
}

void Fence(std::memory_order order, Site site) {
  Before(site);
  if (Is(Mutation::kDrop, site)) return After(site);
  if (Delay(site, {Delayed::kFence, nullptr, 0, 0, order})) return;
  machine->Fence(OrderAt(site, order), site);
  After(site);
}

bool Barrier() {
  if (Is(Mutation::kDrop, Site::W3)) return true;
  const bool done = machine->Membarrier();
  After(Site::W3);
  return done;
}

void AfterWake() {
  if (mutation == nullptr || mutation->kind != Mutation::kTearLate || !Mine().delayed) return;
  const Delayed delayed = *Mine().delayed;
  Mine().delayed.reset();
  Do(delayed, mutation->site);
}

}  // namespace mutated
}  // namespace millrace::checker
