// index.html: one page, no network, no script.
#include <algorithm>

#include "benches/report/plots.h"
#include "benches/report/query.h"
#include "benches/report/report.h"
#include "benches/report/svg.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

constexpr size_t kSizes[] = {8, 64, 256, 1024, 4096, 65536};

const char* const kPageStyle =
    "*{box-sizing:border-box}body{margin:0 auto;padding:28px 24px "
    "60px;max-width:1200px;background:var(--back);"
    "color:var(--ink);font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}h1{font-size:26px;margin:0 0 4px}"
    "h2{font-size:19px;margin:38px 0 6px;border-bottom:1px solid var(--line);padding-bottom:5px}"
    "p{margin:6px 0 12px;max-width:82ch}.meta{color:var(--soft);font-size:13px;max-width:none}"
    "table{border-collapse:collapse;width:100%;font-size:14px;margin:8px 0}"
    "th{text-align:left;color:var(--soft);font-weight:500;font-size:12.5px}"
    "td,th{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".met{color:var(--good);font-weight:600}.missed{color:var(--bad);font-weight:600}.open{color:var(--open);"
    "font-weight:600}"
    ".cards{display:flex;gap:14px;flex-wrap:wrap;margin:16px 0}.card{background:var(--panel);border:1px "
    "solid var(--line);"
    "border-radius:8px;padding:10px 16px;flex:1 1 150px}.card b{display:block;font-size:22px;line-height:1.3}"
    ".card "
    "span{color:var(--soft);font-size:12.5px}.plots{display:flex;flex-wrap:wrap;gap:18px;overflow-x:auto}"
    "svg{max-width:100%;height:auto}.key i{display:inline-block;width:11px;height:11px;margin:0 5px 0 "
    "14px;border-radius:2px}"
    "details{margin:8px "
    "0}summary{cursor:pointer;color:var(--soft)}.warn{background:var(--panel);border-left:4px solid "
    "var(--bad);padding:8px 14px;max-width:none}ul{padding-left:20px;max-width:90ch}li{margin:3px 0}";

std::string PlacementInWords(const std::string& placement) {
  if (placement == "near") return "near: two hyperthreads of one core";
  if (placement == "l3") return "L3: two cores that share an L3 cache";
  if (placement == "far") return "far: two cores that share no cache";
  return placement;
}

std::string Cell(const std::string& text, const char* style = "") {
  return std::string("<td class=\"") + style + "\">" + text + "</td>";
}

std::string Verdict(const json& met) {
  if (met.is_null()) return "<span class=open>not measured</span>";
  return met.get<bool>() ? "<span class=met>met</span>" : "<span class=missed>missed</span>";
}

std::string ValueOf(const json& part) {
  if (part.at("value").is_null()) return "–";
  return Short(part.at("value").get<double>()) + (part.contains("wide") ? " ±" : "");
}

// ---- parts of the page
// ------------------------------------------------------------------------------------------

std::string Head(const json& about) {
  std::string load = Short(about.at("load_average_before").get<double>()) + " before, " +
                     Short(about.at("load_average_after").get<double>()) + " after";
  std::string html =
      "<h1>millrace beside what else there is</h1><p class=meta>" +
      Escaped(about.at("cpu").get<std::string>()) +
      (about.at("virtual_machine").get<bool>() ? ", virtual machine, " : ", ") +
      std::to_string(about.at("cores").get<int>()) + " cores · " +
      Escaped(about.at("kernel").get<std::string>()) + " · " +
      Escaped(about.at("compiler").get<std::string>()) + " " + Escaped(about.at("flags").get<std::string>()) +
      " · commit " + Escaped(about.at("commit").get<std::string>()) + " · " +
      Escaped(about.at("date").get<std::string>()) + "<br>" +
      Escaped(about.at("pinning").get<std::string>()) + " · " + about.at("mode").get<std::string>() +
      " run: " + std::to_string(about.at("rounds").get<int>()) + " rounds of slices of " +
      Short(about.at("slice_seconds").get<double>()) + " s · queues of " +
      Bytes(about.at("capacity_bytes").get<double>()) + " · load average " + load + "</p>";
  // The bench itself keeps two cores busy for most of the time.
  const double cores = about.at("cores").get<double>();
  if (about.at("load_average_before").get<double>() > cores / 2) {
    html += "<p class=warn>Other programs kept this machine busy during the run (load average " + load +
            "; in " + std::to_string(about.value("disturbed_slices", 0)) +
            " slices the polling producer got less than 90 % of its core). Ratios within a round suffer less "
            "than absolute numbers; cells marked ± spread too far to mean much.</p>";
  }
  if (!about.at("left_out").empty()) {
    html += "<p class=warn>Left out, not installed or not started:";
    for (const json& name : about.at("left_out")) html += " " + Escaped(name.get<std::string>());
    html += "</p>";
  }
  return html;
}

std::string Card(const std::string& number, const std::string& text) {
  return "<div class=card><b>" + number + "</b><span>" + text + "</span></div>";
}

std::string Cards(const json& results, const json& summary, const std::string& placement) {
  std::string html = "<div class=cards>";
  const json* const small = FindCell(results, {"throughput", "millrace", 8}, placement);
  if (small != nullptr)
    html += Card(Rate(small->at("median").get<double>()), "messages of 8 bytes, one consumer");
  const json* const large = FindCell(results, {"throughput", "millrace", 4096}, placement);
  if (large != nullptr) {
    html += Card(Short(large->at("median").get<double>() * 4096 / 1e9) + " GB/s",
                 "in messages of 4 KiB, every byte checked");
  }
  const json* const latency = FindCell(results, {"latency", "millrace", 64, 1, "spinning"}, placement);
  if (latency != nullptr)
    html += Card(Time(latency->at("median").get<double>()), "one-way, 64 bytes, spinning, median");
  const json* const asleep = FindCell(results, {"latency", "millrace", 8, 1, "sleeping"}, placement);
  if (asleep != nullptr)
    html += Card(Time(asleep->at("median").get<double>()), "to wake a sleeping consumer, median");
  const auto met =
      std::count_if(summary.begin(), summary.end(), [](const json& t) { return t.at("met") == true; });
  html += Card(std::to_string(met) + " of " + std::to_string(summary.size()), "targets met");
  return html + "</div>";
}

std::string Targets(const json& summary) {
  std::string html =
      "<h2>Targets</h2><table><tr><th><th>what<th>furthest from its target<th class=n>value<th "
      "class=n>target<th></tr>";
  for (const json& target : summary) {
    html += "<tr>" + Cell(target.at("id").get<std::string>(), "n") +
            Cell(Escaped(target.at("what").get<std::string>())) +
            Cell(target.contains("worst_part") ? Escaped(target.at("worst_part").get<std::string>()) : "–") +
            Cell(ValueOf(target), "n") + Cell(Escaped(target.at("target").get<std::string>()), "n") +
            Cell(Verdict(target.at("met"))) + "</tr>";
  }
  html +=
      "</table><details><summary>every part of them</summary><table><tr><th><th>part<th class=n>value<th "
      "class=n>target"
      "<th>by placement (median, quartiles)<th></tr>";
  for (const json& target : summary) {
    for (const json& part : target.at("parts")) {
      std::string by;
      if (part.contains("by_placement")) {
        for (const auto& [placement, s] : part.at("by_placement").items()) {
          by += (by.empty() ? "" : "; ") + placement + " " + Short(s.at("median").get<double>()) + " (" +
                Short(s.at("low").get<double>()) + "–" + Short(s.at("high").get<double>()) + ")";
        }
      }
      if (part.contains("where")) {
        for (const json& where : part.at("where")) by += (by.empty() ? "" : "; ") + where.get<std::string>();
      }
      if (part.contains("why")) by = part.at("why").get<std::string>();
      html += "<tr>" + Cell(target.at("id").get<std::string>(), "n") +
              Cell(Escaped(part.at("what").get<std::string>())) + Cell(ValueOf(part), "n") +
              Cell(Escaped(part.at("target").get<std::string>()), "n") + Cell(Escaped(by)) +
              Cell(Verdict(part.at("met"))) + "</tr>";
    }
  }
  return html + "</table></details>";
}

std::string Key() {
  return "<p class=\"meta key\"><i style=\"background:var(--own)\"></i>millrace, default options"
         "<i style=\"background:var(--own2)\"></i>millrace, other options<i "
         "style=\"background:var(--rival)\"></i>rivals"
         "<i style=\"background:var(--limit)\"></i>raw limits: not queues one could use"
         " &nbsp; thin line: quartiles &nbsp; ±: too few slices or too far apart</p>";
}

std::vector<BarPanel> ThroughputPanels(const json& results) {
  const std::vector<std::string> subjects = SubjectsWith(results, "throughput");
  std::vector<BarPanel> panels;
  for (const size_t bytes : kSizes)
    panels.push_back({Bytes(static_cast<double>(bytes)), "throughput", bytes, 1, subjects});
  return panels;
}

std::string Throughput(const json& results, const std::vector<std::string>& placements) {
  if (SubjectsWith(results, "throughput").empty()) return "";
  std::string html =
      "<h2>Throughput, one producer, one consumer</h2><p>Messages per second; the producer writes every "
      "byte, "
      "the consumer reads and checks every byte, no message is lost.</p>" +
      Key();
  for (size_t i = 0; i < placements.size(); ++i) {
    const std::string plot = ThroughputBars(results, placements[i], ThroughputPanels(results), 3, "");
    html += i == 0
                ? "<p class=meta>" + PlacementInWords(placements[i]) + "</p>" + plot
                : "<details><summary>" + PlacementInWords(placements[i]) + "</summary>" + plot + "</details>";
  }
  return html;
}

std::string LatencyTable(const json& results, const std::string& placement) {
  std::string html =
      "<details><summary>in numbers</summary><table><tr><th>subject<th>waiting<th class=n>bytes<th "
      "class=n>p50"
      "<th class=n>p90<th class=n>p99<th class=n>p99.9<th class=n>p99.99<th class=n>max<th "
      "class=n>messages</tr>";
  for (const json& cell : results.at("cells")) {
    if (!cell.contains("latency") || cell.at("placement") != placement) continue;
    const json& l = cell.at("latency");
    const bool sparse = cell.at("experiment") == "latency_sparse";
    html += "<tr>" + Cell(cell.at("subject").get<std::string>()) +
            Cell(cell.at("waiting").get<std::string>() + (sparse ? ", sparse" : "")) +
            Cell(std::to_string(cell.at("bytes").get<int>()), "n");
    for (const char* q : {"p50", "p90", "p99", "p99.9", "p99.99", "max"})
      html += Cell(Time(l.at(q).get<double>()), "n");
    html += Cell(std::to_string(l.at("count").get<uint64_t>()), "n") + "</tr>";
  }
  return html + "</table></details>";
}

std::string DefaultWaiting(const json& results, const std::string& placement) {
  const json* const quick = FindCell(results, {"latency", "millrace", 8, 1, "adaptive"}, placement);
  const json* const spinning = FindCell(results, {"latency", "millrace", 8, 1, "spinning"}, placement);
  const json* const sparse = FindCell(results, {"latency_sparse", "millrace", 8, 1, "adaptive"}, placement);
  if (quick == nullptr || spinning == nullptr || sparse == nullptr) return "";
  const auto p50 = [](const json* cell) { return Time(cell->at("latency").at("p50").get<double>()); };
  return "<p>millrace's default waiting, 8 bytes, medians: " + p50(quick) +
         " when messages come quickly (spinning: " + p50(spinning) + "), " + p50(sparse) +
         " when the last one was 150 to 300 µs ago and the consumer sleeps.</p>";
}

std::string LatencyPlots(const json& results, const std::string& placement) {
  return "<div class=plots>" +
         LatencyCurves(results, placement, "latency", "spinning", 8, "8 bytes, consumer spins") +
         LatencyCurves(results, placement, "latency", "spinning", 64, "64 bytes, consumer spins") +
         LatencyCurves(results, placement, "latency", "spinning", 1024, "1 KiB, consumer spins") +
         LatencyCurves(results, placement, "latency", "sleeping", 8,
                       "8 bytes, consumer sleeps in the kernel") +
         LatencyCurves(results, placement, "latency", "sleeping", 64,
                       "64 bytes, consumer sleeps in the kernel") +
         "</div>" + DefaultWaiting(results, placement) + LatencyTable(results, placement);
}

std::string Latency(const json& results, const std::vector<std::string>& placements) {
  if (SubjectsWith(results, "latency").empty()) return "";
  std::string html =
      "<h2>One-way latency</h2><p>From before the producer's call to after the consumer has read every byte; "
      "one "
      "message at a time, the next 0.3 to 2 µs (sleeping: 150 to 300 µs) after the last was seen. Both axes "
      "are "
      "logarithmic: each further nine takes the same room.</p>";
  for (size_t i = 0; i < placements.size(); ++i) {
    html += i == 0 ? "<p class=meta>" + PlacementInWords(placements[i]) + "</p>" +
                         LatencyPlots(results, placements[i])
                   : "<details><summary>" + PlacementInWords(placements[i]) + "</summary>" +
                         LatencyPlots(results, placements[i]) + "</details>";
  }
  return html;
}

std::string FanOut(const json& results, const std::string& placement) {
  const std::vector<std::string> subjects = SubjectsWith(results, "fanout");
  if (subjects.empty()) return "";
  const int cores = results.at("about").at("cores").get<int>();
  std::vector<BarPanel> panels;
  for (const int consumers : {2, 4, 8}) {
    panels.push_back(
        {"1 → " + std::to_string(consumers) + (consumers + 1 > cores ? ", more processes than cores" : ""),
         "fanout", 64, consumers, subjects});
  }
  return "<h2>One producer, several consumers, 64 bytes</h2><p>Messages per second that every consumer got. "
         "Who serves one "
         "consumer only is given one queue per consumer. With more processes than cores the scheduler is "
         "measured too: the "
         "consumers take turns on their core.</p>" +
         ThroughputBars(results, placement, panels, 3, "");
}

std::string CellText(const json& results, const CellKey& key, const std::string& placement,
                     const char* metric) {
  const json* const cell = FindCell(results, key, placement);
  if (cell == nullptr) return "–";
  std::vector<double> values;
  for (const json& sample : cell->at("samples")) values.push_back(sample.at(metric).get<double>());
  return Rate(StatisticsOf(values).median);
}

std::string SlowConsumers(const json& results, const std::string& placement) {
  const std::vector<std::string> subjects = SubjectsWith(results, "overrun");
  if (subjects.empty()) return "";
  std::string html =
      "<h2>A consumer that is too slow</h2><p>It spends 1 µs on each message of 64 bytes. A lossless one "
      "slows "
      "the producer to its own speed, a lossy one must not; what it misses is counted.</p><table><tr><th>"
      "<th class=n>lossy: producer<th class=n>consumer got<th class=n>share lost<th class=n>lossless, alone"
      "<th class=n>lossless, beside a fast one</tr>";
  for (const std::string& subject : subjects) {
    const json* const overrun = FindCell(results, {"overrun", subject, 64}, placement);
    std::string lost = "–";
    if (overrun != nullptr && overrun->at("sent").get<double>() > 0) {
      lost = Short(100 * overrun->at("lost").get<double>() / overrun->at("sent").get<double>()) + " %";
    }
    html +=
        "<tr>" + Cell(subject) +
        Cell(CellText(results, {"overrun", subject, 64}, placement, "sent_per_second"), "n") +
        Cell(CellText(results, {"overrun", subject, 64}, placement, "per_second"), "n") + Cell(lost, "n") +
        Cell(CellText(results, {"slow_alone", subject, 64}, placement, "per_second"), "n") +
        Cell(CellText(results, {"slow_beside_fast", subject, 64, 2}, placement, "per_second"), "n") + "</tr>";
  }
  return html + "</table>";
}

std::string Idle(const json& results, const std::string& placement) {
  std::string rows;
  for (const json& cell : results.at("cells")) {
    if (cell.at("experiment") != "idle" || cell.at("placement") != placement) continue;
    if (cell.at("waiting") == "spinning") continue;
    rows += "<tr>" + Cell(cell.at("subject").get<std::string>()) +
            Cell(cell.at("waiting").get<std::string>()) +
            Cell(Short(100 * cell.at("median").get<double>()) + " %", "n") + "</tr>";
  }
  if (rows.empty()) return "";
  return "<h2>A consumer with nothing to do</h2><p>The share of a core that waiting costs. A spinning "
         "consumer uses all that "
         "the system gives it.</p><table style=\"max-width:520px\"><tr><th><th>waiting<th class=n>of a "
         "core</tr>" +
         rows + "</table>";
}

std::string FactText(const json& fact) {
  if (!fact.contains("median")) return Escaped(fact.at("unavailable").get<std::string>());
  const std::string unit = fact.at("unit");
  const auto text = [&](const char* which) {
    const double value = fact.at(which);
    return unit == "ns" ? Time(value) : Short(value);
  };
  std::string all = text("median") + (unit == "ns" || unit == "ratio" ? "" : " " + unit);
  if (fact.at("low") != fact.at("high"))
    all += " <span class=meta>(" + text("low") + "–" + text("high") + ")</span>";
  return all + (fact.at("wide").get<bool>() ? " ±" : "");
}

std::string Facts(const json& results) {
  if (results.at("facts").empty()) return "";
  std::string html = "<h2>Alone, after a crash, at start</h2><table>";
  for (const json& fact : results.at("facts")) {
    const std::string note = fact.at("note");
    html += "<tr>" +
            Cell(Escaped(fact.at("what").get<std::string>()) +
                 (note.empty() ? "" : "<br><span class=meta>" + Escaped(note) + "</span>")) +
            Cell(FactText(fact), "n") + "</tr>";
  }
  return html + "</table>";
}

std::string Fairness(const json& about) {
  return "<h2>What is fair here and what is not</h2><ul>"
         "<li>Same processes, same pinning, same messages, same capacity in bytes, same run; slices of all "
         "subjects "
         "alternate, and ratios are taken between slices of one round.</li>"
         "<li>The host of a virtual machine moves its cores. The distance between the two cores is probed "
         "before and after "
         "each slice; slices during which it changed are thrown away, results of different distances are "
         "never mixed.</li>"
         "<li><b>lockfree</b>, <b>raw_index_16_fixed</b> and <b>pipe</b> carry messages of one size only and "
         "need no length. "
         "All of the raw limits lack names, crash safety and, but for raw_slots, further consumers.</li>"
         "<li><b>interprocess</b> and <b>posix_mq</b> keep priorities and allow many producers; "
         "<b>posix_mq</b> is 10 messages "
         "deep, as systems come. <b>zeromq</b> also works over networks and uses threads of its own on the "
         "same cores. "
         "<b>iceoryx</b> manages memory for many producers; its queues are at most 128 deep here.</li>"
         "<li>Kernel queues (pipe, posix_mq, seqpacket) poll without blocking here, which makes them faster "
         "than blocking "
         "does; a program that polls burns a core.</li>"
         "<li><b>raw_memcpy</b> copies a prepared buffer, the others write each word anew.</li>"
         "<li>Latencies contain two reads of the time-stamp counter (about 20 ns), for everybody alike. The "
         "two cores' counters "
         "were found " +
         Short(std::abs(about.at("clock_skew_ns").get<double>())) + " ns apart.</li></ul>";
}

std::string Failures(const json& results) {
  if (results.at("failures").empty()) return "";
  std::string html = "<p class=warn>Slices that failed and count nowhere:</p><ul>";
  for (const json& f : results.at("failures")) {
    html += "<li>" + f.at("subject").get<std::string>() + ", " + f.at("experiment").get<std::string>() +
            ", " + std::to_string(f.at("bytes").get<int>()) + " bytes, " +
            std::to_string(f.at("consumers").get<int>()) + " consumer(s), round " +
            std::to_string(f.at("round").get<int>() + 1) + ": " + Escaped(f.at("why").get<std::string>()) +
            "</li>";
  }
  return html + "</ul>";
}

std::string Placements(const json& about) {
  std::string html = "<p class=meta>Slices by placement:";
  for (const auto& [placement, slices] : about.at("placements").items()) {
    html += " " + placement + " " + std::to_string(slices.get<int>()) + ";";
  }
  return html + " \"moved\" ones are not used.</p>";
}

}  // namespace

std::string PageOf(const json& results, const json& summary) {
  const json& about = results.at("about");
  const std::vector<std::string> placements = PlacementsSeen(results);
  const std::string placement = MainPlacement(results);
  return "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
         "content=\"width=device-width\">"
         "<title>millrace: benches</title><style>" +
         PageColours() + kPageStyle + PlotStyles() + "</style></head><body>\n" + Head(about) +
         Cards(results, summary, placement) + Failures(results) + Targets(summary) +
         Throughput(results, placements) + Latency(results, placements) + FanOut(results, placement) +
         SlowConsumers(results, placement) + Idle(results, placement) + Facts(results) + Fairness(about) +
         Placements(about) + "</body></html>\n";
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
    panels.push_back({"messages of " + Bytes(static_cast<double>(bytes)), "throughput", bytes, 1, subjects});
  }
  return ThroughputBars(
      results, placement, panels, 3, PictureColours() + PlotStyles(),
      "Messages per second between two processes, every byte read and checked (grey: raw limits, no queues)");
}

}  // namespace millrace::bench
