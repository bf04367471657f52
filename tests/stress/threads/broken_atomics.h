// SPDX-License-Identifier: Apache-2.0
// An atomics policy with a planted bug: accesses with the given labels are relaxed and order nothing.
#ifndef MILLRACE_TESTS_STRESS_THREADS_BROKEN_ATOMICS_H_
#define MILLRACE_TESTS_STRESS_THREADS_BROKEN_ATOMICS_H_

#include <atomic>

#include "tests/stress/threads/sharp_atomics.h"

namespace millrace::testing {

template <internal::Site... kWeak>
struct BrokenAtomics : SharpAtomics {
  using Site = internal::Site;
  using Real = internal::RealAtomics;

  static constexpr std::memory_order Weakened(std::memory_order order, Site site) {
    return ((site == kWeak) || ...) ? std::memory_order_relaxed : order;
  }
  template <class T>
  static T Load(const T& word, std::memory_order order, Site site) noexcept {
    return Real::Load(word, Weakened(order, site), site);
  }
  template <class T>
  static void Store(T& word, T value, std::memory_order order, Site site) noexcept {
    Real::Store(word, value, Weakened(order, site), site);
  }
  template <class T>
  static T Exchange(T& word, T value, std::memory_order order, Site site) noexcept {
    return Real::Exchange(word, value, Weakened(order, site), site);
  }
  template <class T>
  static T Add(T& word, T value, std::memory_order order, Site site) noexcept {
    return Real::Add(word, value, Weakened(order, site), site);
  }
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_STRESS_THREADS_BROKEN_ATOMICS_H_
