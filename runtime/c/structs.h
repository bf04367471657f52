// SPDX-License-Identifier: Apache-2.0
// The rule by which structs of the C interface grow: their first member is the size that the caller knows.
//
// A smaller struct is filled up with zeros, which are the default of every member. A larger one is accepted
// if its unknown tail is zero, because then it asks for nothing that this library lacks. Linux's openat2()
// does the same.
#ifndef MILLRACE_RUNTIME_C_STRUCTS_H_
#define MILLRACE_RUNTIME_C_STRUCTS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "runtime/c/errors.h"

namespace millrace::c {

inline constexpr size_t kLargestStruct = 4096;  // bytes; a larger `size` is a mistake

// Returns 0 if `size` can be the first member of a struct that its caller has initialised.
inline int CheckSize(std::string_view call, size_t size) noexcept {
  if (size < sizeof(size_t) || size > kLargestStruct)
    return Fail(Error::kBadArgument, call,
                "the member `size` of a struct is wrong; initialise it with its MILLRACE_*_INIT");
  return 0;
}

// Copies the struct that a caller has given, or the defaults for NULL, into *known. Returns 0 or an error.
template <class Struct>
int ReadStruct(std::string_view call, const Struct* given, Struct* known) noexcept {
  static_assert(std::is_trivially_copyable_v<Struct>);
  std::memset(static_cast<void*>(known), 0, sizeof *known);
  known->size = sizeof *known;
  if (given == nullptr) return 0;
  size_t size;
  std::memcpy(&size, given, sizeof size);
  if (const int error = CheckSize(call, size); error != 0) return error;
  const char* const bytes = reinterpret_cast<const char*>(given);
  for (size_t i = sizeof *known; i < size; ++i) {
    if (bytes[i] != 0)
      return Fail(Error::kBadArgument, call,
                  "a struct sets a member that this library does not know yet; use a newer library");
  }
  std::memcpy(static_cast<void*>(known), given, std::min(size, sizeof *known));
  known->size = sizeof *known;
  return 0;
}

// Copies *known into the struct that the caller provides, as much as both sides know. Returns 0 or an error.
template <class Struct>
int WriteStruct(std::string_view call, const Struct& known, Struct* out) noexcept {
  if (out == nullptr) return Fail(Error::kBadArgument, call, "the pointer for the result is null");
  size_t size;
  std::memcpy(&size, out, sizeof size);
  if (const int error = CheckSize(call, size); error != 0) return error;
  const size_t both = std::min(size, sizeof known);
  char* const bytes = reinterpret_cast<char*>(out);
  std::memcpy(bytes + sizeof size, reinterpret_cast<const char*>(&known) + sizeof size, both - sizeof size);
  std::memset(bytes + both, 0, size - both);
  return 0;
}

}  // namespace millrace::c

#endif  // MILLRACE_RUNTIME_C_STRUCTS_H_
