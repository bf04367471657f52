// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace millrace::tool {
namespace {

struct Unit {
  std::string_view name;
  double ns;
};
constexpr std::array<Unit, 13> kUnits = {{{"ns", 1},
                                          {"us", 1e3},
                                          {"\u00b5s", 1e3},
                                          {"ms", 1e6},
                                          {"s", 1e9},
                                          {"sec", 1e9},
                                          {"m", 60e9},
                                          {"min", 60e9},
                                          {"h", 3600e9},
                                          {"hour", 3600e9},
                                          {"hours", 3600e9},
                                          {"d", 86400e9},
                                          {"days", 86400e9}}};
constexpr double kMostNs = 9e18;  // 285 years

}  // namespace

std::optional<Nanos> ParseDuration(std::string_view text) {
  if (text == "0") return Nanos::zero();  // zero in any unit
  if (text.empty()) return std::nullopt;
  double ns = 0;
  while (!text.empty()) {
    if (text[0] != '.' && (text[0] < '0' || text[0] > '9')) return std::nullopt;  // no sign, no "inf"
    double number = 0;
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(rest - text.data()));
    const std::string_view name = text.substr(0, text.find_first_of(".0123456789"));
    const auto* unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == name; });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(name.size());
    ns += number * unit->ns;
  }
  if (ns > kMostNs) return kForever;
  return Nanos(std::llround(ns));
}

}  // namespace millrace::tool
