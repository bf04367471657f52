// SPDX-License-Identifier: Apache-2.0
// Text that another user may have chosen: what is well-formed, and what a shell, a terminal or a log shows
// without obeying it. Pure functions of bytes.
#ifndef MILLRACE_INTERNAL_TEXT_H_
#define MILLRACE_INTERNAL_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::internal {

inline constexpr size_t kMaxName = 200;  // characters of a ring's name

constexpr bool IsLetterDigitOrUnderscore(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Returns whether `name` can name a ring or a group: [A-Za-z0-9_][A-Za-z0-9_.-]*, at most kMaxName
// characters. No such name means anything to a shell or a terminal.
constexpr bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || !IsLetterDigitOrUnderscore(name[0])) return false;
  for (const char c : name) {
    if (!IsLetterDigitOrUnderscore(c) && c != '.' && c != '-') return false;
  }
  return true;
}

// Returns the bytes of the well-formed UTF-8 character at the front of `text`: no overlong form, no
// surrogate, at most U+10FFFF. Returns 0 if it is ill-formed, or if `text` is empty.
constexpr size_t CharacterLength(std::string_view text) {
  if (text.empty()) return 0;
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  // The second byte excludes overlong forms, surrogates and everything above U+10FFFF.
  const uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < least || at(1) > most) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xBF) return 0;
  }
  return length;
}

// Returns the code point of a well-formed character.
constexpr uint32_t CodePointOf(std::string_view character) {
  const auto first = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return first;
  uint32_t code = first & (0x7Fu >> character.size());
  for (size_t i = 1; i < character.size(); ++i)
    code = code << 6 | (static_cast<uint8_t>(character[i]) & 0x3Fu);
  return code;
}

// Returns whether a terminal or a log obeys this character instead of showing it: the control characters C0
// (tab and newline too), DEL and C1, the separators of lines and paragraphs, and the marks, embeddings,
// overrides and isolates of bidirectional text, which make a line read as another one.
constexpr bool IsControl(uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return true;
  if (code == 0x061C || code == 0x200E || code == 0x200F) return true;
  return (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_TEXT_H_
