// Text that others wrote: is it UTF-8, how wide is it, and how to show it on a terminal without obeying it.
#ifndef MILLRACE_TOOLS_SHMCTL_UTF8_H_
#define MILLRACE_TOOLS_SHMCTL_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::tool {

// Bytes of the well-formed UTF-8 character at the front of `text` (no overlong forms, no surrogates, at most
// U+10FFFF). 0: ill-formed, or `text` is empty.
size_t CharacterLength(std::string_view text);

bool IsValidUtf8(std::string_view text);

// Appends `text` with everything a terminal would obey or garble (control characters but the tab, ill-formed
// bytes) as \n, \r, \e or \xNN.
void AppendEscaped(std::string_view text, std::string* out);
std::string Escaped(std::string_view text);

// Columns on a terminal, taking every character for one column.
size_t DisplayWidth(std::string_view text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_UTF8_H_
