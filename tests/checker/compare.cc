// SPDX-License-Identifier: Apache-2.0
// Is the reduction sound? Small scenarios are explored with it and without. Every way in which an execution
// can end must be found both times. Each mutant must be caught with the same number of deviations or fewer.
#include <cstdio>
#include <vector>

#include "tests/checker/engine/explore.h"
#include "tests/checker/scenarios/mutants.h"
#include "tests/checker/scenarios/scenarios.h"

namespace millrace::checker {
namespace {

struct Compared {
  const char* scenario;
  uint32_t deviations;
  bool mutants;
};
constexpr Compared kCases[] = {{"wake", 1, true},
                               {"wake-fenced", 1, true},
                               {"close", 2, true},
                               {"hostile", 2, true},
                               {"orphan", 1, true},
                               {"leave", 1, true},
                               {"room", 1, false},
                               {"lapped", 1, false},
                               {"rejoin", 0, false},
                               {"group-last", 1, true},
                               {"group-create-far", 1, true},
                               {"group-adopt", 1, true},
                               {"group-owned", 1, false},
                               {"group-adopter-hangs", 0, false}};

Report Explore(const Scenario& scenario, uint32_t deviations, bool reduces) {
  Bounds bounds = scenario.exhaustive;
  bounds.deviations = deviations;
  machine->reduces = reduces;
  Report report = ExploreAll(CaseOf(scenario), bounds, {});
  machine->reduces = true;
  return report;
}

}  // namespace

int CompareReduction(const std::vector<Mutant>& mutants) {
  int wrong = 0;
  for (const Compared& c : kCases) {
    const Scenario& scenario = *FindScenario(c.scenario);
    const Report with = Explore(scenario, c.deviations, true),
                 without = Explore(scenario, c.deviations, false);
    const bool same = with.ends == without.ends && !with.ends.empty();
    wrong += !same;
    int caught = 0, different = 0;
    for (const Mutant& mutant : mutants) {
      if (!c.mutants || mutant.mutation.kind == Mutation::kElsewhere) continue;
      mutation = &mutant.mutation;
      const Report a = Explore(scenario, c.deviations, true), b = Explore(scenario, c.deviations, false);
      mutation = nullptr;
      caught += b.violated;
      const bool agree = a.violated == b.violated && a.level <= b.level;
      if (!agree)
        std::printf("  %s: with it %s, without it %s\n", mutant.name.c_str(), a.what.c_str(), b.what.c_str());
      different += !agree;
    }
    wrong += different;
    std::printf("%-12s %s: %zu ends in %llu states, %zu in %llu without", c.scenario,
                same ? "same" : "DIFFERENT", with.ends.size(), static_cast<unsigned long long>(with.states),
                without.ends.size(), static_cast<unsigned long long>(without.states));
    if (c.mutants) std::printf("; %d mutants caught without, %d differ", caught, different);
    std::printf("\n");
    std::fflush(stdout);
  }
  return wrong;
}

}  // namespace millrace::checker
