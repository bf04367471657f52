#include "tests/checker/explore.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "tests/checker/mutation.h"

namespace millrace::checker {
namespace {

std::string Text(const Bounds& b) {
  std::string text;
  for (const uint32_t n : {b.preemptions, b.values, b.deaths, b.stops, b.timeouts, b.together}) {
    if (!text.empty()) text += '.';
    text += std::to_string(n);
  }
  return text;
}

Bounds Parse(const std::string& text) {
  Bounds b;
  const char* at = text.c_str();
  for (uint32_t* n : {&b.preemptions, &b.values, &b.deaths, &b.stops, &b.timeouts, &b.together}) {
    char* end = nullptr;
    *n = static_cast<uint32_t>(std::strtoul(at, &end, 10));
    at = *end == '.' ? end + 1 : end;
  }
  return b;
}

void Count(const Outcome& outcome, Report* report) {
  ++report->executions;
  report->steps += outcome.steps;
  if (outcome.kind != Outcome::kViolation) return;
  report->violated = true;
  report->what = outcome.what;
}

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
  for (uint32_t together = 0; together <= bounds.together; ++together) {
    Bounds now = bounds;
    now.together = together;
    EveryChoice choices;
    do {
      if (report.executions >= limits.executions || CpuSeconds() > end) return report;
      Count(RunOnce(scenario, now, choices), &report);
      if (report.violated) {
        report.replay = "--replay " + Text(now) + "/" + choices.Recording();
        return report;
      }
    } while (choices.Advance());
    report.states = choices.states();
    report.level = static_cast<int>(together);
  }
  report.complete = true;
  return report;
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
  const size_t slash = recording.find('/');
  Report report;
  RecordedChoices choices(slash == std::string::npos ? recording : recording.substr(slash + 1));
  Count(
      RunOnce(scenario, slash == std::string::npos ? scenario.exhaustive : Parse(recording), choices, trace),
      &report);
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
