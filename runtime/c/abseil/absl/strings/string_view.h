// SPDX-License-Identifier: Apache-2.0
// Stand-in for absl::string_view. See runtime/c/abseil/README.md.
#ifndef MILLRACE_RUNTIME_C_ABSEIL_STRING_VIEW_H_
#define MILLRACE_RUNTIME_C_ABSEIL_STRING_VIEW_H_

#include <string_view>

namespace absl {
using string_view = std::string_view;
}

#endif  // MILLRACE_RUNTIME_C_ABSEIL_STRING_VIEW_H_
