// Throughput: one producer, one consumer, by size.
#include "benches/report/findings.h"
#include "benches/report/page/html.h"
#include "benches/report/page/sections.h"
#include "benches/report/plots.h"
#include "benches/report/report.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

constexpr size_t kSizes[] = {8, 64, 256, 1024, 4096, 65536};

// The limit that the project's target for this size names.
const char* LimitFor(size_t bytes) { return bytes > 4096 ? "raw_memcpy" : "raw_index_16"; }

std::string Key() {
  return "<p class=\"meta key\"><i style=\"background:var(--own)\"></i>millrace, default options"
         "<i style=\"background:var(--own2)\"></i>millrace, other options<i "
         "style=\"background:var(--rival)\"></i>rivals<i style=\"background:var(--limit)\"></i>raw limits, "
         "no "
         "queues one could use (dashed: the one of the target) &nbsp; thin line: quartiles &nbsp; ±: under 3 "
         "slices, or quartiles more than 30 % of the median apart</p>\n";
}

std::string Subjects(const json& results) {
  Table table({"", ""});
  for (const json& s : results.at("subjects"))
    table.Row({Escaped(s.at("name").get<std::string>()), Escaped(s.at("what").get<std::string>())});
  return Folded("what the names mean", table.ToHtml());
}

}  // namespace

std::string ThroughputSection(const json& results, const Placements& placements) {
  const std::vector<std::string> subjects = SubjectsWith(results, "throughput");
  if (subjects.empty()) return "";
  std::vector<BarPanel> panels;
  for (const size_t bytes : kSizes) {
    panels.push_back({"messages of " + Bytes(static_cast<double>(bytes)), "throughput", bytes, 1, subjects,
                      LimitFor(bytes)});
  }
  return Heading(ThroughputFinding(results, placements.front())) +
         "<p>Messages per second from one process to another. The producer writes every byte, the consumer "
         "reads and checks every byte, no message is lost.</p>\n" +
         Key() +
         PerPlacement(placements,
                      [&](const std::string& placement) {
                        return ThroughputBars(results, placement, panels, 3, "");
                      }) +
         Subjects(results);
}

std::string ThroughputPicture(const json& results) {
  const std::string placement = MainPlacement(results);
  std::vector<std::string> subjects;
  for (const std::string& subject : SubjectsWith(results, "throughput")) {
    const bool variant = KindOf(results, subject) == "millrace" && subject != "millrace";
    if (!variant && subject != "raw_index_16_fixed" && subject != "raw_index") subjects.push_back(subject);
  }
  std::vector<BarPanel> panels;
  for (const size_t bytes : {8U, 64U, 1024U}) {
    panels.push_back({"messages of " + Bytes(static_cast<double>(bytes)), "throughput", bytes, 1, subjects,
                      LimitFor(bytes)});
  }
  return ThroughputBars(
      results, placement, panels, 3, PictureColours() + PlotStyles(),
      "Messages per second between two processes, every byte read and checked (grey: raw limits, no queues)");
}

}  // namespace millrace::bench
