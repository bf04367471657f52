// What the numbers say, for headings.
#ifndef MILLRACE_BENCHES_REPORT_FINDINGS_H_
#define MILLRACE_BENCHES_REPORT_FINDINGS_H_

#include <nlohmann/json.hpp>
#include <string>

#include "benches/report/query.h"

namespace millrace::bench {

bool LessIsBetter(const std::string& experiment);

// The best rival's cell of the same work; nullptr: there is none.
const nlohmann::json* BestRival(const nlohmann::json& results, const CellKey& key,
                                const std::string& placement);

std::string ThroughputFinding(const nlohmann::json& results, const std::string& placement);
std::string LatencyFinding(const nlohmann::json& results, const std::string& placement);
std::string FanOutFinding(const nlohmann::json& results, const std::string& placement);
std::string SlowFinding(const nlohmann::json& results, const std::string& placement);
std::string IdleFinding(const nlohmann::json& results, const std::string& placement);
std::string RecoveryFinding(const nlohmann::json& results);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_FINDINGS_H_
