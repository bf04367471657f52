// SPDX-License-Identifier: Apache-2.0
// The mistakes that the scenarios must notice.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_MUTANTS_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_MUTANTS_H_

#include <string>
#include <vector>

#include "tests/checker/scenarios/mutation.h"

namespace millrace::checker {

struct Mutant {
  std::string name;
  std::string about;
  Mutation mutation;
  std::string hint;         // the scenario to try first
  bool brief = false;       // part of the short form
  bool only_there = false;  // not tried in other scenarios: there it is another mutant
};

// Why a mutant may survive here: a reason. If the mutant is not about ordering, also the test that catches
// it.
struct Excuse {
  const char* mutant;
  const char* reason;
  const char* file = nullptr;  // below tests/
  const char* test = nullptr;  // as in TEST_F(Suite, Name): "Suite, Name"
};

// Returns one mutant for each order in the table of protocol/memory_order.md, weakened one step, and one
// for each fence left out. The mutants written down in mutants.cc follow. Returns an empty list if the table
// was not found, or if it names a label that the code does not have.
std::vector<Mutant> AllMutants(const std::string& protocol_path);
const Excuse* ExcuseFor(const std::string& mutant);
// Does the named test exist?
bool TestExists(const Excuse& excuse, const std::string& tests_directory);

// Explores with and without partial-order reduction. Returns the number of differences.
int CompareReduction(const std::vector<Mutant>& mutants);
// Prints one line for each mutant and a summary. Returns the number that survived.
int RunMutants(const std::vector<Mutant>& mutants, bool brief, unsigned workers);

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_MUTANTS_H_
