// SPDX-License-Identifier: Apache-2.0
// Runs the Google Benchmark program, which measures one process with one thread.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "benches/harness/process.h"
#include "benches/plan/experiments.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

// Runs the program, with the repetitions of its benchmarks interleaved. Returns its JSON, which on failure is
// not an object.
json OutputOf(const Settings& settings) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / UniqueName();
  const std::string command = "taskset -c " + std::to_string(CoreOfProducer()) + " '" + settings.microbench +
                              "' --benchmark_out='" + file.string() + "' --benchmark_out_format=json" +
                              " --benchmark_repetitions=" + (settings.quick ? "5" : "15") +
                              " --benchmark_min_time=0.02 --benchmark_enable_random_interleaving=true" +
                              " >/dev/null 2>&1";
  json output;
  if (std::system(command.c_str()) == 0) {
    std::ifstream in(file);
    output = json::parse(in, nullptr, false);
  }
  std::filesystem::remove(file);
  return output;
}

}  // namespace

void RunMicrobench(const Settings& settings, Observations* out) {
  ThrowIfInterrupted();
  Fact missing{.id = "micro", .what = "within one process", .unit = "ns", .values = {}};
  missing.unavailable = "not built: libbenchmark-dev is not installed";
  const json output = settings.microbench.empty() ? json() : OutputOf(settings);
  if (!output.is_object()) {
    if (!settings.microbench.empty()) missing.unavailable = "millrace_microbench failed";
    out->facts.push_back(missing);
    return;
  }
  std::vector<Fact> facts;
  for (const json& run : output.at("benchmarks")) {
    if (run.value("run_type", "") != "iteration" || run.value("error_occurred", false)) continue;
    const std::string name = run.at("run_name");
    auto fact = std::find_if(facts.begin(), facts.end(), [&](const Fact& f) { return f.what == name; });
    if (fact == facts.end()) {
      fact = facts.insert(facts.end(), {.id = "micro." + name, .what = name, .unit = "ns", .values = {}});
    }
    fact->values.push_back(run.at("cpu_time"));
  }
  for (const Fact& fact : facts) out->facts.push_back(fact);
}

}  // namespace millrace::bench
