// The plots of the page.
#ifndef MILLRACE_BENCHES_REPORT_PLOTS_H_
#define MILLRACE_BENCHES_REPORT_PLOTS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "benches/report/query.h"

namespace millrace::bench {

// Colours, for the page and for pictures that stand alone (those stay light: a README has no theme).
std::string PlotStyles();
std::string PageColours();
std::string PictureColours();

struct BarPanel {
  std::string title;
  std::string experiment;
  size_t bytes;
  int consumers = 1;
  std::vector<std::string> subjects;  // in order
  std::string limit = {};             // the subject whose median is drawn as a line through all bars
};
// Panels of horizontal bars, `columns` beside each other; millions of messages per second, linear from 0.
std::string ThroughputBars(const nlohmann::json& results, const std::string& placement,
                           const std::vector<BarPanel>& panels, int columns, const std::string& style_sheet,
                           const std::string& heading = "");

// Latency percentiles of all subjects of a work as curves, log-log.
std::string LatencyCurves(const nlohmann::json& results, const std::string& placement, const CellKey& work,
                          const std::string& title);

std::string KindOf(const nlohmann::json& results, const std::string& subject);
std::vector<std::string> SubjectsWith(const nlohmann::json& results, const std::string& experiment);

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_PLOTS_H_
