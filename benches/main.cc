// SPDX-License-Identifier: Apache-2.0
// Measures millrace, its rivals and the raw limits, and writes results, summary and a page.
#include <CLI/CLI.hpp>
#include <algorithm>
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
#include "benches/plan/rounds.h"
#include "benches/report/report.h"

namespace millrace::bench {
namespace {

constexpr int kQuickRounds = 4, kFullRounds = 15;
constexpr double kQuickSlice = 0.1, kFullSlice = 0.2, kSmokeSlice = 0.05;

struct Arguments {
  Settings settings;
  std::string out = "bench";
  std::string page_of;
  std::vector<std::filesystem::path> earlier;
  bool list = false;
};

void Declare(CLI::App* app, Arguments* a) {
  Settings& settings = a->settings;
  app->add_flag("--quick", settings.quick, "under 5 minutes: fewer rounds, shorter slices");
  app->add_option("--out", a->out, "folder for results.json, summary.json and index.html")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->capture_default_str();
  app->add_option("--only", settings.only, "some experiments, comma-separated")
      ->delimiter(',')
      ->check(CLI::IsMember(Experiments()));
  app->add_option("--subjects", settings.subjects, "rivals and limits by name, comma-separated (--list)")
      ->delimiter(',');
  app->add_option("--sizes", settings.sizes, "some message sizes, bytes, comma-separated")->delimiter(',');
  app->add_option("--rounds", settings.rounds, "instead of 4 (quick) or 15")->check(CLI::Range(1, 1000));
  app->add_option("--slice", settings.slice_seconds, "seconds, instead of 0.1 (quick) or 0.2")
      ->check(CLI::Range(0.01, 10.0));
  app->add_option("--capacity", settings.capacity_bytes, "bytes in each queue, a power of two")
      ->capture_default_str();
  app->add_flag("--list", a->list, "list rivals and limits");
  app->add_flag("--smoke", settings.smoke, "only see that every rival moves messages (into OUT/smoke)");
  app->add_option("--earlier", a->earlier,
                  "results.json of earlier runs, comma-separated: their targets are shown beside this run's")
      ->delimiter(',')
      ->check(CLI::ExistingFile);
  app->add_option("--page-of", a->page_of,
                  "draw the page of an existing results.json again; measures nothing");
}

// Fills in the settings that the arguments leave open.
void Complete(Arguments* a) {
  Settings& settings = a->settings;
  settings.instructions = MILLRACE_SOURCE_DIR "/benches/instructions.sh";
  settings.microbench = MILLRACE_MICROBENCH;
  if (settings.smoke) {
    settings.quick = true;
    settings.only = {"throughput"};
    settings.rounds = 1;
    settings.slice_seconds = kSmokeSlice;
    a->out = std::filesystem::path(a->out) / "smoke";
  }
  if (settings.rounds == 0) settings.rounds = settings.quick ? kQuickRounds : kFullRounds;
  if (settings.slice_seconds == 0) settings.slice_seconds = settings.quick ? kQuickSlice : kFullSlice;
}

// Starts the daemons that rivals need, and stops them in the end. Removes rivals whose daemon does not start,
// and prints a message.
class Daemons {
 public:
  Daemons(const Settings& settings, std::vector<std::string>* left_out) {
    std::erase_if(Rivals(), [&](const Rival& rival) {
      if (!rival.start || !settings.WantsSubject(rival.name)) return false;
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

void MeasureIfWanted(const char* name, void (*measure)(const Settings&, Observations*),
                     const Settings& settings, Observations* out) {
  if (!settings.Wants(name)) return;
  std::printf("%s\n", name);
  std::fflush(stdout);
  measure(settings, out);
}

nlohmann::json Measure(const Settings& settings) {
  nlohmann::json about = DescribeMachine();
  about["mode"] = settings.smoke ? "smoke" : settings.quick ? "quick" : "full";
  about["rounds"] = settings.rounds;
  about["slice_seconds"] = settings.slice_seconds;
  about["capacity_bytes"] = settings.capacity_bytes;
  about["load_average_before"] = LoadAverage();
  about["clock_skew_ns"] = ClockSkewNs();
  std::vector<std::string> left_out;
  if (std::string_view(MILLRACE_MISSING_RIVALS).size() > 1) left_out.push_back(MILLRACE_MISSING_RIVALS);
  if (!TicksAreInvariant())
    std::fprintf(stderr, "WARNING: no invariant time-stamp counter; latencies mean nothing\n");

  const auto started = std::chrono::steady_clock::now();
  Observations observations;
  // Recovery runs first, while this process, and so its children, are still small.
  MeasureIfWanted("recovery", MeasureRecovery, settings, &observations);
  {
    const Daemons daemons(settings, &left_out);
    RunRounds(PlanOf(settings), settings.rounds, settings.slice_seconds, &observations);
  }
  MeasureIfWanted("single", MeasureSingleProcess, settings, &observations);
  MeasureIfWanted("micro", RunMicrobench, settings, &observations);
  MeasureIfWanted("instructions", CountInstructions, settings, &observations);
  about["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  about["load_average_after"] = LoadAverage();
  about["left_out"] = left_out;
  return ResultsOf(observations, Rivals(), about);
}

int Run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Measures millrace beside its rivals and the raw limits of this machine.", "millrace_bench"};
  Declare(&app, &arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  std::sort(Rivals().begin(), Rivals().end(),
            [](const Rival& a, const Rival& b) { return a.order < b.order; });
  if (arguments.list) {
    for (const Rival& rival : Rivals()) std::printf("%-20s %s\n", rival.name.c_str(), rival.what.c_str());
    return 0;
  }
  // Read earlier results now, so that an unreadable file is reported before the run and not after half an
  // hour.
  const nlohmann::json earlier = EarlierRuns(arguments.earlier);
  if (!arguments.page_of.empty()) {
    nlohmann::json results = ReadResults(arguments.page_of);
    if (!earlier.empty()) results["earlier"] = earlier;
    WriteReports(results, arguments.out);
    return 0;
  }
  for (const std::string& subject : arguments.settings.subjects) {
    if (FindRival(subject) == nullptr) {
      std::fprintf(stderr, "millrace_bench: there is no \"%s\"; see --list\n", subject.c_str());
      return 2;
    }
  }
  Complete(&arguments);
  InstallInterruptHandlers();
  CalibrateTicks();
  nlohmann::json results = Measure(arguments.settings);
  if (!earlier.empty()) results["earlier"] = earlier;
  WriteReports(results, arguments.out);
  std::printf("\n%s\npage: %s\n", InWords(results).c_str(),
              (std::filesystem::absolute(arguments.out) / "index.html").c_str());
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
