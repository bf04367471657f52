// SPDX-License-Identifier: Apache-2.0
// An atomics policy that calls a test's hook before every access.
//
// The hook makes a race sequential: it can do there whatever another process could do between two accesses.
#ifndef MILLRACE_TESTS_SUPPORT_HOOKED_ATOMICS_H_
#define MILLRACE_TESTS_SUPPORT_HOOKED_ATOMICS_H_

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "millrace/internal/atomics.h"

namespace millrace::testing {

struct HookedAtomics : internal::RealAtomics {
  using Site = internal::Site;
  using Real = internal::RealAtomics;

  template <class T>
  static T Load(const T& word, std::memory_order order, Site site) noexcept {
    return Tell(site), Real::Load(word, order, site);
  }
  template <class T>
  static void Store(T& word, T value, std::memory_order order, Site site) noexcept {
    Tell(site), Real::Store(word, value, order, site);
  }
  template <class T>
  static T Exchange(T& word, T value, std::memory_order order, Site site) noexcept {
    return Tell(site), Real::Exchange(word, value, order, site);
  }
  template <class T>
  static T Add(T& word, T value, std::memory_order order, Site site) noexcept {
    return Tell(site), Real::Add(word, value, order, site);
  }
  template <class T>
  static bool CompareExchange(T& word, T& expected, T desired, std::memory_order order, Site site) noexcept {
    return Tell(site), Real::CompareExchange(word, expected, desired, order, site);
  }
  static void Fence(std::memory_order order, Site site) noexcept { Tell(site), Real::Fence(order, site); }
  static void CompilerBarrier(Site site) noexcept { Tell(site), Real::CompilerBarrier(site); }

  // Calls the hook. Accesses that the hook itself makes do not call it.
  static void Tell(Site site) {
    if (!hook) return;
    auto running = std::exchange(hook, nullptr);
    running(site);
    if (!hook) hook = std::move(running);
  }
  static inline thread_local std::function<void(Site)> hook;
};

// Calls `hook` before every access during its lifetime.
class Hook {
 public:
  explicit Hook(std::function<void(internal::Site)> hook) { HookedAtomics::hook = std::move(hook); }
  Hook(const Hook&) = delete;
  ~Hook() { HookedAtomics::hook = nullptr; }
};

// Records the accesses during its lifetime, except plain accesses (Site::X), which order nothing.
class AccessLog {
 public:
  AccessLog()
      : hook_([this](internal::Site site) {
          if (site != internal::Site::X) sites_.push_back(site);
        }) {}
  const std::vector<internal::Site>& sites() const { return sites_; }
  long Count(internal::Site site) const { return std::count(sites_.begin(), sites_.end(), site); }

 private:
  std::vector<internal::Site> sites_;
  Hook hook_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_HOOKED_ATOMICS_H_
