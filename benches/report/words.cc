// SPDX-License-Identifier: Apache-2.0
// Makes the summary of a run for the terminal.
#include <cmath>
#include <cstdio>

#include "benches/report/report.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

// Formats like 158, 8.6, 0.96 and 0.0001.
std::string Short(double value) {
  char text[32];
  const double size = std::abs(value);
  const char* const format = size == 0       ? "%.0f"
                             : size >= 99.95 ? "%.0f"
                             : size >= 9.995 ? "%.1f"
                             : size >= 0.1   ? "%.2f"
                                             : "%.2g";
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Pads to a width in columns of the terminal, not in bytes.
std::string Padded(std::string text, size_t width) {
  size_t columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  if (columns < width) text.append(width - columns, ' ');
  return text;
}

std::string LineOf(const json& target) {
  const json& met = target.at("met");
  const std::string value = target.at("value").is_null() ? "" : Short(target.at("value").get<double>());
  return Padded("  " + target.at("id").get<std::string>(), 5) +
         Padded(met.is_null()     ? "not measured"
                : met.get<bool>() ? "met"
                                  : "NOT MET",
                14) +
         Padded(value, 9) + Padded(target.at("target").get<std::string>(), 13) +
         target.at("what").get<std::string>() +
         (target.contains("worst_part") ? ": " + target.at("worst_part").get<std::string>() : "") + "\n";
}

}  // namespace

std::string InWords(const json& results) {
  int met = 0, missed = 0, unknown = 0;
  std::string lines = Padded("  id", 5) + Padded("", 14) + Padded("value", 9) + Padded("target", 13) +
                      "what, and the part of it furthest from its target\n";
  for (const json& target : SummaryOf(results)) {
    lines += LineOf(target);
    if (target.at("met").is_null())
      ++unknown;
    else
      ++(target.at("met").get<bool>() ? met : missed);
  }
  lines += "targets: " + std::to_string(met) + " met, " + std::to_string(missed) + " not met, " +
           std::to_string(unknown) + " not measured";
  if (!results.at("failures").empty())
    lines += "; FAILED SLICES: " + std::to_string(results.at("failures").size());
  return lines;
}

}  // namespace millrace::bench
