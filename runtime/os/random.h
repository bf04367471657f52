// SPDX-License-Identifier: Apache-2.0
// Random bytes from the kernel.
#ifndef MILLRACE_RUNTIME_OS_RANDOM_H_
#define MILLRACE_RUNTIME_OS_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace millrace::os {

// Fills `bytes` bytes (at most 256) at `to`. Waits early in the boot, until the kernel has collected
// randomness. `what` begins the error text.
absl::Status RandomBytes(void* to, size_t bytes, const std::string& what);

// Returns a number that other processes are unlikely to choose, and never waits. Early in the boot the number
// comes from the clock and the PID.
uint64_t RandomNumber();

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_RANDOM_H_
