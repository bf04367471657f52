// SPDX-License-Identifier: Apache-2.0
#include "benches/plan/settings.h"

#include <algorithm>

namespace millrace::bench {
namespace {

bool Has(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

std::string NameForPeople(const std::string& experiment) {
  if (experiment.starts_with("latency_")) return "latency";
  if (experiment == "overrun" || experiment.starts_with("slow_")) return "slow";
  return experiment;
}

}  // namespace

bool Settings::Wants(const std::string& experiment) const { return Has(only, NameForPeople(experiment)); }
bool Settings::WantsSize(size_t bytes) const {
  return sizes.empty() || std::find(sizes.begin(), sizes.end(), bytes) != sizes.end();
}
bool Settings::WantsSubject(const std::string& subject) const { return Has(subjects, subject); }

const std::vector<std::string>& Experiments() {
  static const std::vector<std::string> experiments = {
      "throughput", "latency", "fanout", "slow", "idle", "recovery", "single", "micro", "instructions"};
  return experiments;
}

}  // namespace millrace::bench
