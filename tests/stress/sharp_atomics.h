// An atomics policy that lends ThreadSanitizer no help.
//
// RealAtomics turns a fence into a read-modify-write of one word in that build, which orders more than the
// fence does and could hide a missing release or acquire. Here fences stay fences, which ThreadSanitizer does
// not follow: what it then calls ordered is ordered by the labelled loads and stores alone. The ring's plain
// reads (payloads in place) need no more than that.
#ifndef MILLRACE_TESTS_STRESS_SHARP_ATOMICS_H_
#define MILLRACE_TESTS_STRESS_SHARP_ATOMICS_H_

#include <atomic>

#include "millrace/internal/atomics.h"

namespace millrace::testing {

struct SharpAtomics : internal::RealAtomics {
  static void Fence(std::memory_order order, internal::Site) noexcept { std::atomic_thread_fence(order); }
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_STRESS_SHARP_ATOMICS_H_
