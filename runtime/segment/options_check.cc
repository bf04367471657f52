// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/options_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "millrace/internal/layout.h"
#include "runtime/os/failure.h"
#include "runtime/segment/names.h"

namespace millrace::segment {
namespace {

constexpr size_t kMostName = internal::kLabelBytes - 1;

absl::Status CheckGroupName(const std::string& name) {
  if (PathsOf("", name).ok() && name.size() <= kMostName) return absl::OkStatus();
  return os::Failure(Error::kBadName,
                     absl::StrCat("\"", os::Printable(name.substr(0, kMostName)),
                                  "\" cannot name a group; use 1 to 63 letters, digits, '_', '.' or '-', "
                                  "starting with a letter, digit or '_', such as \"workers\""));
}

}  // namespace

absl::Status CheckProducerOptions(const ProducerOptions& options) {
  if (options.evict_after < Nanos::zero()) {
    return os::Failure(Error::kBadArgument, "evict_after is negative; use 0 for \"evict immediately\"");
  }
  return absl::OkStatus();
}

absl::Status CheckConsumerOptions(const Delivery& delivery, const ConsumerOptions& options) {
  constexpr uint32_t kMostMessages = 64;
  if (options.messages_per_lease == 0 || options.messages_per_lease > kMostMessages) {
    return os::Failure(Error::kBadArgument, absl::StrCat("messages_per_lease is ", options.messages_per_lease,
                                                         "; use 1 to ", kMostMessages));
  }
  if (delivery.kind() == Delivery::Kind::kGroup) {
    if (absl::Status s = CheckGroupName(delivery.group()); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace millrace::segment
