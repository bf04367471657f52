// SPDX-License-Identifier: Apache-2.0
// Builds the library's absl::Status: an exact cause, a coarse code and a text for people.
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
// (internal::IsControl). Another user may have written the names, labels and schemas that we print in
// terminals and logs.
std::string Printable(std::string_view text);

// Returns a status whose ErrorOf() is `error`; the canonical code follows from `error`. `text` names the
// operation, the object, what was found, what was expected and the remedy. It is made printable (Printable).
absl::Status Failure(Error error, std::string_view text);

// Returns the status of a failed system call. `what` names the operation and the object; the meaning of the
// errno is appended. The errno decides the cause: kNoPermission for EACCES, EPERM and EROFS, kNotFound for
// ENOENT, kNoSpace for ENOSPC and EDQUOT, and so on. Pass a `remedy` if the errno means different limits in
// different calls. If `remedy` is empty, the errno decides the remedy too.
absl::Status SystemFailure(int errno_value, std::string_view what, std::string_view remedy = {});

// Returns true if SystemFailure made this status of EMFILE or ENFILE: no descriptor was free, so the failed call
// says nothing about its object.
bool NoDescriptorFree(const absl::Status& status);

// Returns a path in double quotes, for error texts.
std::string Quoted(const std::string& path);

// Returns a size for people. It is exact, in the largest unit that needs no finer fraction than a quarter:
// "4 KiB", "1.5 MiB", "1000 bytes".
std::string HumanBytes(uint64_t bytes);

// Converts to Abseil's string_view, which is a type of its own in this distribution's Abseil.
inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_FAILURE_H_
