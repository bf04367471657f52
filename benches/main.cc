// Measures millrace beside its rivals and the raw limits, and writes results, summary and a page.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "benches/harness/machine.h"
#include "benches/harness/probe.h"
#include "benches/harness/process.h"
#include "benches/harness/rival.h"
#include "benches/plan/experiments.h"
#include "benches/report/report.h"

namespace millrace::bench {
namespace {

constexpr int kQuickRounds = 4, kFullRounds = 15;
constexpr double kQuickSlice = 0.1, kFullSlice = 0.2;

// Starts the daemons that rivals need; those whose daemon does not start are left out, loudly.
class Daemons {
 public:
  explicit Daemons(std::vector<std::string>* left_out) {
    std::erase_if(Rivals(), [&](const Rival& rival) {
      if (!rival.start) return false;
      try {
        rival.start();
        stops_.push_back(rival.stop);
        return false;
      } catch (const std::exception& e) {
        std::fprintf(stderr, "LEFT OUT: %s: %s\n", rival.name.c_str(), e.what());
        left_out->push_back(rival.name);
        return true;
      }
    });
  }
  ~Daemons() {
    for (const auto& stop : stops_) stop();
  }

 private:
  std::vector<std::function<void()>> stops_;
};

void Measure(const Settings& settings, int rounds, double slice_seconds, Observations* out) {
  SliceRunner runner(slice_seconds);
  using Step = void (*)(const Settings&, int, SliceRunner&, Observations*);
  const std::pair<const char*, Step> steps[] = {{"throughput", MeasureThroughput},
                                                {"latency", MeasureLatency},
                                                {"fanout", MeasureFanOut},
                                                {"overrun", MeasureOverrun},
                                                {"idle", MeasureIdle}};
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, step] : steps) {
      if (!settings.Wants(name)) continue;
      std::printf("round %d of %d: %s\n", round + 1, rounds, name);
      std::fflush(stdout);
      step(settings, round, runner, out);
    }
  }
  const std::pair<const char*, void (*)(const Settings&, Observations*)> singles[] = {
      {"recovery", MeasureRecovery}, {"single", MeasureSingleProcess}, {"instructions", CountInstructions}};
  for (const auto& [name, step] : singles) {
    if (!settings.Wants(name)) continue;
    std::printf("%s\n", name);
    std::fflush(stdout);
    step(settings, out);
  }
}

int Run(int argc, char** argv) {
  Settings settings;
  std::string out = "bench";
  std::string page_of;
  bool list = false;
  CLI::App app{"Measures millrace beside its rivals and the raw limits of this machine.", "millrace_bench"};
  app.add_flag("--quick", settings.quick, "under 5 minutes: fewer rounds, shorter slices");
  app.add_option("--out", out, "folder for results.json, summary.json, index.html, throughput.svg")
      ->capture_default_str();
  app.add_option("--only", settings.only,
                 "experiments, comma-separated: throughput, latency, fanout, overrun, idle, "
                 "recovery, single, instructions")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kExperiments), std::end(kExperiments))));
  app.add_option("--subjects", settings.subjects, "rivals and limits by name, comma-separated (--list)")
      ->delimiter(',');
  app.add_option("--rounds", settings.rounds, "instead of 4 (quick) or 15")->check(CLI::Range(1, 1000));
  app.add_option("--slice", settings.slice_seconds, "seconds, instead of 0.1 (quick) or 0.2")
      ->check(CLI::Range(0.01, 10.0));
  app.add_option("--capacity", settings.capacity_bytes, "bytes of payload in each queue, a power of two")
      ->capture_default_str();
  app.add_option("--instructions", settings.instructions,
                 "script that counts instructions (default: benches/instructions.sh)");
  app.add_flag("--list", list, "list rivals and limits");
  app.add_flag("--smoke", settings.smoke, "only see that every rival moves messages");
  app.add_option("--page-of", page_of, "draw the page of an existing results.json again; measures nothing");
  CLI11_PARSE(app, argc, argv);

  std::sort(Rivals().begin(), Rivals().end(),
            [](const Rival& a, const Rival& b) { return a.order < b.order; });
  if (list) {
    for (const Rival& rival : Rivals()) std::printf("%-20s %s\n", rival.name.c_str(), rival.what.c_str());
    return 0;
  }
  if (!page_of.empty()) {
    WriteReports(ReadResults(page_of), out);
    return 0;
  }
  for (const std::string& subject : settings.subjects) {
    if (FindRival(subject) == nullptr) {
      std::fprintf(stderr, "millrace_bench: there is no \"%s\"; see --list\n", subject.c_str());
      return 2;
    }
  }
  const bool smoke = settings.smoke;
  InstallInterruptHandlers();
  CalibrateTicks();
  if (settings.instructions.empty()) settings.instructions = MILLRACE_SOURCE_DIR "/benches/instructions.sh";
  const int rounds = smoke                  ? 1
                     : settings.rounds != 0 ? settings.rounds
                     : settings.quick       ? kQuickRounds
                                            : kFullRounds;
  const double slice = smoke                         ? 0.05
                       : settings.slice_seconds != 0 ? settings.slice_seconds
                       : settings.quick              ? kQuickSlice
                                                     : kFullSlice;
  if (smoke) {
    settings.quick = true;
    settings.only = {"throughput"};
  }

  nlohmann::json about = DescribeMachine();
  about["mode"] = smoke ? "smoke" : settings.quick ? "quick" : "full";
  about["rounds"] = rounds;
  about["slice_seconds"] = slice;
  about["capacity_bytes"] = settings.capacity_bytes;
  about["load_average_before"] = LoadAverage();
  about["clock_skew_ns"] = ClockSkewNs();
  std::vector<std::string> left_out;
  if (std::string_view(MILLRACE_MISSING_RIVALS).size() > 1) left_out.push_back(MILLRACE_MISSING_RIVALS);
  if (!TicksAreInvariant())
    std::fprintf(stderr, "WARNING: no invariant time-stamp counter; latencies mean nothing\n");
  const auto started = std::chrono::steady_clock::now();
  Observations observations;
  {
    const Daemons daemons(&left_out);
    Measure(settings, rounds, slice, &observations);
  }
  about["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  about["load_average_after"] = LoadAverage();
  about["left_out"] = left_out;

  const nlohmann::json results = ResultsOf(observations, about);
  WriteReports(results, out);
  if (smoke)
    WriteReports(ReadResults(std::filesystem::path(out) / "results.json"), out);  // it can be read again
  std::printf("%s\n", InWords(results).c_str());
  std::printf("page: %s\n", (std::filesystem::absolute(out) / "index.html").c_str());
  return results.at("failures").empty() ? 0 : 1;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  int code = 1;
  try {
    code = millrace::bench::Run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "millrace_bench: %s\n", e.what());
  }
  millrace::bench::RemoveLeftovers();
  return code;
}
