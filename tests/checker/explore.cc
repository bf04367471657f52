#include "tests/checker/explore.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "tests/checker/mutation.h"

namespace millrace::checker {
namespace {

void Count(const Outcome& outcome, Report* report) {
  ++report->executions;
  report->steps += outcome.steps;
  if (outcome.kind == Outcome::kFine) report->ends.insert(outcome.end);
  if (outcome.kind != Outcome::kViolation) return;
  report->violated = true;
  report->what = outcome.what;
}

// Executions by seed that learn what threads touch.
constexpr uint64_t kLearning = 300;
class LearningChoices : public SeededChoices {
 public:
  using SeededChoices::SeededChoices;
  bool Exhaustive() const override { return true; }
};

void Prepare(const Scenario& scenario) {
  world->Build(scenario.shape);
  machine->Reload();
}

Outcome RunOnce(const Scenario& scenario, const Bounds& bounds, Choices& choices,
                std::vector<std::string>* trace = nullptr) {
  world->Reset();
  ForgetMutationState();
  std::vector<Machine::Role> roles = scenario.roles;
  if (Slipped(Slip::kNotRegistered)) {
    for (Machine::Role& role : roles) role.registered = false;
  }
  return machine->Run(roles, bounds, scenario.sleeps, choices, trace);
}

}  // namespace

double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;  // of this process: other load changes nothing
}

Report ExploreAll(const Scenario& scenario, const Bounds& bounds, const Limits& limits) {
  Prepare(scenario);
  Report report;
  const double end = CpuSeconds() + limits.seconds;
  // Learns what threads touch, as far as some executions show it. Violations here are found again by
  // exploring.
  EveryChoice calm(0);
  RunOnce(scenario, bounds, calm);
  for (uint64_t seed = 1; seed <= kLearning; ++seed) {
    LearningChoices choices(seed);
    RunOnce(scenario, scenario.wild, choices);
  }
  machine->TakeSurprise();
  for (;; ++report.restarts) {
    EveryChoice choices(bounds.deviations);
    bool surprised = false;
    report.level = -1;
    do {
      if (report.executions >= limits.executions || CpuSeconds() > end) return report;
      Count(RunOnce(scenario, bounds, choices), &report);
      report.states = choices.states();
      report.level = static_cast<int>(choices.level()) - 1;
      if (report.violated) {
        report.replay = "--replay " + choices.Recording();
        return report;
      }
      surprised = machine->TakeSurprise();
    } while (!surprised && choices.Advance());
    if (surprised) continue;
    report.level = static_cast<int>(bounds.deviations);
    report.complete = true;
    return report;
  }
}

Report ExploreSeeds(const Scenario& scenario, uint64_t first_seed, uint64_t seeds, const Limits& limits) {
  Prepare(scenario);
  Report report;
  const double end = CpuSeconds() + limits.seconds;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    if (report.executions >= limits.executions || CpuSeconds() > end) return report;
    SeededChoices choices(seed);
    Count(RunOnce(scenario, scenario.wild, choices), &report);
    if (report.violated) {
      report.seed = seed;
      report.replay = "--seed " + std::to_string(seed);
      return report;
    }
  }
  report.complete = true;
  return report;
}

Report Replay(const Scenario& scenario, const std::string& recording, std::vector<std::string>* trace) {
  Prepare(scenario);
  Report report;
  RecordedChoices choices(recording);
  Bounds bounds = scenario.exhaustive;
  bounds.deviations = kAny;
  Count(RunOnce(scenario, bounds, choices, trace), &report);
  return report;
}

Report ReplaySeed(const Scenario& scenario, uint64_t seed, std::vector<std::string>* trace) {
  Prepare(scenario);
  Report report;
  SeededChoices choices(seed);
  Count(RunOnce(scenario, scenario.wild, choices, trace), &report);
  return report;
}

}  // namespace millrace::checker
