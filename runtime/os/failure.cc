// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/failure.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/cord.h"
#include "millrace/internal/text.h"
#include "runtime/os/error_table.h"

namespace millrace::os {
namespace {

Error CauseOf(int errno_value) {
  switch (errno_value) {
    case EACCES:
    case EPERM:
    case EROFS:
      return Error::kNoPermission;
    case ENOENT:
    case ENOTDIR:
      return Error::kNotFound;
    case EEXIST:
      return Error::kExists;
    case ENOSPC:
    case EDQUOT:
      return Error::kNoSpace;
    case EFBIG:
      return Error::kNoMemoryLimit;
    case ENAMETOOLONG:
      return Error::kBadName;
    case ELOOP:
    case EISDIR:
      return Error::kNotARing;
    default:
      return Error::kOther;
  }
}

// Returns what to do about a failed call if the errno alone suffices to say so. Otherwise returns "".
std::string_view RemedyOf(int errno_value) {
  switch (errno_value) {
    case EACCES:
    case EPERM:
      return "check the owner, group and mode of the file and its directory";
    case EROFS:
      return "choose a directory on a writable file system";
    case ENOSPC:
    case EDQUOT:
      return "enlarge the file system or remove files";
    case ENOENT:
    case ENOTDIR:
      return "check the name and the directory";
    case EMFILE:
      return "raise the descriptor limit (ulimit -n)";
    case ENFILE:
      return "raise the system's descriptor limit (fs.file-max)";
    case ENOMEM:
      return "free memory or raise the address-space limit (ulimit -v, vm.max_map_count)";
    case EAGAIN:
      return "try again";
    default:
      return {};
  }
}

absl::Status StatusOf(absl::StatusCode code, Error error, std::string_view text) {
  absl::Status status(code, Printable(text));
  status.SetPayload(kErrorPayload,
                    absl::Cord(ToString(error)));  // by name, so that a printed status shows it
  return status;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const size_t length = internal::CharacterLength(text);
    if (length == 0 || internal::IsControl(internal::CodePointOf(text.substr(0, length)))) {
      printable.push_back('?');
    } else {
      printable.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return printable;
}

absl::Status Failure(Error error, std::string_view text) {
  return StatusOf(kErrors[static_cast<size_t>(error)].code, error, text);
}

absl::Status SystemFailure(int errno_value, std::string_view what, std::string_view remedy) {
  const char* meaning = strerrordesc_np(errno_value);  // unlike strerror(): thread-safe, not translated
  const char* name = strerrorname_np(errno_value);
  std::string text(what);
  text.append(": ").append(meaning != nullptr ? meaning : "unknown error");
  text.append(" (").append(name != nullptr ? name : std::to_string(errno_value)).append(")");
  if (remedy.empty()) remedy = RemedyOf(errno_value);
  if (!remedy.empty()) text.append("; ").append(remedy);
  if (errno_value == EMFILE || errno_value == ENFILE)
    return StatusOf(absl::StatusCode::kResourceExhausted, Error::kOther, text);
  return Failure(CauseOf(errno_value), text);
}

bool NoDescriptorFree(const absl::Status& status) {
  return status.code() == absl::StatusCode::kResourceExhausted && ErrorOf(status) == Error::kOther;
}

std::string Quoted(const std::string& path) { return "\"" + path + "\""; }

std::string HumanBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  constexpr const char* kQuarters[] = {"", ".25", ".5", ".75"};
  for (int unit = 5; unit >= 0; --unit) {
    const uint64_t size = uint64_t{1} << (10 * (unit + 1));
    if (bytes < size || bytes % (size / 4) != 0) continue;
    return std::to_string(bytes / size) + kQuarters[bytes % size / (size / 4)] + " " + kUnits[unit];
  }
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

}  // namespace millrace::os
