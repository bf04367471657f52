// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/random.h"

#include <sys/random.h>

#include <cerrno>

#include "runtime/os/failure.h"
#include "runtime/os/park.h"

namespace millrace::os {

absl::Status RandomBytes(void* to, size_t bytes, const std::string& what) {
  if (getrandom(to, bytes, 0) == static_cast<ssize_t>(bytes)) return absl::OkStatus();
  return SystemFailure(errno, what + ": getrandom");
}

uint64_t RandomNumber() {
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) == static_cast<ssize_t>(sizeof bits)) return bits;
  return WallNs() << 32 | Pid();
}

}  // namespace millrace::os
