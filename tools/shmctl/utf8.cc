#include "tools/shmctl/utf8.h"

#include <algorithm>
#include <cstdint>

namespace millrace::tool {
namespace {

struct Lead {
  size_t length;                   // of the whole character; 0: no character begins like this
  uint8_t second_min, second_max;  // what excludes overlong forms, surrogates and > U+10FFFF
};

constexpr Lead LeadOf(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

uint8_t ByteAt(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

// C0 but the tab, DEL, and C1 (two bytes in UTF-8; a terminal takes U+009B for the start of a command).
bool IsControl(std::string_view character) {
  const uint8_t first = ByteAt(character, 0);
  if (character.size() == 1) return (first < 0x20 && first != '\t') || first == 0x7F;
  return first == 0xC2 && ByteAt(character, 1) < 0xA0;
}

void AppendByteEscape(uint8_t byte, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
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

}  // namespace

size_t CharacterLength(std::string_view text) {
  if (text.empty()) return 0;
  const Lead lead = LeadOf(ByteAt(text, 0));
  if (lead.length > text.size()) return 0;
  if (lead.length < 2) return lead.length;
  if (ByteAt(text, 1) < lead.second_min || ByteAt(text, 1) > lead.second_max) return 0;
  for (size_t i = 2; i < lead.length; ++i) {
    if ((ByteAt(text, i) & 0xC0) != 0x80) return 0;
  }
  return lead.length;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void AppendEscaped(std::string_view text, std::string* out) {
  while (!text.empty()) {
    const size_t length = std::max<size_t>(CharacterLength(text), 1);
    const std::string_view character = text.substr(0, length);
    if (CharacterLength(character) == 0 || IsControl(character)) {
      for (const char c : character) AppendByteEscape(static_cast<uint8_t>(c), out);
    } else {
      out->append(character);
    }
    text.remove_prefix(length);
  }
}

std::string Escaped(std::string_view text) {
  std::string out;
  AppendEscaped(text, &out);
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<uint8_t>(c) & 0xC0) != 0x80;  // every byte but the continuations
  }));
}

}  // namespace millrace::tool
