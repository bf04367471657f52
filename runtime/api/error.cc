// SPDX-License-Identifier: Apache-2.0
#include "millrace/error.h"

#include "absl/strings/cord.h"
#include "runtime/os/error_table.h"

namespace millrace {

Error ErrorOf(const absl::Status& status) {
  if (status.ok()) return Error::kNone;
  const absl::optional<absl::Cord> payload = status.GetPayload(os::kErrorPayload);
  if (!payload.has_value()) return Error::kOther;
  for (const os::ErrorEntry& entry : os::kErrors) {
    if (entry.error != Error::kNone && *payload == entry.name) return entry.error;
  }
  return Error::kOther;
}

const char* ToString(Error error) {
  const auto index = static_cast<size_t>(error);
  return index < std::size(os::kErrors) ? os::kErrors[index].name : "unknown";
}

}  // namespace millrace
