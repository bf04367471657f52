// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/tail/format.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "tools/shmctl/text/utf8.h"

namespace millrace::tool {
namespace {

constexpr size_t kRow = 16;

void AppendHexRow(std::string_view row, size_t offset, std::string* out) {
  absl::StrAppendFormat(out, "  %08x ", offset);
  for (size_t i = 0; i < kRow; ++i) {
    if (i == kRow / 2) out->push_back(' ');
    if (i < row.size()) {
      absl::StrAppendFormat(out, " %02x", static_cast<unsigned char>(row[i]));
    } else {
      out->append("   ");
    }
  }
  out->append("  |");
  for (const char c : row) out->push_back(c >= 0x20 && c < 0x7F ? c : '.');
  out->append("|\n");
}

void AppendHex(std::string_view payload, uint64_t sequence, std::string* out) {
  absl::StrAppendFormat(out, "sequence %d, %d byte%s\n", sequence, payload.size(),
                        payload.size() == 1 ? "" : "s");
  for (size_t offset = 0; offset < payload.size(); offset += kRow) {
    AppendHexRow(payload.substr(offset, kRow), offset, out);
  }
}

void AppendJson(std::string_view ring, std::string_view payload, uint64_t sequence, uint64_t lost,
                std::string* out) {
  out->push_back('{');
  if (!ring.empty()) {  // a ring's name needs no escape
    out->append("\"ring\":\"").append(ring).append("\",");
  }
  // Append everything before the text in one call: appends are most of the cost of a short message.
  std::array<char, 64> head;
  const auto add = [](char* to, std::string_view text) { return std::copy(text.begin(), text.end(), to); };
  char* const end = head.data() + head.size();
  char* to = std::to_chars(add(head.data(), "\"sequence\":"), end, sequence).ptr;
  to = std::to_chars(add(to, ",\"lost\":"), end, lost).ptr;
  out->append(head.data(), static_cast<size_t>(to - head.data()));
  const size_t before_text = out->size();
  out->append(",\"text\":\"");
  if (!AppendJsonEscaped(payload, out)) {
    out->resize(before_text);
    out->append(",\"base64\":\"");
    out->append(absl::Base64Escape(absl::string_view(payload.data(), payload.size())));
  }
  out->append("\"}\n");
}

void AppendLength(std::string_view payload, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8)
    out->push_back(static_cast<char>((payload.size() >> shift) & 0xFF));
  out->append(payload);
}

void AppendRing(std::string_view ring, std::string* out) {
  if (!ring.empty()) out->append(ring).append(": ");
}

}  // namespace

void AppendMessage(Format format, std::string_view ring, std::string_view payload, uint64_t sequence,
                   uint64_t lost, std::string* out) {
  if (format != Format::kJson && NamesRings(format)) AppendRing(ring, out);
  switch (format) {
    case Format::kText:
      out->append(payload);
      out->push_back('\n');
      return;
    case Format::kTerminalText:
      AppendEscaped(payload, out);
      out->push_back('\n');
      return;
    case Format::kHex:
      AppendHex(payload, sequence, out);
      return;
    case Format::kJson:
      AppendJson(ring, payload, sequence, lost, out);
      return;
    case Format::kRaw:
      out->append(payload);
      return;
    case Format::kLength:
      AppendLength(payload, out);
      return;
  }
}

}  // namespace millrace::tool
