#include "runtime/os/failure.h"

#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/cord.h"
#include "millrace/internal/text.h"

namespace millrace {
namespace {

constexpr char kPayload[] = "millrace.error";  // key of the payload that names the Error

absl::StatusCode CodeOf(Error error) {
  switch (error) {
    case Error::kNone:
      return absl::StatusCode::kOk;
    case Error::kOther:
      return absl::StatusCode::kUnknown;
    case Error::kBadArgument:
    case Error::kBadName:
      return absl::StatusCode::kInvalidArgument;
    case Error::kNotFound:
    case Error::kRemoved:
      return absl::StatusCode::kNotFound;
    case Error::kExists:
      return absl::StatusCode::kAlreadyExists;
    case Error::kNoPermission:
      return absl::StatusCode::kPermissionDenied;
    case Error::kNoSpace:
    case Error::kNoMemory:
    case Error::kNoMemoryLimit:
    case Error::kNoSeat:
      return absl::StatusCode::kResourceExhausted;
    case Error::kProducerAlive:
    case Error::kInUse:
    case Error::kNotARing:
    case Error::kLayoutVersion:
    case Error::kSchema:
    case Error::kOptionsDiffer:
    case Error::kClosed:
    case Error::kForked:
      return absl::StatusCode::kFailedPrecondition;
    case Error::kIncarnation:
    case Error::kEvicted:
      return absl::StatusCode::kAborted;
    case Error::kTruncated:
    case Error::kBadLengths:
    case Error::kDamaged:
      return absl::StatusCode::kDataLoss;
    case Error::kTimedOut:
      return absl::StatusCode::kDeadlineExceeded;
    case Error::kInterrupted:
      return absl::StatusCode::kCancelled;
    case Error::kProducerGone:
      return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kUnknown;
}

}  // namespace

Error ErrorOf(const absl::Status& status) {
  if (status.ok()) return Error::kNone;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return Error::kOther;
  for (int value = 1; value <= static_cast<int>(Error::kNoMemory); ++value) {
    const Error error = static_cast<Error>(value);
    if (*payload == ToString(error)) return error;
  }
  return Error::kOther;
}

const char* ToString(Error error) {
  switch (error) {
    case Error::kNone:
      return "kNone";
    case Error::kOther:
      return "kOther";
    case Error::kBadArgument:
      return "kBadArgument";
    case Error::kBadName:
      return "kBadName";
    case Error::kNotFound:
      return "kNotFound";
    case Error::kExists:
      return "kExists";
    case Error::kNoPermission:
      return "kNoPermission";
    case Error::kNoSpace:
      return "kNoSpace";
    case Error::kNoMemoryLimit:
      return "kNoMemoryLimit";
    case Error::kProducerAlive:
      return "kProducerAlive";
    case Error::kNoSeat:
      return "kNoSeat";
    case Error::kTruncated:
      return "kTruncated";
    case Error::kNotARing:
      return "kNotARing";
    case Error::kLayoutVersion:
      return "kLayoutVersion";
    case Error::kBadLengths:
      return "kBadLengths";
    case Error::kIncarnation:
      return "kIncarnation";
    case Error::kSchema:
      return "kSchema";
    case Error::kOptionsDiffer:
      return "kOptionsDiffer";
    case Error::kInUse:
      return "kInUse";
    case Error::kRemoved:
      return "kRemoved";
    case Error::kClosed:
      return "kClosed";
    case Error::kEvicted:
      return "kEvicted";
    case Error::kDamaged:
      return "kDamaged";
    case Error::kTimedOut:
      return "kTimedOut";
    case Error::kForked:
      return "kForked";
    case Error::kInterrupted:
      return "kInterrupted";
    case Error::kProducerGone:
      return "kProducerGone";
    case Error::kNoMemory:
      return "kNoMemory";
  }
  return "unknown";
}

}  // namespace millrace

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
  absl::Status status(CodeOf(error), Printable(text));
  status.SetPayload(kPayload, absl::Cord(ToString(error)));  // by name, so that a printed status shows it
  return status;
}

absl::Status SystemFailure(int errno_value, std::string_view what, std::string_view remedy) {
  const char* meaning = strerrordesc_np(errno_value);  // unlike strerror(): thread-safe, not translated
  const char* name = strerrorname_np(errno_value);
  std::string text(what);
  text.append(": ").append(meaning != nullptr ? meaning : "unknown error");
  text.append(" (").append(name != nullptr ? name : std::to_string(errno_value)).append(")");
  if (remedy.empty()) remedy = RemedyOf(errno_value);
  if (!remedy.empty()) text.append("; ").append(remedy);
  return Failure(CauseOf(errno_value), text);
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
