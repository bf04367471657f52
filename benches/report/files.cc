// SPDX-License-Identifier: Apache-2.0
// Reads results and writes the reports.
#include <fstream>
#include <stdexcept>

#include "benches/report/page_template.h"
#include "benches/report/report.h"

namespace millrace::bench {

using nlohmann::json;

// Returns the results as JSON with one line for each cell, fact and failure. The file is small enough to be
// committed, and its differences are readable.
std::string OneLineEach(const json& results) {
  std::string text = "{\n";
  bool first = true;
  for (const auto& [key, value] : results.items()) {
    text.append(first ? "" : ",\n").append(json(key).dump()).append(": ");
    first = false;
    if (!value.is_array()) {
      text += value.dump(1);
      continue;
    }
    text += "[";
    for (size_t i = 0; i < value.size(); ++i) text.append(i == 0 ? "\n " : ",\n ").append(value[i].dump());
    text += "\n]";
  }
  return text + "\n}\n";
}

namespace {

// Returns JSON that can be placed inside a script element: no text in it can end the element.
std::string ForScript(const json& value) {
  std::string text;
  for (const char c : value.dump()) {
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  }
  return text;
}

std::string Filled(std::string text, std::string_view place, const std::string& with) {
  const size_t at = text.find(place);
  if (at == std::string::npos) throw std::logic_error("page.html has no place for " + std::string(place));
  return text.replace(at, place.size(), with);
}

}  // namespace

std::string PageOf(const json& results, const json& summary) {
  return Filled(Filled(kPageTemplate, "@SUMMARY@", ForScript(summary)), "@RESULTS@", ForScript(results));
}

json ReadResults(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return json::parse(in);
}

void WriteReports(const json& results, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream out(folder / name);
    out << text;
    if (!out.flush()) throw std::runtime_error("cannot write " + (folder / name).string());
  };
  const json summary = SummaryOf(results);
  write("results.json", OneLineEach(results));
  write("summary.json", summary.dump(1) + "\n");
  write("index.html", PageOf(results, summary));
}

}  // namespace millrace::bench
