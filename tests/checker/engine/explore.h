// SPDX-License-Identifier: Apache-2.0
// Runs a case: every execution within bounds, a given number of seeds, or one recording.
#ifndef MILLRACE_TESTS_CHECKER_ENGINE_EXPLORE_H_
#define MILLRACE_TESTS_CHECKER_ENGINE_EXPLORE_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/checker/engine/machine.h"

namespace millrace::checker {

// What the threads of an execution do, and how far executions may stray.
struct Case {
  std::function<void()> build;                             // makes the shared memory, once
  std::function<std::vector<Machine::Role>()> start_over;  // resets it before each execution
  Bounds exhaustive;                                       // explored completely
  Bounds wild;                                             // sampled by seed
  Sleeps sleeps = Sleeps::kUntilWoken;
};

struct Report {
  uint64_t executions = 0;  // including those that ended in a known state
  uint64_t states = 0;      // distinct ones; 0 when exploring by seed
  uint64_t steps = 0;
  uint64_t restarts = 0;  // because an execution showed a conflict that was not foreseen
  bool complete = false;  // nothing was left out within the bounds
  int level = -1;         // all executions with at most this many deviations were explored
  bool violated = false;
  std::string what;
  std::string replay;       // options of `checker` that replay the violation
  std::set<uint64_t> ends;  // of the executions that were not cut short
  uint64_t seed = 0;        // 0: found by exhaustion
};

struct Limits {
  uint64_t executions = ~0ull;
  double seconds = 1e9;
};

// Explores at most 0 deviations, then 1, ... up to the bounds. Short counterexamples are found first.
Report ExploreAll(const Case& subject, const Bounds& bounds, const Limits& limits);
Report ExploreSeeds(const Case& subject, uint64_t first_seed, uint64_t seeds, const Limits& limits);
// Runs one execution, with a readable line for every step. A recording is "bounds/choices", as reported.
Report Replay(const Case& subject, const std::string& recording, std::vector<std::string>* trace);
Report ReplaySeed(const Case& subject, uint64_t seed, std::vector<std::string>* trace);

double CpuSeconds();

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_ENGINE_EXPLORE_H_
