// SPDX-License-Identifier: Apache-2.0
// Turns observations into results.json, summary.json and the page. All functions after ResultsOf use only the
// JSON, so a page can be made again from old results.
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
nlohmann::json ReadResults(const std::filesystem::path& path);  // throws if it cannot

// Returns the values of the targets in earlier runs, preferably on other machines or at other times. Stored
// in the results as "earlier", they are shown beside this run's values. The earlier runs of an earlier run
// are included. Throws if a file is not a results.json.
nlohmann::json EarlierRuns(const std::vector<std::filesystem::path>& earlier);

nlohmann::json SummaryOf(const nlohmann::json& results);  // returns one object per target
// Returns page.html with the results and the summary in it; its script draws everything. With #picture at the
// end of its address the page shows only the README's picture, which picture.sh saves.
std::string PageOf(const nlohmann::json& results, const nlohmann::json& summary);
std::string InWords(const nlohmann::json& results);  // returns a few lines for the terminal

// Writes results.json, summary.json and index.html to the folder, which is created if necessary.
void WriteReports(const nlohmann::json& results, const std::filesystem::path& folder);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_REPORT_H_
