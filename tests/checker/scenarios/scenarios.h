// SPDX-License-Identifier: Apache-2.0
// The cases that are explored: which threads do what on which ring, and how far executions may stray.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_SCENARIOS_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_SCENARIOS_H_

#include <span>
#include <string>
#include <vector>

#include "tests/checker/engine/explore.h"
#include "tests/checker/engine/machine.h"
#include "tests/checker/scenarios/world.h"

namespace millrace::checker {

struct Scenario {
  const char* name;
  const char* about;
  Shape shape;
  std::vector<Machine::Role> roles;
  Bounds exhaustive;  // explored completely
  Bounds wild;        // sampled by seed
  Sleeps sleeps = Sleeps::kUntilWoken;
};

const std::vector<Scenario>& Scenarios();
const Scenario* FindScenario(const std::string& name);
Case CaseOf(const Scenario& scenario);

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_SCENARIOS_H_
