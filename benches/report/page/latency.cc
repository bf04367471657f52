// One-way latency.
#include "benches/report/findings.h"
#include "benches/report/page/html.h"
#include "benches/report/page/sections.h"
#include "benches/report/plots.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

struct Plot {
  const char *experiment, *waiting;
  size_t bytes;
  const char* title;
};
constexpr Plot kFirst[] = {
    {"latency", "spinning", 8, "8 bytes, the consumer spins"},
    {"latency", "spinning", 64, "64 bytes, the consumer spins"},
    {"latency", "adaptive", 8, "8 bytes, default waiting, messages come quickly"},
    {"latency_sparse", "adaptive", 8, "8 bytes, default waiting, messages come rarely"},
    {"latency", "sleeping", 8, "8 bytes, the consumer sleeps in the kernel"},
    {"latency_paced", "spinning", 64, "64 bytes every 4 µs, since each was due"}};
constexpr Plot kMore[] = {{"latency", "spinning", 1024, "1 KiB, the consumer spins"},
                          {"latency", "adaptive", 64, "64 bytes, default waiting, messages come quickly"},
                          {"latency", "sleeping", 64, "64 bytes, the consumer sleeps in the kernel"}};

template <size_t kCount>
std::string Plots(const json& results, const std::string& placement, const Plot (&plots)[kCount]) {
  std::string html = "<div class=plots>";
  for (const Plot& p : plots)
    html += LatencyCurves(results, placement, {p.experiment, "", p.bytes, 1, p.waiting}, p.title);
  return html + "</div>\n";
}

std::string Numbers(const json& results, const std::string& placement) {
  Table table({"", "waiting", "#bytes", "#p50", "#p90", "#p99", "#p99.9", "#p99.99", "#max", "#messages"});
  for (const json& cell : results.at("cells")) {
    if (!cell.contains("latency") || cell.at("placement") != placement) continue;
    const json& latency = cell.at("latency");
    const std::string experiment = cell.at("experiment"), waiting = cell.at("waiting"),
                      waits = cell.at("waits");
    std::vector<std::string> row = {Escaped(cell.at("subject").get<std::string>()),
                                    waiting + (waits == waiting ? "" : " (" + waits + ")") +
                                        (experiment == "latency_sparse"  ? ", rarely"
                                         : experiment == "latency_paced" ? ", paced"
                                                                         : ""),
                                    std::to_string(cell.at("bytes").get<int>())};
    for (const char* q : {"p50", "p90", "p99", "p99.9", "p99.99", "max"})
      row.push_back(Time(latency.at(q).get<double>()) +
                    (std::string_view(q) == "p50" && cell.at("wide").get<bool>() ? " ±" : ""));
    row.push_back(std::to_string(latency.at("count").get<uint64_t>()));
    table.Row(row);
  }
  return Folded("in numbers", table.ToHtml());
}

}  // namespace

std::string LatencySection(const json& results, const Placements& placements) {
  bool any = false;
  for (const json& cell : results.at("cells")) any |= cell.contains("latency");
  if (!any) return "";
  return Heading(LatencyFinding(results, placements.front())) +
         "<p>From before the producer's call to after the consumer has read every byte; one message at a "
         "time, the next 0.3 to 2 µs (rarely, and sleeping: 150 to 300 µs) after the last was seen. \"Every "
         "4 µs\" does not wait for the last one: what holds one message up counts for those due meanwhile "
         "too. Default waiting: who has no adaptive mode sleeps in the kernel, lockfree can only spin. Both "
         "axes are logarithmic, each further nine takes the same room.</p>\n" +
         PerPlacement(placements, [&](const std::string& placement) {
           return Plots(results, placement, kFirst) +
                  Folded("1 KiB, and 64 bytes in other ways of waiting", Plots(results, placement, kMore)) +
                  Numbers(results, placement);
         });
}

}  // namespace millrace::bench
