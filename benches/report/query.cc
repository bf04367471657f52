// SPDX-License-Identifier: Apache-2.0
#include "benches/report/query.h"

#include <algorithm>

namespace millrace::bench {

using nlohmann::json;

std::vector<std::string> PlacementsSeen(const json& results) {
  std::map<std::string, int> slices;
  for (const json& cell : results.at("cells")) slices[cell.at("placement")] += cell.at("n").get<int>();
  std::vector<std::string> placements;
  for (const auto& [placement, n] : slices) placements.push_back(placement);
  std::sort(placements.begin(), placements.end(),
            [&](const auto& a, const auto& b) { return slices[a] > slices[b]; });
  return placements;
}

const json* FindCell(const json& results, const CellKey& key, const std::string& placement) {
  for (const json& cell : results.at("cells")) {
    if (cell.at("experiment") == key.experiment && cell.at("subject") == key.subject &&
        cell.at("bytes") == key.bytes && cell.at("consumers") == key.consumers &&
        cell.at("placement") == placement && (key.waiting.empty() || cell.at("waiting") == key.waiting)) {
      return &cell;
    }
  }
  return nullptr;
}

const json* FindFact(const json& results, const std::string& id) {
  for (const json& fact : results.at("facts")) {
    if (fact.at("id") == id) return &fact;
  }
  return nullptr;
}

bool LessIsBetter(const std::string& experiment) { return experiment.starts_with("latency"); }

std::map<std::string, Statistics> Ratios(const json& results, const CellKey& a, const CellKey& b,
                                         const std::string& metric) {
  std::map<std::string, Statistics> ratios;
  for (const std::string& placement : PlacementsSeen(results)) {
    const json* const cell_a = FindCell(results, a, placement);
    const json* const cell_b = FindCell(results, b, placement);
    if (cell_a == nullptr || cell_b == nullptr) continue;
    std::vector<double> values;
    for (const json& sample_a : cell_a->at("samples")) {
      for (const json& sample_b : cell_b->at("samples")) {
        if (sample_a.at("round") != sample_b.at("round")) continue;
        const double divisor = sample_b.at(metric).get<double>();
        if (divisor > 0) values.push_back(sample_a.at(metric).get<double>() / divisor);
      }
    }
    if (!values.empty()) ratios[placement] = StatisticsOf(values);
  }
  return ratios;
}

}  // namespace millrace::bench
