// SPDX-License-Identifier: Apache-2.0
// Queries on results.json.
#ifndef MILLRACE_BENCHES_REPORT_QUERY_H_
#define MILLRACE_BENCHES_REPORT_QUERY_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benches/report/statistics.h"

namespace millrace::bench {

// Selects cells. The placement is given separately.
struct CellKey {
  std::string experiment, subject;
  size_t bytes = 8;
  int consumers = 1;
  std::string waiting = {};  // empty: any way of waiting
};

// Returns every placement that has cells. The placement with the most slices is first.
std::vector<std::string> PlacementsSeen(const nlohmann::json& results);

const nlohmann::json* FindCell(const nlohmann::json& results, const CellKey& key,
                               const std::string& placement);
const nlohmann::json* FindFact(const nlohmann::json& results, const std::string& id);

// Returns true for latencies, where a lower median is better.
bool LessIsBetter(const std::string& experiment);

// Returns, for each placement, statistics of the ratios a / b between slices of one round.
std::map<std::string, Statistics> Ratios(const nlohmann::json& results, const CellKey& a, const CellKey& b,
                                         const std::string& metric);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_QUERY_H_
