// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/text.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "runtime/os/failure.h"

namespace millrace::segment {

std::string HexOf(const uint8_t (&incarnation)[16]) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(incarnation), sizeof incarnation));
}

std::string LabelOf(const char (&label)[internal::kLabelBytes]) {
  char copy[internal::kLabelBytes];
  std::memcpy(copy, label, sizeof copy);
  copy[sizeof copy - 1] = 0;
  return os::Printable(copy);
}

void SetLabel(char (&to)[internal::kLabelBytes], const std::string& label) {
  std::memset(to, 0, sizeof to);
  size_t bytes = std::min(label.size(), sizeof to - 1);
  while (bytes > 0 && bytes < label.size() && (static_cast<unsigned char>(label[bytes]) & 0xC0) == 0x80)
    --bytes;
  std::memcpy(to, label.data(), bytes);
}

}  // namespace millrace::segment
