// Building the library's absl::Status: an exact cause, a coarse code and a text for people.
#ifndef MILLRACE_RUNTIME_OS_FAILURE_H_
#define MILLRACE_RUNTIME_OS_FAILURE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "millrace/error.h"

namespace millrace::os {

// Returns `text` with a question mark in place of each ill-formed byte and each control character
// (internal::IsControl). Names, labels and schemas may be another user's, and texts end up in terminals and
// logs.
std::string Printable(std::string_view text);

// Returns a status whose ErrorOf() is `error` and whose canonical code follows from it. `text` names
// operation, object, found, expected and remedy; it is made printable.
absl::Status Failure(Error error, std::string_view text);

// Returns the status of a failed system call. `what` names operation and object. The errno's meaning is
// appended and decides the cause (EACCES, EPERM, EROFS: kNoPermission; ENOENT: kNotFound; ENOSPC, EDQUOT:
// kNoSpace; ...). `remedy` says what to do where one errno means different limits in different calls; if it
// is empty, the errno alone decides.
absl::Status SystemFailure(int errno_value, std::string_view what, std::string_view remedy = {});

// A size for people, exact, in the largest unit that takes at most two decimals: "4 KiB", "1.5 MiB", "1000
// bytes".
std::string HumanBytes(uint64_t bytes);

// Abseil of this distribution has its own string_view.
inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_FAILURE_H_
