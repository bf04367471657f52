// SPDX-License-Identifier: Apache-2.0
#include "benches/report/summary_parts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace millrace::bench {

using nlohmann::json;

namespace {

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

}  // namespace

json Part(const std::string& what, std::optional<double> value, Bound bound, double limit,
          const std::string& unit) {
  const std::string target = (bound == Bound::kAtLeast ? "≥ " : "≤ ") + Number(limit) + unit;
  json part = {{"what", what}, {"value", nullptr}, {"target", target}, {"met", nullptr}};
  if (!value) return part;
  part["value"] = std::round(*value * 1e4) / 1e4;
  part["met"] = bound == Bound::kAtLeast ? *value >= limit : *value <= limit;
  // The distance from the limit. Above 1 the part is missed.
  const double distance = bound == Bound::kAtLeast ? limit / std::max(*value, 1e-9)
                                                   : (limit == 0 ? (*value > 0 ? 1e9 : 0) : *value / limit);
  part["distance"] = std::round(distance * 1e4) / 1e4;
  return part;
}

namespace {

// Returns a part for the worst of the placements with enough rounds: the one furthest from its own limit,
// limit_of(placement). If nothing was measured, the part shows `limit`.
template <class LimitOf>
json WorstPlacement(const json& results, const std::string& what, const CellKey& a, const CellKey& b,
                    const std::string& metric, Bound bound, double limit, LimitOf limit_of) {
  const std::map<std::string, Statistics> ratios = Ratios(results, a, b, metric);
  size_t most = 0;
  for (const auto& [placement, s] : ratios) most = std::max(most, s.n);
  const size_t enough = std::min(kFewSamples, most);
  json worst;
  json by_placement = json::object();
  for (const auto& [placement, s] : ratios) {
    by_placement[placement] = {{"median", std::round(s.median * 1e4) / 1e4},
                               {"low", std::round(s.low * 1e4) / 1e4},
                               {"high", std::round(s.high * 1e4) / 1e4},
                               {"rounds", s.n},
                               {"wide", s.wide}};
    if (s.n < enough) continue;
    json part = Part(what, s.median, bound, limit_of(placement), " ×");
    if (s.wide) part["wide"] = true;
    if (worst.is_null() || part.at("distance") > worst.at("distance")) worst = part;
  }
  if (worst.is_null()) worst = Part(what, std::nullopt, bound, limit, " ×");
  worst["by_placement"] = by_placement;
  return worst;
}

}  // namespace

json RatioPart(const json& results, const std::string& what, const CellKey& a, const CellKey& b,
               const std::string& metric, Bound bound, double limit) {
  return WorstPlacement(results, what, a, b, metric, bound, limit, [&](const std::string&) { return limit; });
}

json RivalPart(const json& results, const std::string& what, const CellKey& own, const CellKey& rival,
               const CellKey& bare, double limit) {
  constexpr double kOfBare = 0.8;
  const std::map<std::string, Statistics> possible = Ratios(results, bare, rival, "per_second");
  return WorstPlacement(
      results, what, own, rival, "per_second", Bound::kAtLeast, limit, [&](const std::string& placement) {
        const auto found = possible.find(placement);
        return found == possible.end() ? limit : std::min(limit, kOfBare * found->second.median);
      });
}

json FactPart(const json& results, const std::string& what, const std::string& id, Bound bound, double limit,
              const std::string& unit, double scale) {
  const json* const fact = FindFact(results, id);
  if (fact == nullptr || !fact->contains("median")) {
    json part = Part(what, std::nullopt, bound, limit, unit);
    if (fact != nullptr) part["why"] = fact->at("unavailable");
    return part;
  }
  json part = Part(what, fact->at("median").get<double>() * scale, bound, limit, unit);
  if (fact->at("wide").get<bool>()) part["wide"] = true;
  return part;
}

std::string NameOfPart(const json& target, const json& part) {
  return target.at("id").get<std::string>() + " " + part.at("what").get<std::string>();
}

json Target(const std::string& id, const std::string& what, const std::vector<json>& parts) {
  json target = {{"id", id},          {"what", what},   {"value", nullptr},
                 {"target", nullptr}, {"met", nullptr}, {"parts", parts}};
  const json* worst = nullptr;
  bool missed = false, unknown = false;
  for (const json& part : parts) {
    if (part.at("met").is_null()) {
      unknown = true;
      continue;
    }
    missed |= !part.at("met").get<bool>();
    if (worst == nullptr || part.at("distance") > worst->at("distance")) worst = &part;
  }
  if (worst != nullptr) {
    target["value"] = worst->at("value");
    target["target"] = worst->at("target");
    target["worst_part"] = worst->at("what");
    if (worst->contains("wide")) target["wide"] = true;
  } else {
    target["target"] = parts.front().at("target");
  }
  if (missed)
    target["met"] = false;
  else if (!unknown)
    target["met"] = true;
  return target;
}

}  // namespace millrace::bench
