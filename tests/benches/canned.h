// SPDX-License-Identifier: Apache-2.0
// The made-up results of a bench run: every experiment, two placements, three rounds.
#ifndef MILLRACE_TESTS_BENCHES_CANNED_H_
#define MILLRACE_TESTS_BENCHES_CANNED_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "benches/harness/rival.h"
#include "benches/plan/observations.h"

namespace millrace::bench {

std::vector<Rival> CannedRivals();
nlohmann::json CannedAbout();
// All targets are reached, except the one for batches, which were not measured.
Observations CannedObservations();
const nlohmann::json& CannedResults();

// Makes one slice.
Observation Throughput(const std::string& subject, size_t bytes, int round, double per_second,
                       Placement placement = Placement::kL3);

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCHES_CANNED_H_
