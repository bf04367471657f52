// SPDX-License-Identifier: Apache-2.0
// Stand-in for absl::StrFormat, for numbers and C strings. See runtime/c/abseil/README.md.
#ifndef MILLRACE_RUNTIME_C_ABSEIL_STR_FORMAT_H_
#define MILLRACE_RUNTIME_C_ABSEIL_STR_FORMAT_H_

#include <cstdio>
#include <string>

namespace absl {

template <class... Arguments>
std::string StrFormat(const char* format, Arguments... arguments) {
  const int length = std::snprintf(nullptr, 0, format, arguments...);
  if (length <= 0) return {};
  std::string text(static_cast<size_t>(length), '\0');
  std::snprintf(text.data(), text.size() + 1, format, arguments...);
  return text;
}

}  // namespace absl

#endif  // MILLRACE_RUNTIME_C_ABSEIL_STR_FORMAT_H_
