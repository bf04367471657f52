// SPDX-License-Identifier: Apache-2.0
// An atomics policy that gives ThreadSanitizer no extra ordering.
//
// In a ThreadSanitizer build, RealAtomics turns a fence into a read-modify-write of one word. That orders
// more than the fence does, and could hide a missing release or acquire. With this policy a fence stays a
// fence, which ThreadSanitizer ignores. So it accepts only the order that the labelled loads and stores
// create. The ring's plain reads (payloads in place) need no more than that order.
#ifndef MILLRACE_TESTS_STRESS_THREADS_SHARP_ATOMICS_H_
#define MILLRACE_TESTS_STRESS_THREADS_SHARP_ATOMICS_H_

#include <atomic>

#include "millrace/internal/atomics.h"

namespace millrace::testing {

struct SharpAtomics : internal::RealAtomics {
  static void Fence(std::memory_order order, internal::Site) noexcept { std::atomic_thread_fence(order); }
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_STRESS_THREADS_SHARP_ATOMICS_H_
