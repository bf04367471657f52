// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/arguments/values.h"

#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tools/shmctl/text/duration.h"
#include "tools/shmctl/text/size.h"

namespace millrace::tool {
namespace {

// Returns the text in quotation marks, cut if it is too long to be a typing error.
std::string Quoted(const std::string& text) {
  return "\"" + (text.size() > 40 ? text.substr(0, 40) + "..." : text) + "\"";
}

}  // namespace

size_t SizeArgument(const std::string& option, const std::string& text) {
  if (const std::optional<size_t> size = ParseSize(text)) return *size;
  throw CLI::ValidationError(
      option, Quoted(text) + " is not a size; write bytes, or a number and K, M, G, KB, MB or GB");
}

Nanos TimeArgument(const std::string& option, const std::string& text) {
  if (const std::optional<Nanos> time = ParseDuration(text)) return *time;
  const bool no_unit =
      !text.empty() && text.size() < 20 && text.find_first_not_of("0123456789.") == std::string::npos;
  throw CLI::ValidationError(
      option,
      no_unit
          ? Quoted(text) + " has no unit; write " + text + "s for seconds, " + text + "m for minutes"
          : Quoted(text) + " is not a time; write a number and ms, s, m, h or d, like 90s, 5m, 1h30m, 2d");
}

CLI::Validator Count(uint64_t least, uint64_t most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    uint64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && rest == text.data() + text.size();
    if (whole && text.size() > 1 && text[0] == '0')
      return absl::StrCat(Quoted(text), " begins with a zero; write ", number, " (numbers are decimal)");
    if (whole && number >= least && number <= most) return "";
    if (most == UINT64_MAX) return absl::StrCat(Quoted(text), " is not a whole number of at least ", least);
    return absl::StrCat(Quoted(text), " is not a whole number from ", least, " to ", most);
  };
  return CLI::Validator(check, "", "Count");
}

}  // namespace millrace::tool
