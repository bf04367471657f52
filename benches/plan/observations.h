// What was seen, slice by slice: the raw material of every number on the page.
#ifndef MILLRACE_BENCHES_PLAN_OBSERVATIONS_H_
#define MILLRACE_BENCHES_PLAN_OBSERVATIONS_H_

#include <string>
#include <vector>

#include "benches/harness/slice.h"

namespace millrace::bench {

struct Observation {
  std::string experiment;            // "throughput", "latency", "fanout" ...
  std::string subject;               // a rival's name
  Waiting waiting = Waiting::kSpin;  // what was asked for; work.waiting is the nearest that the subject has
  Work work;
  int round = 0;  // slices of one round ran one after the other: their ratios mean something
  SliceResult slice;
};

// A number that no plain slice yields, measured several times.
struct Fact {
  std::string id;    // "recovery.consumer_killed"
  std::string what;  // for people
  std::string unit;  // "ns", "1/s", "share", "instructions"
  std::vector<double> values;
  std::string note = {};         // what to know when reading it
  std::string unavailable = {};  // not empty: why there is no value
};

struct Observations {
  std::vector<Observation> slices;
  std::vector<Fact> facts;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_PLAN_OBSERVATIONS_H_
