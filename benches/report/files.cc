// What is read and written.
#include <fstream>
#include <stdexcept>

#include "benches/report/report.h"

namespace millrace::bench {

using nlohmann::json;

// A line for each cell, fact and failure: small enough to be committed, and its differences can be read.
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
  write("throughput.svg", ThroughputPicture(results));
}

}  // namespace millrace::bench
