// SPDX-License-Identifier: Apache-2.0
// Errors of the C interface: codes, the text of each thread, and the wall that no exception passes.
#ifndef MILLRACE_RUNTIME_C_ERRORS_H_
#define MILLRACE_RUNTIME_C_ERRORS_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "millrace.h"
#include "millrace/error.h"

namespace millrace::c {

// Sets the text of this thread's last error and returns the code of the cause. Returns 0 for an OK status.
int Fail(const absl::Status& status) noexcept;
int Fail(Error error, std::string_view call, std::string_view why) noexcept;

// Set the text of a misused message call, which begins with the name of the call, and return the outcome.
[[gnu::cold]] uint8_t BadSend(std::string_view call, std::string_view why) noexcept;
[[gnu::cold]] uint8_t BadRead(std::string_view call, std::string_view why) noexcept;

// Sets the text for the exception that is being handled, and returns its code.
int FailOfException(std::string_view call) noexcept;

// Runs the body of a cold call. An exception (no memory, or thrown by a callback) becomes an error.
template <class Body>
int Guarded(std::string_view call, Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return FailOfException(call);
  }
}

}  // namespace millrace::c

#endif  // MILLRACE_RUNTIME_C_ERRORS_H_
