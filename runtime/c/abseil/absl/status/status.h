// SPDX-License-Identifier: Apache-2.0
// Stand-in for absl::Status: a code, a text, and one payload. See runtime/c/abseil/README.md.
#ifndef MILLRACE_RUNTIME_C_ABSEIL_STATUS_H_
#define MILLRACE_RUNTIME_C_ABSEIL_STATUS_H_

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/cord.h"

namespace absl {

// The canonical codes, with Abseil's numbers.
enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string_view message)
      : code_(code), message_(code == StatusCode::kOk ? std::string_view() : message) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  std::string_view message() const { return message_; }
  std::string ToString() const { return ok() ? "OK" : message_; }
  void IgnoreError() const {}
  void Update(const Status& other) {
    if (ok()) *this = other;
  }

  // Keeps one payload, whatever its key is.
  void SetPayload(std::string_view, Cord payload) {
    if (!ok()) payload_ = std::move(payload);
  }
  std::optional<Cord> GetPayload(std::string_view) const { return payload_; }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::optional<Cord> payload_;
};

inline Status OkStatus() { return {}; }
inline std::ostream& operator<<(std::ostream& out, const Status& status) { return out << status.ToString(); }

}  // namespace absl

#endif  // MILLRACE_RUNTIME_C_ABSEIL_STATUS_H_
