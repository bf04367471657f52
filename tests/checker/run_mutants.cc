// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tests/checker/engine/explore.h"
#include "tests/checker/engine/workers.h"
#include "tests/checker/scenarios/mutants.h"
#include "tests/checker/scenarios/scenarios.h"

namespace millrace::checker {
namespace {

struct Verdict {
  bool caught = false;
  const Scenario* by = nullptr;
  Report report;
  uint64_t executions = 0;
};

// Tries the likely scenario thoroughly, then all the others. Alternates between seeds and exhaustion, because
// some mistakes are near the calm execution and others far from it. The effort is bounded by executions, not
// by time, so the verdict is the same on every machine.
Verdict Hunt(const Mutant& mutant, uint64_t effort) {
  mutation = &mutant.mutation;
  Verdict verdict;
  std::vector<const Scenario*> order;
  for (const Scenario& s : Scenarios()) {
    if (mutant.hint == s.name)
      order.insert(order.begin(), &s);
    else
      order.push_back(&s);
  }
  const auto caught = [&](const Scenario* s, const Report& report) {
    verdict.executions += report.executions;
    if (!report.violated) return false;
    verdict.caught = true;
    verdict.by = s;
    verdict.report = report;
    return true;
  };
  const auto hunt = [&](const Scenario* s, uint64_t executions, uint64_t first_seed) {
    return caught(s, ExploreSeeds(CaseOf(*s), first_seed, executions, {})) ||
           caught(s, ExploreAll(CaseOf(*s), s->exhaustive, {executions}));
  };
  if (!hunt(order[0], effort / 16, 1) && !hunt(order[0], effort, effort / 16 + 1)) {
    for (size_t i = 1; !mutant.only_there && i < order.size() && !hunt(order[i], effort / 8, 1); ++i) {
    }
  }
  mutation = nullptr;
  return verdict;
}

std::string Describe(const Verdict& v) {
  return std::string("by ") + v.by->name +
         (v.report.seed != 0 ? " (seed " + std::to_string(v.report.seed) + ")" : " (exhaustive)") +
         " after " + std::to_string(v.executions) + " executions: " + v.report.what;
}

std::string Line(const char* verdict, const Mutant& mutant, const std::string& detail) {
  char head[64];
  std::snprintf(head, sizeof head, "%-8s %-26s ", verdict, mutant.name.c_str());
  return head + mutant.about + "; " + detail;
}

std::string JudgeElsewhere(const Mutant& mutant, const Excuse* excuse) {
  if (excuse == nullptr) return Line("SURVIVED", mutant, "nothing is said about it");
  std::string detail = excuse->reason;
  if (excuse->test != nullptr) detail += std::string(": ") + excuse->file + " " + excuse->test;
  return Line("excused", mutant, detail);
}

std::string Judge(const Mutant& mutant, bool brief) {
  const Excuse* const excuse = ExcuseFor(mutant.name);
  if (excuse != nullptr && !TestExists(*excuse, CHECKER_TESTS_DIRECTORY)) {
    return Line("SURVIVED", mutant,
                std::string("the test that should catch it is gone: ") + excuse->file + " " +
                    (excuse->test != nullptr ? excuse->test : ""));
  }
  if (mutant.mutation.kind == Mutation::kElsewhere) return JudgeElsewhere(mutant, excuse);
  // An excuse is not believed outright, but less effort is spent on it.
  const uint64_t effort = (brief ? 4'000 : 32'000) / (excuse != nullptr ? 4 : 1);
  const Verdict verdict = Hunt(mutant, effort);
  if (verdict.caught) return Line("caught", mutant, Describe(verdict));
  const std::string unseen = "not seen in " + std::to_string(verdict.executions) + " executions";
  if (excuse == nullptr) return Line("SURVIVED", mutant, unseen);
  return Line("excused", mutant, std::string(excuse->reason) + " (" + unseen + ")");
}

}  // namespace

int RunMutants(const std::vector<Mutant>& mutants, bool brief, unsigned workers) {
  std::vector<Mutant> chosen;
  std::copy_if(mutants.begin(), mutants.end(), std::back_inserter(chosen),
               [brief](const Mutant& m) { return m.brief || !brief; });
  int caught = 0, excused = 0, survived = 0;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  Share(
      chosen.size(), workers, [&](size_t i) { return Judge(chosen[i], brief); },
      [&](size_t i, const std::string& line) {
        std::puts(line.empty() ? Line("SURVIVED", chosen[i], "the checker died of it").c_str()
                               : line.c_str());
        std::fflush(stdout);
        ++(line[0] == 'c' ? caught : line[0] == 'e' ? excused : survived);
        if (terminal)
          std::fprintf(stderr, "\r%zu of %zu mutants, %d survived \r", i + 1, chosen.size(), survived);
      });
  std::printf("%d mutants: %d caught, %d excused, %d survived\n", caught + excused + survived, caught,
              excused, survived);
  if (caught == 0) std::printf("no mutant was caught: the checker sees nothing\n");
  return caught == 0 ? 1 : survived;
}

}  // namespace millrace::checker
