// SPDX-License-Identifier: Apache-2.0
// Stand-in for absl::Cord, which is only the payload of a Status. See runtime/c/abseil/README.md.
#ifndef MILLRACE_RUNTIME_C_ABSEIL_CORD_H_
#define MILLRACE_RUNTIME_C_ABSEIL_CORD_H_

#include <optional>
#include <string>

namespace absl {

using Cord = std::string;
template <class T>
using optional = std::optional<T>;

}  // namespace absl

#endif  // MILLRACE_RUNTIME_C_ABSEIL_CORD_H_
