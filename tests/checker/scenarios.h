// The cases that are explored: which threads do what on which ring, and how far executions may stray.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_H_

#include <span>
#include <string>
#include <vector>

#include "tests/checker/machine.h"
#include "tests/checker/world.h"

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

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_H_
