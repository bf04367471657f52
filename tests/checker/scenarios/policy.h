// SPDX-License-Identifier: Apache-2.0
// The atomics policy under which the real ring and parking code is checked. Every access goes to the machine.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_POLICY_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tests/checker/engine/machine.h"
#include "tests/checker/scenarios/mutation.h"
#include "tests/checker/scenarios/world.h"

namespace millrace::checker {

struct CheckedAtomics {
  template <class T>
  static T Load(const T& word, std::memory_order order, Site site) {
    const T value = static_cast<T>(mutated::Load(&word, sizeof(T), order, site));
    if (site == Site::R5) world->Judged(&word, value);
    if (site == Site::R10) world->Judged(&word, internal::LeasePosition(value));
    return value;
  }
  template <class T>
  static void Store(T& word, T value, std::memory_order order, Site site) {
    machine->Pause(site);
    if (site == Site::R1 && Slipped(Slip::kAnnounceLess))
      value -= static_cast<T>(3 * kLeastCapacity / internal::kMarks);
    mutated::Store(&word, sizeof(T), value, order, site);
  }
  template <class T>
  static T Exchange(T& word, T value, std::memory_order order, Site site) {
    return static_cast<T>(mutated::ReadModifyWrite(&word, sizeof(T), Rmw::kExchange, value, order, site));
  }
  template <class T>
  static T Add(T& word, T value, std::memory_order order, Site site) {
    return static_cast<T>(mutated::ReadModifyWrite(&word, sizeof(T), Rmw::kAdd, value, order, site));
  }
  template <class T>
  static bool CompareExchange(T& word, T& expected, T desired, std::memory_order order, Site site) {
    machine->Pause(site);
    uint64_t found = expected;
    const bool done = mutated::CompareExchange(&word, sizeof(T), &found, desired, order, site);
    if (!done) expected = static_cast<T>(found);
    if (done) world->Exchanged(&word, expected, desired, site);
    return done;
  }
  static void Fence(std::memory_order order, Site site) { mutated::Fence(order, site); }
  // Orders nothing between CPUs. The checked code runs in program order anyway. What a compiler could do
  // without the barrier is the mutation kHoist.
  static void CompilerBarrier(Site) {}

  static void CopyIn(std::byte* to, const void* from, size_t bytes) {
    uint64_t words[kMostWords];
    if (bytes > sizeof words) machine->Violate("a payload longer than any in this scenario");
    std::memcpy(words, from, (bytes + 7) & ~size_t{7});
    machine->StorePayload(to, words, (bytes + 7) / 8);
  }
  static void Clear(std::byte* at, size_t bytes) {
    static constexpr uint64_t kZeros[kMostWords] = {};
    machine->StorePayload(at, kZeros, bytes / 8 + (Slipped(Slip::kClearBeyond) ? 1 : 0));
  }
  static void CopyOut(std::byte* to, const std::byte* from, size_t bytes) {
    uint64_t words[kMostWords];
    if (bytes > sizeof words) machine->Violate("a payload longer than any in this scenario");
    machine->LoadPayload(words, from, (bytes + 7) / 8);
    std::memcpy(to, words, (bytes + 7) & ~size_t{7});
  }
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_POLICY_H_
