// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/scenarios/mutation.h"

#include <optional>

#include "tests/checker/scenarios/world.h"

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
  struct {
    const void* word;
    uint64_t value;
  } prefetched[kSeats + 1] = {};
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

// Runs before and after every access that is really made.
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
// Runs before an access at `other`: loads the words at `site` early, not when it is their turn.
void PrefetchBefore(Site other) {
  if (mutation == nullptr || mutation->kind != Mutation::kPrefetch || mutation->other != other) return;
  const Mutation now = *mutation;
  for (auto& p : Mine().prefetched) p.word = nullptr;
  size_t n = 0;
  for (const internal::Seat& seat : world->bytes().seats) {
    const void* word = nullptr;
    uint32_t bytes = 8;
    if (now.site == Site::R10) word = &seat.words.lease;
    if (now.site == Site::G8) word = &seat.words.lease_end;
    if (now.site == Site::R4) word = &seat.identity.state;
    if (now.site == Site::R8) {
      word = &world->bytes().seats_control.join.seats_used;
      bytes = 4;
    }
    Mine().prefetched[n++] = {word, machine->Load(word, bytes, std::memory_order_acquire, now.site)};
    if (now.site == Site::R8) break;
  }
}
bool TakePrefetched(const void* word, uint64_t* value) {
  for (auto& p : Mine().prefetched) {
    if (p.word != word) continue;
    *value = p.value;
    p.word = nullptr;
    return true;
  }
  return false;
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
    for (const auto& p : t.prefetched) {
      if (p.word != nullptr) h = MixBits(h ^ reinterpret_cast<uintptr_t>(p.word)) ^ p.value;
    }
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
  uint64_t value = 0;
  if (TakePrefetched(word, &value)) return value;
  Before(site);
  PrefetchBefore(site);
  value = machine->Load(word, bytes, OrderAt(site, order), site);
  if (mutation->kind == Mutation::kRepeat && mutation->other == site) mine.remembered = value;
  if (Is(Mutation::kRepeatSelf, site)) mine.remembered = value;
  if (mutation->kind == Mutation::kJoiningIsLive && site == Site::R4 &&
      internal::PhaseOf(value) == internal::SeatPhase::kJoining) {
    value = AsLive(value);
  }
  if (mutation->kind == Mutation::kCreatingIsUsed && site == Site::R12)
    value &= ~uint64_t{internal::kGroupCreating};
  if (Is(Mutation::kNarrow, site))
    value = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
  After(site);
  return value;
}

void Store(void* word, uint32_t bytes, uint64_t value, std::memory_order order, Site site) {
  Before(site);
  if (Is(Mutation::kDrop, site)) return;
  if (Delay(site, {Delayed::kStore, word, bytes, value, order})) return;
  // Only an adopter stores the end of a lease before the lease.
  if (mutation != nullptr && mutation->kind == Mutation::kOwnedFirst && site == Site::G2 &&
      Mine().last == Site::G3)
    value &= ~internal::kLeaseTentative;
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
  if (mutation != nullptr && mutation->kind == Mutation::kOwnedFirst && site == Site::G5 &&
      internal::IsTentative(*expected) &&
      machine->Newest(word, bytes) == internal::LeasePosition(*expected)) {
    *expected = internal::LeasePosition(*expected);
  }
  if (mutation != nullptr && mutation->kind == Mutation::kCreatingIsUsed && site == Site::G14)
    *expected |= machine->Newest(word, bytes) & internal::kGroupCreating;
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

void Prefetch(const uint64_t* word) {
  const uint64_t value = machine->Load(word, 8, std::memory_order_acquire, Site::X);
  for (auto& p : Mine().prefetched) {
    if (p.word != nullptr && p.word != word) continue;
    p = {word, value};
    return;
  }
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
