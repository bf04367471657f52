// Title, where and how it was measured, what to be careful about, and the numbers most people want.
#include <algorithm>

#include "benches/report/findings.h"
#include "benches/report/page/html.h"
#include "benches/report/page/sections.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

std::string Title(const json& results, const std::string& placement) {
  const json* const rate = FindCell(results, {"throughput", "millrace", 64}, placement);
  const json* const latency = FindCell(results, {"latency", "millrace", 64, 1, "spinning"}, placement);
  if (rate == nullptr || latency == nullptr) return "millrace beside its rivals";
  return "millrace moves " + Rate(rate->at("median")) + " of 64 bytes between two processes, each in " +
         Time(latency->at("median"));
}

std::string Load(const json& about) {
  return Short(about.at("load_average_before").get<double>()) + " before, " +
         Short(about.at("load_average_after").get<double>()) + " after";
}

// "far 3, l3 90".
std::string SlicesByPlacement(const json& run) {
  std::string text;
  for (const auto& [placement, count] : run.at("placements").items())
    text += (text.empty() ? "" : ", ") + placement + " " + std::to_string(count.get<int>());
  return text;
}

std::string Where(const json& about) {
  const auto text = [&](const char* key) { return Escaped(about.at(key).get<std::string>()); };
  return "<p class=meta>" + text("cpu") + ", " + std::to_string(about.at("cores").get<int>()) + " cores" +
         (about.at("virtual_machine").get<bool>() ? " of a virtual machine" : "") + " · " + text("kernel") +
         " · " + text("compiler") + " " + text("flags") + " · commit " + text("commit") + " · " +
         text("date") + "<br>" + text("pinning") + " · " + text("mode") +
         " run: " + std::to_string(about.at("rounds").get<int>()) + " rounds of slices of " +
         Short(about.at("slice_seconds").get<double>()) + " s · queues of " +
         Bytes(about.at("capacity_bytes").get<double>()) + "<br>load average " + Load(about) +
         " · slices by placement: " + SlicesByPlacement(about) + " (\"moved\" ones are not used)</p>\n";
}

// Those whose values the list of targets shows too.
std::string Earlier(const json& results) {
  if (!results.contains("earlier")) return "";
  std::string html = "<p class=meta>Repeated: this is the last of " +
                     std::to_string(results.at("earlier").size() + 1) +
                     " runs; the targets of the earlier ones, in this order, are beside its own:";
  for (const json& run : results.at("earlier")) {
    html += "<br>" + Escaped(run.at("date").get<std::string>()) + ", " +
            Escaped(run.at("cpu").get<std::string>()) + " (" +
            Escaped(run.at("cpu_family_model").get<std::string>()) + "), commit " +
            Escaped(run.at("commit").get<std::string>()) + ", " +
            std::to_string(run.at("rounds").get<int>()) +
            " rounds, slices by placement: " + Escaped(SlicesByPlacement(run));
  }
  return html + "</p>\n";
}

std::string Warnings(const json& results) {
  const json& about = results.at("about");
  std::string html;
  // The bench itself keeps two cores busy for most of the time.
  if (about.at("load_average_before").get<double>() > about.at("cores").get<double>() / 2) {
    html += "<p class=warn>Other programs kept this machine busy (load average " + Load(about) + "; in " +
            std::to_string(about.value("disturbed_slices", 0)) +
            " slices the polling producer got less than 90 % of its core). Ratios within a round suffer less "
            "than absolute numbers.</p>\n";
  }
  if (!about.at("left_out").empty()) {
    html += "<p class=warn>Left out, not installed or not started:";
    for (const json& name : about.at("left_out")) html += " " + Escaped(name.get<std::string>());
    html += "</p>\n";
  }
  if (results.at("failures").empty()) return html;
  html += "<p class=warn>Slices that failed and count nowhere:</p><ul>";
  for (const json& f : results.at("failures")) {
    html += "<li>" +
            Escaped(f.at("subject").get<std::string>() + ", " + f.at("experiment").get<std::string>() + ", " +
                    std::to_string(f.at("bytes").get<int>()) + " bytes, " +
                    std::to_string(f.at("consumers").get<int>()) + " consumer(s), round " +
                    std::to_string(f.at("round").get<int>() + 1) + ": " + f.at("why").get<std::string>()) +
            "</li>";
  }
  return html + "</ul>\n";
}

std::string Card(const std::string& number, const std::string& text) {
  return "<div class=card><b>" + number + "</b><span>" + text + "</span></div>";
}

std::string Cards(const json& results, const json& summary, const std::string& placement) {
  std::string html;
  const auto add = [&](const CellKey& key, const char* text, auto number) {
    const json* const cell = FindCell(results, key, placement);
    if (cell != nullptr) html += Card(number(cell->at("median").get<double>()), text);
  };
  add({"latency", "millrace", 8, 1, "spinning"}, "one way, 8 bytes, spinning, median", Time);
  add({"latency", "millrace", 8, 1, "sleeping"}, "to wake a sleeping consumer, median", Time);
  add({"throughput", "millrace", 8}, "messages of 8 bytes, one consumer", Rate);
  add({"throughput", "millrace", 4096}, "in messages of 4 KiB, every byte checked",
      [](double rate) { return Short(rate * 4096 / 1e9) + " GB/s"; });
  const auto met =
      std::count_if(summary.begin(), summary.end(), [](const json& t) { return t.at("met") == true; });
  return "<div class=cards>" + html +
         Card(std::to_string(met) + " of " + std::to_string(summary.size()), "targets met") + "</div>\n";
}

}  // namespace

std::string HeadSection(const json& results, const json& summary, const std::string& placement) {
  return "<h1>" + Escaped(Title(results, placement)) + "</h1>\n" + Where(results.at("about")) +
         Earlier(results) + Warnings(results) + Cards(results, summary, placement);
}

}  // namespace millrace::bench
