// SPDX-License-Identifier: Apache-2.0
// Start states of operations: a small ring after some messages.
#ifndef MILLRACE_TESTS_CRASH_START_STATE_H_
#define MILLRACE_TESTS_CRASH_START_STATE_H_

#include <cstdint>

#include "millrace/millrace.h"
#include "tests/support/must.h"
#include "tests/support/oracle.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/tally.h"

namespace millrace::testing {

inline constexpr size_t kCrashCapacity = 4096;

// Frames of 24 to 208 bytes: a lap holds about 36 messages and usually ends in padding.
inline const Oracle& CrashOracle() {
  static const Oracle oracle(11, 16, 200);
  return oracle;
}

inline Producer ProducerAfter(const ScratchDir& dir, uint64_t messages) {
  Producer producer =
      Must(Producer::Create("q", {.capacity = kCrashCapacity, .seats = 4}, {.directory = dir.path()}));
  if (PublishUntil(producer, CrashOracle(), messages) != Sent::kOk) std::abort();
  return producer;
}

// Returns how many messages to publish first, so that the next one is short and
// copying it takes few instructions.
inline uint64_t BeforeAShortOne(uint64_t at_least) {
  uint64_t messages = at_least;
  while (CrashOracle().SizeOf(messages) > 40) ++messages;
  return messages;
}

// Returns how many messages must be readable after `messages`: all until the ring
// is full, then at least half a ring.
inline uint64_t RetainedAfter(uint64_t messages) { return messages < 15 ? messages : 15; }

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CRASH_START_STATE_H_
