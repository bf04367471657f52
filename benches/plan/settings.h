// What a run of the bench is asked to do.
#ifndef MILLRACE_BENCHES_PLAN_SETTINGS_H_
#define MILLRACE_BENCHES_PLAN_SETTINGS_H_

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::bench {

struct Settings {
  bool quick = false;
  bool smoke = false;        // only see that messages come through
  int rounds = 0;            // 0: as quick says
  double slice_seconds = 0;  // 0: as quick says
  size_t capacity_bytes = 1 << 20;
  std::vector<std::string> only = {};      // experiments; empty: all
  std::vector<std::string> subjects = {};  // empty: all
  std::vector<size_t> sizes = {};          // bytes of payload; empty: all
  std::string instructions = {};           // the script that counts instructions
  std::string microbench = {};             // the program of Google Benchmark; empty: not built

  bool Wants(const std::string& experiment) const;
  bool WantsSubject(const std::string& subject) const;
  bool WantsSize(size_t bytes) const;
};

// What --only takes; some stand for several experiments of the plan.
const std::vector<std::string>& Experiments();

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_SETTINGS_H_
