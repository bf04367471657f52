// SPDX-License-Identifier: Apache-2.0
// checker: runs the real ring and parking code under a memory model and a scheduler of its own. See
// README.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/checker/engine/explore.h"
#include "tests/checker/engine/workers.h"
#include "tests/checker/scenarios/mutants.h"
#include "tests/checker/scenarios/mutation.h"
#include "tests/checker/scenarios/scenarios.h"

namespace millrace::checker {
namespace {

struct Options {
  std::string scenario, replay, mutant;
  uint64_t seed = 0, seeds = 0;
  double seconds = 1e9;
  unsigned workers = Cpus();
  int deviations = -1;  // -1: the scenario's own bound
  bool list = false, mutants = false, brief = false, planted = false, exhaustive = false, weak = false,
       compare = false;
};

constexpr char kUsage[] =
    "usage: checker [--scenario NAME] [--mutant NAME] WHAT\n"
    "  --exhaustive       every execution within the bounds of the scenario\n"
    "  --seeds N          N executions by seed, from --seed (default 1) on\n"
    "  --seed N           one execution, step by step\n"
    "  --replay RECORDING one execution, step by step\n"
    "  --mutants [--short] [--jobs N] every mutant against every scenario, on N CPUs (default: all)\n"
    "  --planted          a bug is planted: every way of exploring must see it\n"
    "  --compare          small scenarios with and without partial-order reduction\n"
    "  --list             scenarios and mutants\n"
    "  --seconds S        stop after that long, at each scenario\n"
    "  --deviations N     another bound than the scenario's own\n"
    "  --weak             stale loads are no deviations: all of them\n"
    "  --all-steps        without partial-order reduction: for comparison\n";

int Usage() {
  std::fputs(kUsage, stderr);
  return 2;
}

void Explain(const Scenario& scenario, const Report& report) {
  std::printf("  %s\n  replay: checker --scenario %s %s\n", report.what.c_str(), scenario.name,
              report.replay.c_str());
}

int RunScenario(const Scenario& scenario, const Options& options) {
  std::vector<std::string> trace;
  if (!options.replay.empty() || (options.seed != 0 && options.seeds == 0)) {
    const Report report = options.replay.empty() ? ReplaySeed(CaseOf(scenario), options.seed, &trace)
                                                 : Replay(CaseOf(scenario), options.replay, &trace);
    for (const std::string& line : trace) std::puts(line.c_str());
    std::printf("%s\n", report.violated ? report.what.c_str() : "fine");
    return report.violated ? 1 : 0;
  }
  const Limits limits = {~0ull, options.seconds};
  const double begin = CpuSeconds();
  Bounds bounds = scenario.exhaustive;
  if (options.weak) bounds.stale = Stale::kFree;
  if (options.deviations >= 0) bounds.deviations = static_cast<uint32_t>(options.deviations);
  const Report report =
      options.exhaustive
          ? ExploreAll(CaseOf(scenario), bounds, limits)
          : ExploreSeeds(CaseOf(scenario), options.seed != 0 ? options.seed : 1, options.seeds, limits);
  std::printf("%-17s %s %9llu executions", scenario.name, report.violated ? "VIOLATED" : "fine    ",
              static_cast<unsigned long long>(report.executions));
  if (options.exhaustive) {
    std::printf(" %9llu states, %s %d %s", static_cast<unsigned long long>(report.states),
                report.complete ? "complete to" : "TIME IS UP, complete to", std::max(report.level, 0),
                bounds.stale == Stale::kFree ? "preemptions and every stale read" : "deviations");
    if (report.level < 0) std::printf(" (not even that)");
    if (bounds.deaths != 0) std::printf(", a death anywhere");
    if (bounds.stops != 0) std::printf(", a stop anywhere");
  }
  std::printf(" %11llu steps %6.2f s\n", static_cast<unsigned long long>(report.steps), CpuSeconds() - begin);
  if (report.violated) Explain(scenario, report);
  std::fflush(stdout);
  return report.violated ? 1 : 0;
}

// The planted bug is a reader that does not load R again after its copy. It must be found by exhaustion, by
// seed and in a replay. The unchanged code must pass.
int Planted(const Mutant& bug) {
  const Scenario& scenario = *FindScenario("lapped");
  const Limits limits = {20'000, 30};
  mutation = &bug.mutation;
  const Report all = ExploreAll(CaseOf(scenario), scenario.exhaustive, limits);
  const Report seeds = ExploreSeeds(CaseOf(scenario), 1, 20'000, limits);
  const std::string recording = all.violated ? all.replay.substr(all.replay.find(' ') + 1) : "";
  std::vector<std::string> trace;
  const Report again = Replay(CaseOf(scenario), recording, &trace);
  const Report seed_again = ReplaySeed(CaseOf(scenario), seeds.seed, &trace);
  mutation = nullptr;
  const Report healthy = Replay(CaseOf(scenario), recording, &trace);
  const bool seen = all.violated && seeds.violated && again.what == all.what && seed_again.what == seeds.what;
  std::printf("planted \"%s\": exhaustive %s, seeds %s, replays %s; without it %s\n", bug.name.c_str(),
              all.violated ? "red" : "GREEN", seeds.violated ? "red" : "GREEN", seen ? "agree" : "DIFFER",
              healthy.violated ? "RED" : "fine");
  return seen && !healthy.violated ? 0 : 1;
}

int List() {
  for (const Scenario& s : Scenarios()) std::printf("%-17s %s\n", s.name, s.about);
  return 0;
}

int Main(int argc, char** argv) {
  Options o;
  bool machine_reduces = true;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&]() -> const char* { return i + 1 < argc ? argv[++i] : ""; };
    if (arg == "--scenario")
      o.scenario = value();
    else if (arg == "--replay")
      o.replay = value();
    else if (arg == "--mutant")
      o.mutant = value();
    else if (arg == "--seed")
      o.seed = std::strtoull(value(), nullptr, 10);
    else if (arg == "--seeds")
      o.seeds = std::strtoull(value(), nullptr, 10);
    else if (arg == "--seconds")
      o.seconds = std::atof(value());
    else if (arg == "--jobs")
      o.workers = static_cast<unsigned>(std::atoi(value()));
    else if (arg == "--deviations")
      o.deviations = std::atoi(value());
    else if (arg == "--weak")
      o.weak = true;
    else if (arg == "--all-steps")
      machine_reduces = false;
    else if (arg == "--list")
      o.list = true;
    else if (arg == "--mutants")
      o.mutants = true;
    else if (arg == "--short")
      o.brief = true;
    else if (arg == "--planted")
      o.planted = true;
    else if (arg == "--compare")
      o.compare = true;
    else if (arg == "--exhaustive")
      o.exhaustive = true;
    else
      return Usage();
  }
  world = new World();
  machine = new Machine(
      reinterpret_cast<const std::byte*>(&world->bytes()), sizeof(World::Bytes),
      [](const void* address) { return world->NameOf(address); },
      [](const void* address, uint64_t v, Site site) { world->Stored(address, v, site); },
      [] { return world->Hash() ^ HashMutationState(); }, [] { return world->Unannounced(); });
  machine->reduces = machine_reduces;
  if (o.list) return List();
  const std::vector<Mutant> mutants = AllMutants(CHECKER_PROTOCOL);
  if (mutants.empty()) {
    std::fputs("checker: no usable table in " CHECKER_PROTOCOL "\n", stderr);
    return 2;
  }
  std::vector<Mutant> chosen;
  for (const Mutant& m : mutants) {
    if (o.mutant.empty() || o.mutant == m.name) chosen.push_back(m);
  }
  if (chosen.empty()) return Usage();
  for (const Mutant& m : mutants) {
    if (o.planted && m.name == "recheck C5") return Planted(m);
  }
  if (o.compare) return CompareReduction(chosen) != 0 ? 1 : 0;
  if (o.mutants) return RunMutants(chosen, o.brief, o.workers) != 0 ? 1 : 0;
  if (!o.mutant.empty()) mutation = &chosen[0].mutation;
  if (!o.scenario.empty() && FindScenario(o.scenario) == nullptr) return Usage();
  if (!o.exhaustive && o.seeds == 0 && o.seed == 0 && o.replay.empty()) return Usage();
  int failures = 0;
  for (const Scenario& s : Scenarios()) {
    if (o.scenario.empty() || o.scenario == s.name) failures += RunScenario(s, o);
  }
  return failures != 0 ? 1 : 0;
}

}  // namespace
}  // namespace millrace::checker

int main(int argc, char** argv) { return millrace::checker::Main(argc, argv); }
