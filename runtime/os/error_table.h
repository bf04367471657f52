// SPDX-License-Identifier: Apache-2.0
// Every Error with its name and its canonical status code, in the order of the enumeration.
#ifndef MILLRACE_RUNTIME_OS_ERROR_TABLE_H_
#define MILLRACE_RUNTIME_OS_ERROR_TABLE_H_

#include <cstddef>
#include <iterator>

#include "absl/status/status.h"
#include "millrace/error.h"

namespace millrace::os {

struct ErrorEntry {
  Error error;
  const char* name;
  absl::StatusCode code;
};

inline constexpr ErrorEntry kErrors[] = {
    {Error::kNone, "kNone", absl::StatusCode::kOk},
    {Error::kOther, "kOther", absl::StatusCode::kUnknown},
    {Error::kBadArgument, "kBadArgument", absl::StatusCode::kInvalidArgument},
    {Error::kBadName, "kBadName", absl::StatusCode::kInvalidArgument},
    {Error::kNotFound, "kNotFound", absl::StatusCode::kNotFound},
    {Error::kExists, "kExists", absl::StatusCode::kAlreadyExists},
    {Error::kNoPermission, "kNoPermission", absl::StatusCode::kPermissionDenied},
    {Error::kNoSpace, "kNoSpace", absl::StatusCode::kResourceExhausted},
    {Error::kNoMemoryLimit, "kNoMemoryLimit", absl::StatusCode::kResourceExhausted},
    {Error::kProducerAlive, "kProducerAlive", absl::StatusCode::kFailedPrecondition},
    {Error::kNoSeat, "kNoSeat", absl::StatusCode::kResourceExhausted},
    {Error::kTruncated, "kTruncated", absl::StatusCode::kDataLoss},
    {Error::kNotARing, "kNotARing", absl::StatusCode::kFailedPrecondition},
    {Error::kLayoutVersion, "kLayoutVersion", absl::StatusCode::kFailedPrecondition},
    {Error::kBadLengths, "kBadLengths", absl::StatusCode::kDataLoss},
    {Error::kIncarnation, "kIncarnation", absl::StatusCode::kAborted},
    {Error::kSchema, "kSchema", absl::StatusCode::kFailedPrecondition},
    {Error::kOptionsDiffer, "kOptionsDiffer", absl::StatusCode::kFailedPrecondition},
    {Error::kInUse, "kInUse", absl::StatusCode::kFailedPrecondition},
    {Error::kRemoved, "kRemoved", absl::StatusCode::kNotFound},
    {Error::kClosed, "kClosed", absl::StatusCode::kFailedPrecondition},
    {Error::kEvicted, "kEvicted", absl::StatusCode::kAborted},
    {Error::kDamaged, "kDamaged", absl::StatusCode::kDataLoss},
    {Error::kTimedOut, "kTimedOut", absl::StatusCode::kDeadlineExceeded},
    {Error::kForked, "kForked", absl::StatusCode::kFailedPrecondition},
    {Error::kInterrupted, "kInterrupted", absl::StatusCode::kCancelled},
    {Error::kProducerGone, "kProducerGone", absl::StatusCode::kUnavailable},
    {Error::kNoMemory, "kNoMemory", absl::StatusCode::kResourceExhausted},
};
static_assert([] {
  for (size_t i = 0; i < std::size(kErrors); ++i) {
    if (kErrors[i].error != static_cast<Error>(i)) return false;
  }
  return kErrors[std::size(kErrors) - 1].error == Error::kNoMemory;  // the last enumerator
}());

// Key of the payload of a status that names its Error.
inline constexpr char kErrorPayload[] = "millrace.error";

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_ERROR_TABLE_H_
