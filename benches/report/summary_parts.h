// SPDX-License-Identifier: Apache-2.0
// The parts of the targets in summary.json.
#ifndef MILLRACE_BENCHES_REPORT_SUMMARY_PARTS_H_
#define MILLRACE_BENCHES_REPORT_SUMMARY_PARTS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benches/report/query.h"

namespace millrace::bench {

enum class Bound : uint8_t { kAtLeast, kAtMost };

// Returns {what, value, target, met, distance}. Without a value, value and met are null and there is no
// distance.
nlohmann::json Part(const std::string& what, std::optional<double> value, Bound bound, double limit,
                    const std::string& unit = "");
// Returns a part whose value is the median of the ratios a / b within rounds. Of the placements with enough
// rounds, the worst one decides.
nlohmann::json RatioPart(const nlohmann::json& results, const std::string& what, const CellKey& a,
                         const CellKey& b, const std::string& metric, Bound bound, double limit);
// Like RatioPart, against a rival. In each placement the least value is `limit`, or four fifths of the ratio
// bare / rival there if that is less. `bare` is a bare ring.
nlohmann::json RivalPart(const nlohmann::json& results, const std::string& what, const CellKey& own,
                         const CellKey& rival, const CellKey& bare, double limit);
nlohmann::json FactPart(const nlohmann::json& results, const std::string& what, const std::string& id,
                        Bound bound, double limit, const std::string& unit, double scale = 1);

// Returns the name by which a part is found in another run.
std::string NameOfPart(const nlohmann::json& target, const nlohmann::json& part);

// Returns a part that counts the cells in which a rival is ahead of millrace.
nlohmann::json CellsLost(const nlohmann::json& results);

// Returns a target. `met` is false if a part is missed, null if only measurements are lacking, and true
// otherwise. The value is that of the part furthest from its limit.
nlohmann::json Target(const std::string& id, const std::string& what,
                      const std::vector<nlohmann::json>& parts);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_SUMMARY_PARTS_H_
