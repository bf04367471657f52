// SPDX-License-Identifier: Apache-2.0
// Stand-in for absl::CHexEscape and BytesToHexString. See runtime/c/abseil/README.md.
#ifndef MILLRACE_RUNTIME_C_ABSEIL_ESCAPING_H_
#define MILLRACE_RUNTIME_C_ABSEIL_ESCAPING_H_

#include <cctype>
#include <string>
#include <string_view>

namespace absl {
namespace strings_internal {

inline void AppendHexByte(std::string* text, unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  *text += kDigits[byte >> 4];
  *text += kDigits[byte & 15];
}

}  // namespace strings_internal

inline std::string BytesToHexString(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) strings_internal::AppendHexByte(&text, static_cast<unsigned char>(byte));
  return text;
}

// Writes the bytes as in a C string. A hexadecimal digit after a hexadecimal escape is escaped too.
inline std::string CHexEscape(std::string_view bytes) {
  std::string text;
  bool after_hex = false;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    bool hex = false;
    switch (c) {
      case '\n':
        text += "\\n";
        break;
      case '\r':
        text += "\\r";
        break;
      case '\t':
        text += "\\t";
        break;
      case '"':
        text += "\\\"";
        break;
      case '\'':
        text += "\\'";
        break;
      case '\\':
        text += "\\\\";
        break;
      default:
        hex = byte < 0x20 || byte >= 0x7f || (after_hex && std::isxdigit(byte) != 0);
        if (!hex) {
          text += c;
        } else {
          text += "\\x";
          strings_internal::AppendHexByte(&text, byte);
        }
    }
    after_hex = hex;
  }
  return text;
}

}  // namespace absl

#endif  // MILLRACE_RUNTIME_C_ABSEIL_ESCAPING_H_
