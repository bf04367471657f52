// SPDX-License-Identifier: Apache-2.0
// Stand-in for absl::StrCat, StrAppend and Hex. See runtime/c/abseil/README.md.
#ifndef MILLRACE_RUNTIME_C_ABSEIL_STR_CAT_H_
#define MILLRACE_RUNTIME_C_ABSEIL_STR_CAT_H_

#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace absl {

struct Hex {
  template <std::integral Int>
  explicit Hex(Int number) : value(static_cast<uint64_t>(static_cast<std::make_unsigned_t<Int>>(number))) {}
  uint64_t value;
};

namespace strings_internal {

// One piece of a text. Numbers are written as Abseil writes them: bool as 0 or 1, floating point with six
// significant digits.
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}                    // NOLINT(google-explicit-constructor)
  Piece(const std::string& text) : text_(text) {}                  // NOLINT(google-explicit-constructor)
  Piece(const char* text) : text_(text == nullptr ? "" : text) {}  // NOLINT(google-explicit-constructor)
  Piece(bool value) : Piece(static_cast<int>(value)) {}            // NOLINT(google-explicit-constructor)
  Piece(Hex hex) {
    Take(std::to_chars(digits_, End(), hex.value, 16));
  }  // NOLINT(google-explicit-constructor)
  template <class Number>
  requires(std::integral<Number> && !std::same_as<Number, char>) Piece(Number number) {
    Take(std::to_chars(digits_, End(), number));
  }                       // NOLINT(google-explicit-constructor)
  Piece(double number) {  // NOLINT(google-explicit-constructor)
    text_ = {digits_, static_cast<size_t>(std::snprintf(digits_, sizeof digits_, "%g", number))};
  }
  Piece(const Piece&) = delete;

  std::string_view text() const { return text_; }

 private:
  char* End() { return digits_ + sizeof digits_; }
  void Take(std::to_chars_result result) { text_ = {digits_, static_cast<size_t>(result.ptr - digits_)}; }
  char digits_[32];
  std::string_view text_;
};

}  // namespace strings_internal

template <class... Pieces>
void StrAppend(std::string* text, const Pieces&... pieces) {
  (text->append(strings_internal::Piece(pieces).text()), ...);
}
template <class... Pieces>
std::string StrCat(const Pieces&... pieces) {
  std::string text;
  StrAppend(&text, pieces...);
  return text;
}

}  // namespace absl

#endif  // MILLRACE_RUNTIME_C_ABSEIL_STR_CAT_H_
