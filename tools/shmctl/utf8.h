// Text that others wrote: is it UTF-8, how wide is it, and how to show it on a terminal without obeying it.
#ifndef MILLRACE_TOOLS_SHMCTL_UTF8_H_
#define MILLRACE_TOOLS_SHMCTL_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::tool {

// Appends `text` with everything that a terminal would obey or garble (internal::IsControl but the tab, and
// ill-formed bytes) as \n, \r, \e or \xNN.
void AppendEscaped(std::string_view text, std::string* out);
std::string Escaped(std::string_view text);

// Appends `text` as the inside of a JSON string, with all that internal::IsControl names escaped. Returns
// false, having appended nothing, if `text` is not UTF-8.
bool AppendJsonEscaped(std::string_view text, std::string* out);

// Returns JSON text with the control characters inside its strings escaped that a JSON writer leaves as they
// are: DEL, C1, separators and marks of bidirectional text. Newlines between the tokens stay.
std::string JsonForTerminals(std::string_view json);

// Columns on a terminal, taking every character for one column.
size_t DisplayWidth(std::string_view text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_UTF8_H_
