// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/names.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "millrace/internal/text.h"
#include "runtime/os/failure.h"
#include "runtime/os/file.h"

namespace millrace::segment {
namespace {

using internal::IsLetterDigitOrUnderscore;

std::string WhatIsWrong(std::string_view name) {
  if (internal::IsName(name)) return "";
  if (name.empty()) return "it is empty";
  if (name.size() > internal::kMaxName) return absl::StrCat("it has ", name.size(), " characters");
  if (name.find('/') != std::string_view::npos) return "it contains a slash";
  if (!IsLetterDigitOrUnderscore(name[0])) return "its first character is not a letter, digit or underscore";
  for (const char c : name) {
    if (!IsLetterDigitOrUnderscore(c) && c != '.' && c != '-') {
      return absl::StrCat("it contains a character (code ", static_cast<int>(static_cast<unsigned char>(c)),
                          ") that is not a letter, digit, '_', '.' or '-'");
    }
  }
  return "";
}

// Makes a directory absolute, so that it means the same after chdir(). Leaves an empty one, which means that
// no directory was given.
absl::StatusOr<std::string> Absolute(std::string_view directory) {
  if (directory.empty() || directory.front() == '/') return std::string(directory);
  const absl::StatusOr<std::string> current = os::CurrentDirectory(
      absl::StrCat("find the current directory, to which \"", os::ToAbsl(directory), "\" is relative"));
  if (!current.ok()) return current.status();
  return absl::StrCat(*current, "/", os::ToAbsl(directory));
}

}  // namespace

absl::StatusOr<Paths> PathsOf(std::string_view directory, std::string_view name) {
  if (const std::string wrong = WhatIsWrong(name); !wrong.empty()) {
    return os::Failure(Error::kBadName,
                       absl::StrCat("\"", os::Printable(name.substr(0, 64)), "\" cannot name a ring: ", wrong,
                                    "; use 1 to 200 letters, digits, '_', '.' or '-', such as \"quotes\""));
  }
  absl::StatusOr<std::string> absolute = Absolute(directory);
  if (!absolute.ok()) return absolute.status();
  const std::string stem = absl::StrCat(*absolute, "/", os::ToAbsl(name));
  Paths paths{*std::move(absolute), std::string(name), {}, {}, {}};
  paths.ring = stem + std::string(kRingSuffix);
  paths.seats = stem + std::string(kSeatsSuffix);
  paths.lock = stem + std::string(kLockSuffix);
  return paths;
}

absl::StatusOr<std::set<std::string>> StemsIn(const std::string& directory,
                                              std::initializer_list<std::string_view> suffixes) {
  const absl::StatusOr<std::vector<std::string>> files =
      os::NamesIn(directory, absl::StrCat("list rings in \"", directory, "\""));
  if (!files.ok()) return files.status();
  std::set<std::string> stems;
  for (const std::string& file : *files) {
    for (const std::string_view suffix : suffixes) {
      if (file.size() > suffix.size() && file.ends_with(suffix))
        stems.insert(file.substr(0, file.size() - suffix.size()));
    }
  }
  return stems;
}

}  // namespace millrace::segment
