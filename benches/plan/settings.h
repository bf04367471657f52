// SPDX-License-Identifier: Apache-2.0
// The settings of one run of the bench.
#ifndef MILLRACE_BENCHES_PLAN_SETTINGS_H_
#define MILLRACE_BENCHES_PLAN_SETTINGS_H_

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::bench {

struct Settings {
  bool quick = false;
  bool smoke = false;        // only check that messages arrive
  int rounds = 0;            // 0: depends on `quick`
  double slice_seconds = 0;  // 0: depends on `quick`
  size_t capacity_bytes = 1 << 20;
  std::vector<std::string> only = {};      // names of experiments; empty: all
  std::vector<std::string> subjects = {};  // names of rivals and limits; empty: all
  std::vector<size_t> sizes = {};          // bytes of payload; empty: all
  std::string instructions = {};           // the script that counts instructions
  std::string microbench = {};             // the Google Benchmark program; empty if not built

  bool Wants(const std::string& experiment) const;
  bool WantsSubject(const std::string& subject) const;
  bool WantsSize(size_t bytes) const;
};

// Returns the names that --only accepts. Some names stand for several experiments of the plan.
const std::vector<std::string>& Experiments();

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_SETTINGS_H_
