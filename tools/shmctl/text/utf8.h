// SPDX-License-Identifier: Apache-2.0
// Text written by other processes: checks that it is UTF-8, measures its width, and makes it safe for a
// terminal.
#ifndef MILLRACE_TOOLS_SHMCTL_TEXT_UTF8_H_
#define MILLRACE_TOOLS_SHMCTL_TEXT_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::tool {

// Appends `text`. Escapes what a terminal would obey or garble as \n, \r, \e or \xNN: ill-formed bytes, and
// the characters of internal::IsControl except the tab.
void AppendEscaped(std::string_view text, std::string* out);
std::string Escaped(std::string_view text);

// Appends `text` as the inside of a JSON string, with every character of internal::IsControl escaped. Returns
// false and appends nothing if `text` is not UTF-8.
bool AppendJsonEscaped(std::string_view text, std::string* out);

// Returns the JSON text with all control characters inside its strings escaped. A JSON writer leaves some of
// them as they are: DEL, C1, separators and marks of bidirectional text. Newlines between tokens stay.
std::string JsonForTerminals(std::string_view json);

// Returns the columns on a terminal, counting one for every character.
size_t DisplayWidth(std::string_view text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TEXT_UTF8_H_
