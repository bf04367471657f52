// What is not made of slices: after a crash, alone, at start, instructions, one process.
#include <map>

#include "benches/report/findings.h"
#include "benches/report/page/html.h"
#include "benches/report/page/sections.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

std::string TextOf(const json& fact) {
  if (!fact.contains("median"))
    return "<span class=open>" + Escaped(fact.at("unavailable").get<std::string>()) + "</span>";
  const std::string unit = fact.at("unit");
  const auto text = [&](const char* which) {
    const double value = fact.at(which);
    return unit == "ns" ? Time(value) : Short(value);
  };
  std::string all = text("median") + (unit == "ns" ? "" : unit == "ratio" ? " ×" : " " + unit);
  if (fact.at("low") != fact.at("high"))
    all += " <span class=meta>(" + text("low") + " to " + text("high") + ")</span>";
  return all + (fact.at("wide").get<bool>() ? " ±" : "");
}

std::string TableOf(const json& results, const std::string& prefix) {
  Table table({"", "#median (quartiles)"}, "max-width:900px");
  for (const json& fact : results.at("facts")) {
    if (!fact.at("id").get<std::string>().starts_with(prefix)) continue;
    const std::string note = fact.at("note");
    table.Row({Escaped(fact.at("what").get<std::string>()) +
                   (note.empty() ? "" : " <span class=meta>" + Escaped(note) + "</span>"),
               TextOf(fact)});
  }
  return table.empty() ? "" : table.ToHtml();
}

// "micro.PublishAndNext<8>": a row per name, a column per size.
std::string Micro(const json& results) {
  std::map<std::string, std::map<std::string, std::string>> rows;
  for (const json& fact : results.at("facts")) {
    const std::string id = fact.at("id");
    const size_t size = id.find('<');
    if (!id.starts_with("micro.") || size == std::string::npos) continue;
    rows[id.substr(6, size - 6)][id.substr(size + 1, id.size() - size - 2)] = TextOf(fact);
  }
  if (rows.empty()) return TableOf(results, "micro");
  Table table({"", "#8 bytes", "#64 bytes", "#1024 bytes"}, "max-width:900px");
  for (auto& [name, sizes] : rows) table.Row({Escaped(name), sizes["8"], sizes["64"], sizes["1024"]});
  return table.ToHtml();
}

std::string Titled(const char* title, const std::string& table) {
  return table.empty() ? "" : std::string("<h3>") + title + "</h3>" + table;
}

}  // namespace

std::string FactsSection(const json& results) {
  if (results.at("facts").empty()) return "";
  return Heading(RecoveryFinding(results)) + TableOf(results, "recovery.") +
         Titled("Publish with nobody there", TableOf(results, "alone.")) +
         Titled("Create and open", TableOf(results, "open.")) +
         Titled("Instructions (callgrind: independent of what else the machine does)",
                TableOf(results, "instructions.")) +
         Titled("One process, one thread (Google Benchmark: no cache line travels)", Micro(results));
}

}  // namespace millrace::bench
