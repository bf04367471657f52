#include <cstdio>

#include "tests/checker/explore.h"
#include "tests/checker/mutants.h"

namespace millrace::checker {
namespace {

struct Verdict {
  bool caught = false;
  const Scenario* by = nullptr;
  Report report;
  uint64_t executions = 0;
};

// The likely scenario thoroughly, then all the others; seeds and exhaustion in turn, because some mistakes
// are near the calm execution and others far from every one of them.
Verdict Hunt(const Mutant& mutant, uint64_t effort, double seconds) {
  mutation = &mutant.mutation;
  Verdict verdict;
  std::vector<const Scenario*> order;
  for (const Scenario& s : Scenarios()) {
    if (mutant.hint == s.name)
      order.insert(order.begin(), &s);
    else
      order.push_back(&s);
  }
  const double end = CpuSeconds() + seconds;
  const auto caught = [&](const Scenario* s, const Report& report) {
    verdict.executions += report.executions;
    if (!report.violated) return false;
    verdict.caught = true;
    verdict.by = s;
    verdict.report = report;
    return true;
  };
  const auto left = [end] { return end - CpuSeconds(); };
  const auto hunt = [&](const Scenario* s, uint64_t executions, uint64_t first_seed) {
    return caught(s, ExploreSeeds(*s, first_seed, executions, {~0ull, left()})) ||
           caught(s, ExploreAll(*s, s->exhaustive, {executions * 4, left()}));
  };
  if (!hunt(order[0], effort / 16, 1) && !hunt(order[0], effort, effort / 16 + 1)) {
    for (size_t i = 1; i < order.size() && left() > 0 && !hunt(order[i], effort / 8, 1); ++i) {
    }
  }
  mutation = nullptr;
  return verdict;
}

void Print(const char* verdict, const Mutant& mutant, const std::string& detail) {
  std::printf("%-8s %-26s %s; %s\n", verdict, mutant.name.c_str(), mutant.about.c_str(), detail.c_str());
  std::fflush(stdout);
}

std::string Describe(const Verdict& v) {
  return std::string("by ") + v.by->name +
         (v.report.seed != 0 ? " (seed " + std::to_string(v.report.seed) + ")" : " (exhaustive)") +
         " after " + std::to_string(v.executions) + " executions: " + v.report.what;
}

}  // namespace

int RunMutants(const std::vector<Mutant>& mutants, bool brief, double seconds_each) {
  int caught = 0, excused = 0, survived = 0;
  const uint64_t effort = brief ? 4000 : 16'000;
  for (const Mutant& mutant : mutants) {
    if (brief && !mutant.brief) continue;
    const Excuse* const excuse = ExcuseFor(mutant.name);
    if (excuse != nullptr && !TestExists(*excuse, CHECKER_TESTS_DIRECTORY)) {
      Print("SURVIVED", mutant,
            std::string("the test that should catch it is gone: ") + excuse->file + " " +
                (excuse->test != nullptr ? excuse->test : ""));
      ++survived;
      continue;
    }
    if (mutant.mutation.kind == Mutation::kElsewhere) {
      if (excuse == nullptr)
        Print("SURVIVED", mutant, "nothing is said about it");
      else
        Print("excused", mutant,
              excuse->reason +
                  (excuse->test != nullptr ? std::string(": ") + excuse->file + " " + excuse->test : ""));
      ++(excuse == nullptr ? survived : excused);
      continue;
    }
    // An excuse is not believed outright, but less is spent on it.
    const uint64_t share = excuse != nullptr ? 4 : 1;
    const Verdict verdict = Hunt(mutant, effort / share, seconds_each / static_cast<double>(share));
    if (verdict.caught) {
      Print("caught", mutant, Describe(verdict));
      ++caught;
    } else if (excuse != nullptr) {
      Print("excused", mutant,
            std::string(excuse->reason) + " (not seen in " + std::to_string(verdict.executions) +
                " executions)");
      ++excused;
    } else {
      Print("SURVIVED", mutant, "not seen in " + std::to_string(verdict.executions) + " executions");
      ++survived;
    }
  }
  std::printf("%d mutants: %d caught, %d excused, %d survived\n", caught + excused + survived, caught,
              excused, survived);
  if (caught == 0) std::printf("no mutant was caught: the checker sees nothing\n");
  return caught == 0 ? 1 : survived;
}

}  // namespace millrace::checker
