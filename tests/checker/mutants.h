// The mistakes that the scenarios must notice.
#ifndef MILLRACE_TESTS_CHECKER_MUTANTS_H_
#define MILLRACE_TESTS_CHECKER_MUTANTS_H_

#include <string>
#include <vector>

#include "tests/checker/mutation.h"

namespace millrace::checker {

struct Mutant {
  std::string name;
  std::string about;
  Mutation mutation;
  std::string hint;         // the scenario to try first
  bool brief = false;       // part of the short form
  bool only_there = false;  // the same elsewhere is another mutant
};

// Why a mutant may survive here: a reason, and the test elsewhere that catches it, if it is none of ordering.
struct Excuse {
  const char* mutant;
  const char* reason;
  const char* file = nullptr;  // below tests/
  const char* test = nullptr;  // as in TEST_F(Suite, Name): "Suite, Name"
};

// One for each order in the table "Memory order" of PROTOCOL.md, weakened one step, and one for each fence
// left out; then those written down in mutants.cc. Empty: the table was not found, or names a label that the
// code does not have.
std::vector<Mutant> AllMutants(const std::string& protocol_path);
const Excuse* ExcuseFor(const std::string& mutant);
// Does the named test exist?
bool TestExists(const Excuse& excuse, const std::string& tests_directory);

// Prints a line a mutant and a summary; the number that survived.
// With and without partial-order reduction: the number of differences.
int CompareReduction(const std::vector<Mutant>& mutants);
int RunMutants(const std::vector<Mutant>& mutants, bool brief, unsigned workers);

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_MUTANTS_H_
