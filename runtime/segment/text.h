// SPDX-License-Identifier: Apache-2.0
// Text in shared memory, and for error messages: incarnations and labels.
#ifndef MILLRACE_RUNTIME_SEGMENT_TEXT_H_
#define MILLRACE_RUNTIME_SEGMENT_TEXT_H_

#include <cstdint>
#include <string>

#include "millrace/internal/layout.h"

namespace millrace::segment {

// Returns an incarnation as 32 hexadecimal digits.
std::string HexOf(const uint8_t (&incarnation)[16]);
// Returns a label from shared memory, cut to 63 bytes and made printable (os::Printable).
std::string LabelOf(const char (&label)[internal::kLabelBytes]);
// Stores a label. If it is too long, stores the whole characters that fit.
void SetLabel(char (&to)[internal::kLabelBytes], const std::string& label);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_TEXT_H_
