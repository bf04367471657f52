// From what was seen to results.json, summary.json and the page. Everything after ResultsOf works from the
// JSON alone, so that a page can be made again from old results.
#ifndef MILLRACE_BENCHES_REPORT_REPORT_H_
#define MILLRACE_BENCHES_REPORT_REPORT_H_

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "benches/plan/observations.h"

namespace millrace::bench {

nlohmann::json ResultsOf(const Observations& observations, const std::vector<Rival>& rivals,
                         nlohmann::json about);
nlohmann::json ReadResults(const std::filesystem::path& path);  // throws

// What the targets came to in earlier runs, best on other machines or at other times: put into the results as
// "earlier", it is shown beside this run's. A run brings its own earlier ones along. Throws if one of them is
// no results.json.
nlohmann::json EarlierRuns(const std::vector<std::filesystem::path>& earlier);

nlohmann::json SummaryOf(const nlohmann::json& results);  // one object per target
// page.html with the results and the summary in it; its script draws everything. With #picture after its
// address the page is only the README's picture (picture.sh saves that).
std::string PageOf(const nlohmann::json& results, const nlohmann::json& summary);
std::string InWords(const nlohmann::json& results);            // a few lines for the terminal

// Writes results.json, summary.json and index.html. Makes the folder if there is none.
void WriteReports(const nlohmann::json& results, const std::filesystem::path& folder);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_REPORT_H_
