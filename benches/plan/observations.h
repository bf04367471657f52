// SPDX-License-Identifier: Apache-2.0
// The results of all slices, from which every number on the page is computed.
#ifndef MILLRACE_BENCHES_PLAN_OBSERVATIONS_H_
#define MILLRACE_BENCHES_PLAN_OBSERVATIONS_H_

#include <string>
#include <vector>

#include "benches/harness/slice.h"

namespace millrace::bench {

struct Observation {
  std::string experiment;            // "throughput", "latency", "fanout" ...
  std::string subject;               // a rival's name
  Waiting waiting = Waiting::kSpin;  // as planned; work.waiting is the subject's nearest way
  Work work;
  int round = 0;  // slices of one round ran close together, so their ratios are valid
  SliceResult slice;
};

// A number that does not come from slices, measured several times.
struct Fact {
  std::string id;    // "recovery.consumer_killed"
  std::string what;  // for readers
  std::string unit;  // "ns", "1/s", "share", "instructions"
  std::vector<double> values;
  std::string note = {};         // what readers must know about it
  std::string unavailable = {};  // why there is no value; empty if there is one
};

struct Observations {
  std::vector<Observation> slices;
  std::vector<Fact> facts;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_OBSERVATIONS_H_
