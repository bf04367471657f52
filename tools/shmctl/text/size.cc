// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/size.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>

#include "absl/strings/str_format.h"

namespace millrace::tool {
namespace {

constexpr uint64_t kKi = 1024, kMi = kKi * 1024, kGi = kMi * 1024;
constexpr uint64_t kMinCapacity = 4 * kKi, kMaxCapacity = 8 * kGi;

struct Unit {
  std::string_view name;  // lower case
  uint64_t bytes;
};
constexpr std::array<Unit, 11> kUnits = {{{"", 1},
                                          {"b", 1},
                                          {"k", kKi},
                                          {"m", kMi},
                                          {"g", kGi},
                                          {"kib", kKi},
                                          {"mib", kMi},
                                          {"gib", kGi},
                                          {"kb", 1'000},
                                          {"mb", 1'000'000},
                                          {"gb", 1'000'000'000}}};

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::optional<uint64_t> ParseSize(std::string_view text) {
  if (text.size() > 1 && text[0] == '0' && std::isdigit(static_cast<unsigned char>(text[1])) != 0)
    return std::nullopt;  // some programs read this as octal
  uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string name = Lower(text.substr(static_cast<size_t>(rest - text.data())));
  const auto* unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == name; });
  if (unit == kUnits.end() || number > UINT64_MAX / unit->bytes) return std::nullopt;
  return number * unit->bytes;
}

std::string TypedSize(uint64_t bytes) {
  if (bytes != 0 && bytes % kGi == 0) return absl::StrFormat("%dG", bytes / kGi);
  if (bytes != 0 && bytes % kMi == 0) return absl::StrFormat("%dM", bytes / kMi);
  if (bytes != 0 && bytes % kKi == 0) return absl::StrFormat("%dK", bytes / kKi);
  return absl::StrFormat("%d", bytes);
}

std::string HumanSize(uint64_t bytes) {
  if (bytes < kKi) return absl::StrFormat("%d B", bytes);
  const bool gi = bytes >= kGi, mi = bytes >= kMi;
  const uint64_t unit = gi ? kGi : mi ? kMi : kKi;
  const char* name = gi ? "GiB" : mi ? "MiB" : "KiB";
  if (bytes % unit == 0) return absl::StrFormat("%d %s", bytes / unit, name);
  return absl::StrFormat("%.1f %s", static_cast<double>(bytes) / static_cast<double>(unit), name);
}

std::string CapacityProblem(uint64_t bytes) {
  if (bytes < kMinCapacity) return "the smallest capacity is " + TypedSize(kMinCapacity);
  if (bytes > kMaxCapacity) return "the largest capacity is " + TypedSize(kMaxCapacity);
  if (std::has_single_bit(bytes)) return "";
  return absl::StrFormat("a capacity is a power of two; the nearest to %d bytes are %s and %s", bytes,
                         TypedSize(std::bit_floor(bytes)), TypedSize(std::bit_ceil(bytes)));
}

}  // namespace millrace::tool
