// The page's sections, in order. Each is HTML, or empty if nothing of it was measured. Its heading says what
// was found, computed from the results.
#ifndef MILLRACE_BENCHES_REPORT_PAGE_SECTIONS_H_
#define MILLRACE_BENCHES_REPORT_PAGE_SECTIONS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace millrace::bench {

std::string PageStyle();

// `placements`: those that were seen, the main one first.
using Placements = std::vector<std::string>;
std::string HeadSection(const nlohmann::json& results, const nlohmann::json& summary,
                        const std::string& placement);
std::string TargetsSection(const nlohmann::json& summary);
std::string ThroughputSection(const nlohmann::json& results, const Placements& placements);
std::string LatencySection(const nlohmann::json& results, const Placements& placements);
std::string FanOutSection(const nlohmann::json& results, const Placements& placements);
std::string SlowSection(const nlohmann::json& results, const std::string& placement);
std::string IdleSection(const nlohmann::json& results, const std::string& placement);
std::string FactsSection(const nlohmann::json& results);
std::string MethodSection(const nlohmann::json& results);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_PAGE_SECTIONS_H_
