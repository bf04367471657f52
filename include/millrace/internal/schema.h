// SPDX-License-Identifier: Apache-2.0
// The grammar of schema texts, evaluated at compile time. protocol/format.md "Schema".
#ifndef MILLRACE_INTERNAL_SCHEMA_H_
#define MILLRACE_INTERNAL_SCHEMA_H_

#include <cstddef>
#include <string_view>

#include "millrace/internal/text.h"

namespace millrace::internal {

inline constexpr size_t kBadSchema = ~size_t{0};

// Returns the bytes of a type such as "u8", "f64" or "u8[16]", or kBadSchema if it is not a type.
constexpr size_t TypeBytes(std::string_view type) {
  size_t count = 1;
  if (const size_t open = type.find('['); open != std::string_view::npos) {
    std::string_view digits = type.substr(open + 1);
    if (digits.size() < 2 || digits.back() != ']' || digits.size() > 10) return kBadSchema;
    digits.remove_suffix(1);
    count = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return kBadSchema;
      count = count * 10 + static_cast<size_t>(c - '0');
    }
    if (count == 0) return kBadSchema;
    type = type.substr(0, open);
  }
  if (type == "u8" || type == "i8") return count;
  if (type == "u16" || type == "i16") return count * 2;
  if (type == "u32" || type == "i32" || type == "f32") return count * 4;
  if (type == "u64" || type == "i64" || type == "f64") return count * 8;
  return kBadSchema;
}

// Returns the sum of the bytes of all fields: 0 for the empty schema, kBadSchema for a malformed one.
constexpr size_t SchemaBytes(std::string_view schema) {
  size_t bytes = 0;
  while (!schema.empty()) {
    const size_t space = schema.find(' ');
    const std::string_view field = schema.substr(0, space);
    const size_t colon = field.find(':');
    if (colon == 0 || colon == std::string_view::npos) return kBadSchema;
    for (const char c : field.substr(0, colon)) {
      if (!IsLetterDigitOrUnderscore(c)) return kBadSchema;
    }
    const size_t field_bytes = TypeBytes(field.substr(colon + 1));
    if (field_bytes == kBadSchema) return kBadSchema;
    bytes += field_bytes;
    if (space == std::string_view::npos) break;
    schema = schema.substr(space + 1);
    if (schema.empty()) return kBadSchema;  // a trailing space
  }
  return bytes;
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_SCHEMA_H_
