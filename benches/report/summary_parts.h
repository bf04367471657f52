// What the targets of summary.json consist of.
#ifndef MILLRACE_BENCHES_REPORT_SUMMARY_PARTS_H_
#define MILLRACE_BENCHES_REPORT_SUMMARY_PARTS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benches/report/query.h"

namespace millrace::bench {

enum class Bound : uint8_t { kAtLeast, kAtMost };

// {what, value, target, met, distance}; without a value, value and met are null.
nlohmann::json Part(const std::string& what, std::optional<double> value, Bound bound, double limit,
                    const std::string& unit = "");
// The median of the ratios a / b within rounds; the worst placement decides, of those with enough rounds.
nlohmann::json RatioPart(const nlohmann::json& results, const std::string& what, const CellKey& a,
                         const CellKey& b, const std::string& metric, Bound bound, double limit);
// The same against a rival of which a bare ring of this machine (`bare`) is less than `limit` times ahead:
// then four fifths of that, placement by placement.
nlohmann::json RivalPart(const nlohmann::json& results, const std::string& what, const CellKey& own,
                         const CellKey& rival, const CellKey& bare, double limit);
nlohmann::json FactPart(const nlohmann::json& results, const std::string& what, const std::string& id,
                        Bound bound, double limit, const std::string& unit, double scale = 1);

// By which a part is found again in another run.
std::string NameOfPart(const nlohmann::json& target, const nlohmann::json& part);

// Cells that compare millrace with its rivals; the part counts those in which one of them is ahead.
nlohmann::json CellsLost(const nlohmann::json& results);

// Met: every part is; unknown: nothing is missed, but something was not measured. The value is that of the
// part furthest from its limit.
nlohmann::json Target(const std::string& id, const std::string& what,
                      const std::vector<nlohmann::json>& parts);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_SUMMARY_PARTS_H_
