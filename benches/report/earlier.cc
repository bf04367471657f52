// SPDX-License-Identifier: Apache-2.0
// Collects the values of earlier runs, to be shown beside this run's. The speed of a machine with shared
// cores differs from hour to hour.
#include "benches/report/report.h"
#include "benches/report/summary_parts.h"

namespace millrace::bench {

using nlohmann::json;

json EarlierRuns(const std::vector<std::filesystem::path>& earlier) {
  json runs = json::array();
  for (const std::filesystem::path& path : earlier) {
    json run = ReadResults(path);
    const json about = run.at("about");
    // The earlier runs of this run are placed before it.
    for (const json& before : run.value("earlier", json::array())) runs.push_back(before);
    run.erase("earlier");
    json values = json::object();
    for (const json& target : SummaryOf(run)) {
      for (const json& part : target.at("parts")) {
        values[NameOfPart(target, part)] = part.at("value");
      }
    }
    runs.push_back({{"date", about.at("date")},
                    {"commit", about.at("commit")},
                    {"mode", about.at("mode")},
                    {"rounds", about.at("rounds")},
                    {"slice_seconds", about.at("slice_seconds")},
                    {"cpu", about.at("cpu")},
                    {"cpu_family_model", about.value("cpu_family_model", "")},
                    {"placements", about.at("placements")},
                    {"values", values}});
  }
  return runs;
}

}  // namespace millrace::bench
