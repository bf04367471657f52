// Questions to results.json.
#ifndef MILLRACE_BENCHES_REPORT_QUERY_H_
#define MILLRACE_BENCHES_REPORT_QUERY_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benches/report/statistics.h"

namespace millrace::bench {

// Which cells; placement is given separately.
struct CellKey {
  std::string experiment, subject;
  size_t bytes = 8;
  int consumers = 1;
  std::string waiting = {};  // empty: any
};

// Every placement that has cells; the one in which most slices ran comes first.
std::vector<std::string> PlacementsSeen(const nlohmann::json& results);

const nlohmann::json* FindCell(const nlohmann::json& results, const CellKey& key,
                               const std::string& placement);
const nlohmann::json* FindFact(const nlohmann::json& results, const std::string& id);

// Latencies: a lower median is better.
bool LessIsBetter(const std::string& experiment);

// Ratios a/b of slices of the same round in the same placement.
std::map<std::string, Statistics> Ratios(const nlohmann::json& results, const CellKey& a, const CellKey& b,
                                         const std::string& metric);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_QUERY_H_
