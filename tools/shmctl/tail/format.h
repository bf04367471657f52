// SPDX-License-Identifier: Apache-2.0
// The formats in which `shmctl tail` writes messages.
#ifndef MILLRACE_TOOLS_SHMCTL_TAIL_FORMAT_H_
#define MILLRACE_TOOLS_SHMCTL_TAIL_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::tool {

enum class Format : uint8_t {
  kText,          // the unchanged bytes and a newline
  kTerminalText,  // kText for a terminal, with control characters escaped
  kHex,           // sequence, length, and rows of sixteen bytes
  kJson,    // an object a line: sequence, lost, and text (valid UTF-8, control characters escaped) or base64
  kRaw,     // the bytes and nothing else
  kLength,  // four bytes of length, little-endian, and the bytes, as `pub --framing length` reads them
};

// Returns true if the format has a place for the name of a message's ring.
constexpr bool NamesRings(Format format) { return format != Format::kRaw && format != Format::kLength; }

// `ring` names the message's ring where several are shown. If it is empty, no ring is named.
void AppendMessage(Format format, std::string_view ring, std::string_view payload, uint64_t sequence,
                   uint64_t lost, std::string* out);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TAIL_FORMAT_H_
