// How `shmctl tail` writes a message.
#ifndef MILLRACE_TOOLS_SHMCTL_FORMAT_H_
#define MILLRACE_TOOLS_SHMCTL_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::tool {

enum class Format : uint8_t {
  kText,          // the bytes unchanged and a newline
  kTerminalText,  // the same with control characters escaped, for a terminal
  kHex,           // sequence, length, and rows of sixteen bytes
  kJson,    // an object a line: sequence, lost, and text (valid UTF-8, control characters escaped) or base64
  kRaw,     // the bytes, nothing else
  kLength,  // four bytes of length, little-endian, and the bytes: what `pub --framing length` reads
};

// Does the format have a place for the name of a message's ring?
constexpr bool NamesRings(Format format) { return format != Format::kRaw && format != Format::kLength; }

// `ring`: whose message it is, where several are shown; empty: not said.
void AppendMessage(Format format, std::string_view ring, std::string_view payload, uint64_t sequence,
                   uint64_t lost, std::string* out);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_FORMAT_H_
