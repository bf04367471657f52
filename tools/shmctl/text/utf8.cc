// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "millrace/internal/text.h"

namespace millrace::tool {
namespace {

using internal::CharacterLength;
using internal::CodePointOf;
using internal::IsControl;

constexpr char kDigits[] = "0123456789abcdef";

void AppendByteEscape(uint8_t byte, std::string* out) {
  switch (byte) {
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case 0x1B:
      out->append("\\e");
      return;
    default:
      break;
  }
  out->append("\\x");
  out->push_back(kDigits[byte >> 4]);
  out->push_back(kDigits[byte & 15]);
}

// Appends four hexadecimal digits, which suffice for every control character.
void AppendUnicodeEscape(uint32_t code, std::string* out) {
  out->append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out->push_back(kDigits[code >> shift & 15]);
}

// For each byte, the character after the backslash. 0: the byte is shown unchanged. 'u': it needs four
// digits. 'm': it begins a character of several bytes.
constexpr std::array<char, 256> JsonEscapes() {
  std::array<char, 256> escapes{};
  for (size_t byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
  for (size_t byte = 0x80; byte < 0x100; ++byte) escapes[byte] = 'm';
  escapes[0x7F] = 'u';
  escapes['\b'] = 'b';
  escapes['\t'] = 't';
  escapes['\n'] = 'n';
  escapes['\f'] = 'f';
  escapes['\r'] = 'r';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}
constexpr std::array<char, 256> kJsonEscapes = JsonEscapes();

// Returns how many bytes at the front need no escape. Checks eight bytes at a time. In the sum and the
// differences, the high bit is set for each byte that is a control character, a quotation mark, a backslash
// or not ASCII. A borrow can only mark one byte too many, and the loop over single bytes then checks that
// byte.
size_t PlainBytes(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = kOnes * 0x80;
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t bytes;
    std::memcpy(&bytes, text.data() + i, sizeof bytes);
    const uint64_t below_space = bytes - kOnes * 0x20;
    const uint64_t quote = (bytes ^ (kOnes * '"')) - kOnes;
    const uint64_t backslash = (bytes ^ (kOnes * '\\')) - kOnes;
    const uint64_t del = (bytes ^ (kOnes * 0x7F)) - kOnes;
    if (((bytes | below_space | quote | backslash | del) & kHighs) != 0) break;
  }
  while (i < text.size() && kJsonEscapes[static_cast<uint8_t>(text[i])] == 0) ++i;
  return i;
}

}  // namespace

void AppendEscaped(std::string_view text, std::string* out) {
  while (!text.empty()) {
    const size_t length = std::max<size_t>(CharacterLength(text), 1);
    const std::string_view character = text.substr(0, length);
    const bool shown =
        character == "\t" || (CharacterLength(character) != 0 && !IsControl(CodePointOf(character)));
    if (shown) {
      out->append(character);
    } else {
      for (const char c : character) AppendByteEscape(static_cast<uint8_t>(c), out);
    }
    text.remove_prefix(length);
  }
}

std::string Escaped(std::string_view text) {
  std::string out;
  AppendEscaped(text, &out);
  return out;
}

bool AppendJsonEscaped(std::string_view text, std::string* out) {
  const size_t begin = out->size();
  for (;;) {
    const size_t plain = PlainBytes(text);
    out->append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) return true;
    const char escape = kJsonEscapes[static_cast<uint8_t>(text[0])];
    const size_t length = escape == 'm' ? CharacterLength(text) : 1;
    if (length == 0) {
      out->resize(begin);
      return false;
    }
    const std::string_view character = text.substr(0, length);
    if (escape != 'm' && escape != 'u') {
      out->push_back('\\');
      out->push_back(escape);
    } else if (const uint32_t code = CodePointOf(character); IsControl(code)) {
      AppendUnicodeEscape(code, out);
    } else {
      out->append(character);
    }
    text.remove_prefix(length);
  }
}

std::string JsonForTerminals(std::string_view json) {
  std::string out;
  while (!json.empty()) {
    const size_t length = std::max<size_t>(CharacterLength(json), 1);
    const std::string_view character = json.substr(0, length);
    const uint32_t code = CodePointOf(character);
    if (code >= 0x20 && IsControl(code)) {  // controls below 0x20 are whitespace between tokens
      AppendUnicodeEscape(code, &out);
    } else {
      out.append(character);
    }
    json.remove_prefix(length);
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<uint8_t>(c) & 0xC0) != 0x80;  // every byte except continuation bytes
  }));
}

}  // namespace millrace::tool
