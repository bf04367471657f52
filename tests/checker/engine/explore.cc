// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/engine/explore.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

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

void Prepare(const Case& subject) {
  subject.build();
  machine->Reload();
}

Outcome RunOnce(const Case& subject, const Bounds& bounds, Choices& choices,
                std::vector<std::string>* trace = nullptr) {
  const std::vector<Machine::Role> roles = subject.start_over();
  return machine->Run(roles, bounds, subject.sleeps, choices, trace);
}

}  // namespace

double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;  // of this process: other load changes nothing
}

Report ExploreAll(const Case& subject, const Bounds& bounds, const Limits& limits) {
  Prepare(subject);
  Report report;
  const double end = CpuSeconds() + limits.seconds;
  // Learns what threads touch, as far as some executions show it. Violations here are found again by
  // exploring.
  EveryChoice calm(0);
  RunOnce(subject, bounds, calm);
  for (uint64_t seed = 1; seed <= kLearning; ++seed) {
    LearningChoices choices(seed);
    RunOnce(subject, subject.wild, choices);
  }
  machine->TakeSurprise();
  for (;; ++report.restarts) {
    EveryChoice choices(bounds.deviations);
    bool surprised = false;
    report.level = -1;
    do {
      if (report.executions >= limits.executions || CpuSeconds() > end) return report;
      Count(RunOnce(subject, bounds, choices), &report);
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

Report ExploreSeeds(const Case& subject, uint64_t first_seed, uint64_t seeds, const Limits& limits) {
  Prepare(subject);
  Report report;
  const double end = CpuSeconds() + limits.seconds;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    if (report.executions >= limits.executions || CpuSeconds() > end) return report;
    SeededChoices choices(seed);
    Count(RunOnce(subject, subject.wild, choices), &report);
    if (report.violated) {
      report.seed = seed;
      report.replay = "--seed " + std::to_string(seed);
      return report;
    }
  }
  report.complete = true;
  return report;
}

Report Replay(const Case& subject, const std::string& recording, std::vector<std::string>* trace) {
  Prepare(subject);
  Report report;
  RecordedChoices choices(recording);
  Bounds bounds = subject.exhaustive;
  bounds.deviations = kAny;
  Count(RunOnce(subject, bounds, choices, trace), &report);
  return report;
}

Report ReplaySeed(const Case& subject, uint64_t seed, std::vector<std::string>* trace) {
  Prepare(subject);
  Report report;
  SeededChoices choices(seed);
  Count(RunOnce(subject, subject.wild, choices, trace), &report);
  return report;
}

}  // namespace millrace::checker
