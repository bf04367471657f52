// SPDX-License-Identifier: Apache-2.0
// Returns the value of a call that must succeed. Otherwise it prints the status and aborts the process. It
// works on both sides of a fork, where an assertion of the test framework would fail on one side only.
#ifndef MILLRACE_TESTS_SUPPORT_MUST_H_
#define MILLRACE_TESTS_SUPPORT_MUST_H_

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace millrace::testing {

inline void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "a call that must succeed: %s\n", status.ToString().c_str());
  std::abort();
}

template <class T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_MUST_H_
