// Several consumers, slow ones, idle ones.
#include "benches/report/findings.h"
#include "benches/report/page/html.h"
#include "benches/report/page/sections.h"
#include "benches/report/plots.h"
#include "benches/report/statistics.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

constexpr size_t kSlowBytes = 64;

// Of a metric that is not the cell's own.
std::string MedianOf(const json* cell, const char* metric) {
  if (cell == nullptr) return "–";
  std::vector<double> values;
  for (const json& sample : cell->at("samples")) values.push_back(sample.at(metric).get<double>());
  const Statistics s = StatisticsOf(values);
  return Rate(s.median) + (s.wide ? " ±" : "");
}

std::string ShareLost(const json* cell) {
  if (cell == nullptr || cell->at("sent").get<double>() <= 0) return "–";
  return Short(100 * cell->at("lost").get<double>() / cell->at("sent").get<double>()) + " %";
}

}  // namespace

std::string FanOutSection(const json& results, const Placements& placements) {
  const std::vector<std::string> subjects = SubjectsWith(results, "fanout");
  if (subjects.empty()) return "";
  const int cores = results.at("about").at("cores").get<int>();
  std::string html =
      Heading(FanOutFinding(results, placements.front())) +
      "<p>Messages per second that the slowest of the consumers got. Who serves one consumer only is given "
      "one queue per consumer. With more processes than cores the consumers take turns, and the scheduler "
      "is measured too.</p>\n";
  return html + PerPlacement(placements, [&](const std::string& placement) {
           std::string plots;
           for (const size_t bytes : {64U, 8U, 1024U}) {
             std::vector<BarPanel> panels;
             bool measured = false;
             for (const int consumers : {1, 2, 4, 8}) {
               panels.push_back({"1 → " + std::to_string(consumers) +
                                     (consumers + 1 > cores ? ", more processes than cores" : ""),
                                 consumers == 1 ? "throughput" : "fanout", bytes, consumers, subjects,
                                 "raw_slots"});
               for (const std::string& subject : subjects)
                 measured |= FindCell(results, {"fanout", subject, bytes, consumers}, placement) != nullptr;
             }
             if (!measured) continue;
             const std::string bars = ThroughputBars(results, placement, panels, 2, "");
             plots += bytes == 64 ? bars : Folded(Bytes(static_cast<double>(bytes)), bars);
           }
           return plots;
         });
}

std::string SlowSection(const json& results, const std::string& placement) {
  Table table({"", "#lossy: the producer sends", "#the consumer gets", "#lost", "#lossless, alone",
               "#lossless, beside a fast one"});
  for (const json& subject : results.at("subjects")) {
    const std::string name = subject.at("name");
    const json* const overrun = FindCell(results, {"overrun", name, kSlowBytes}, placement);
    const json* const alone = FindCell(results, {"slow_alone", name, kSlowBytes}, placement);
    const json* const beside = FindCell(results, {"slow_beside_fast", name, kSlowBytes, 2}, placement);
    if (overrun == nullptr && alone == nullptr && beside == nullptr) continue;
    table.Row({Escaped(name), MedianOf(overrun, "sent_per_second"), MedianOf(overrun, "per_second"),
               ShareLost(overrun), MedianOf(alone, "per_second"), MedianOf(beside, "per_second")});
  }
  if (table.empty()) return "";
  return Heading(SlowFinding(results, placement)) +
         "<p>It spends 1 µs on each message of 64 bytes, so it can take at most 1 M/s. A lossless one slows "
         "the producer to its own speed, a lossy one must not; what it misses is counted. Beside a fast one: "
         "what the slower of the two gets, which share a core if there are but two cores.</p>\n" +
         table.ToHtml();
}

std::string IdleSection(const json& results, const std::string& placement) {
  Table table({"", "waiting", "#of a core"}, "max-width:520px");
  for (const json& cell : results.at("cells")) {
    if (cell.at("experiment") != "idle" || cell.at("placement") != placement) continue;
    table.Row(
        {Escaped(cell.at("subject").get<std::string>()), cell.at("waiting").get<std::string>(),
         Short(100 * cell.at("median").get<double>()) + " %" + (cell.at("wide").get<bool>() ? " ±" : "")});
  }
  if (table.empty()) return "";
  return Heading(IdleFinding(results, placement)) +
         "<p>Processor time of the waiting process. A spinning one uses all that the system gives it.</p>\n" +
         table.ToHtml();
}

}  // namespace millrace::bench
