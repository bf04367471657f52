#include "runtime/segment/names.h"

#include "absl/strings/str_cat.h"
#include "runtime/os/failure.h"

namespace millrace::segment {
namespace {

constexpr size_t kMaxName = 200;

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string WhatIsWrong(std::string_view name) {
  if (name.empty()) return "it is empty";
  if (name.size() > kMaxName) return absl::StrCat("it has ", name.size(), " characters");
  if (name.find('/') != std::string_view::npos) return "it contains a slash";
  if (!IsWord(name[0])) return "its first character is not a letter, digit or underscore";
  for (const char c : name) {
    if (!IsWord(c) && c != '.' && c != '-') {
      return absl::StrCat("it contains a character (code ", static_cast<int>(static_cast<unsigned char>(c)),
                          ") that is not a letter, digit, '_', '.' or '-'");
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<Paths> PathsOf(std::string_view directory, std::string_view name) {
  if (const std::string wrong = WhatIsWrong(name); !wrong.empty()) {
    return os::Failure(Error::kBadName,
                       absl::StrCat("\"", os::ToAbsl(name.substr(0, 64)), "\" cannot name a ring: ", wrong,
                                    "; use 1 to 200 letters, digits, '_', '.' or '-', such as \"quotes\""));
  }
  Paths paths{std::string(directory), std::string(name), {}, {}, {}};
  const std::string stem = absl::StrCat(os::ToAbsl(directory), "/", os::ToAbsl(name));
  paths.ring = stem + std::string(kRingSuffix);
  paths.seats = stem + std::string(kSeatsSuffix);
  paths.lock = stem + std::string(kLockSuffix);
  return paths;
}

}  // namespace millrace::segment
