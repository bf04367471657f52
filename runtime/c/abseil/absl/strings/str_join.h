// SPDX-License-Identifier: Apache-2.0
// Stand-in for absl::StrJoin. See runtime/c/abseil/README.md.
#ifndef MILLRACE_RUNTIME_C_ABSEIL_STR_JOIN_H_
#define MILLRACE_RUNTIME_C_ABSEIL_STR_JOIN_H_

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace absl {

template <class Range>
std::string StrJoin(const Range& range, std::string_view separator) {
  std::string text;
  bool first = true;
  for (const auto& item : range) {
    if (!first) text += separator;
    first = false;
    StrAppend(&text, item);
  }
  return text;
}

}  // namespace absl

#endif  // MILLRACE_RUNTIME_C_ABSEIL_STR_JOIN_H_
