// SPDX-License-Identifier: Apache-2.0
// Makes results.json: the samples, grouped into cells by placement.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <tuple>

#include "benches/harness/rival.h"
#include "benches/report/report.h"
#include "benches/report/statistics.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

constexpr std::pair<const char*, double> kQuantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};
constexpr double kUndisturbed = 0.9;
// More quantiles, for the curves.
constexpr double kCurve[] = {0.01, 0.1,   0.25,  0.5,   0.75,   0.9,    0.95,  0.98,
                             0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999};

// Rounds to four significant digits, which is more than the measurements have. Converts through text, so that
// the JSON shows no further digits.
double Rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return std::strtod(text, nullptr);
}

json Stat(const std::vector<double>& values) {
  const Statistics s = StatisticsOf(values);
  return {{"n", s.n},
          {"median", Rounded(s.median)},
          {"low", Rounded(s.low)},
          {"high", Rounded(s.high)},
          {"spread", Rounded(s.spread)},
          {"wide", s.wide}};
}

bool HasLatencies(const Observation& o) {
  return o.work.activity == Activity::kLatency || o.work.activity == Activity::kPaced;
}

// Returns the values of one slice that matter in its experiment.
json SampleOf(const Observation& o) {
  const SliceResult& s = o.slice;
  json sample = {{"round", o.round},
                 {"line_ns", Rounded((s.line_ns_before + s.line_ns_after) / 2)},
                 {"producer_cpu", Rounded(s.producer_cpu)}};
  if (HasLatencies(o)) {
    for (const auto& [name, q] : kQuantiles) sample[name] = Rounded(s.latency->Quantile(q) / TicksPerNs());
    sample["max"] = Rounded(NsOfTicks(s.latency->max()));
    sample["count"] = s.latency->total();
  } else if (o.work.activity == Activity::kIdle) {
    sample["cpu"] = Rounded(s.consumer_cpu);
  } else {
    sample["per_second"] = Rounded(s.per_second);
    sample["sent_per_second"] = Rounded(s.sent_per_second);
    if (s.per_second_by.size() > 1) {
      for (const double rate : s.per_second_by) sample["per_second_by"].push_back(Rounded(rate));
    }
    if (o.work.lossy) sample["lost"] = s.lost;
  }
  return sample;
}

const char* MainMetric(const Observation& o) {
  if (HasLatencies(o)) return "p50";
  if (o.work.activity == Activity::kIdle) return "cpu";
  // In "overrun" a slow consumer must not slow down the producer, so the producer's rate matters.
  return o.experiment == "overrun" ? "sent_per_second" : "per_second";
}

json LatencyOf(const std::vector<const Observation*>& slices) {
  Histogram all;
  for (const Observation* o : slices) all.Merge(*o->slice.latency);
  json latency;
  for (const auto& [name, q] : kQuantiles) latency[name] = Rounded(all.Quantile(q) / TicksPerNs());
  latency["max"] = Rounded(NsOfTicks(all.max()));
  latency["count"] = all.total();
  for (const double q : kCurve) latency["curve"].push_back({q, Rounded(all.Quantile(q) / TicksPerNs())});
  return latency;
}

json CellOf(const std::vector<const Observation*>& slices, size_t cores) {
  const Observation& first = *slices.front();
  const char* const metric = MainMetric(first);
  std::vector<double> values;
  json samples = json::array();
  uint64_t lost = 0, sent = 0;
  for (const Observation* o : slices) {
    samples.push_back(SampleOf(*o));
    values.push_back(samples.back().at(metric).get<double>());
    lost += o->slice.lost;
    sent += o->slice.sent;
  }
  json cell = {{"experiment", first.experiment},
               {"subject", first.subject},
               {"bytes", first.work.bytes},
               {"consumers", first.work.consumers},
               {"waiting", ToString(first.waiting)},
               {"waits", ToString(first.work.waiting)},
               {"placement", ToString(first.slice.placement)},
               {"oversubscribed", static_cast<size_t>(first.work.consumers) + 1 > cores},
               {"metric", metric},
               {"lost", lost},
               {"sent", sent}};
  cell.update(Stat(values));
  if (HasLatencies(first)) cell["latency"] = LatencyOf(slices);
  cell["samples"] = samples;
  return cell;
}

}  // namespace

json ResultsOf(const Observations& observations, const std::vector<Rival>& rivals, json about) {
  using Key = std::tuple<std::string, size_t, int, Waiting, Placement, int, std::string>;
  std::map<Key, std::vector<const Observation*>> groups;
  const size_t cores = about.at("cores");
  json failures = json::array();
  std::map<std::string, int> placements;
  int disturbed = 0;
  for (const Observation& o : observations.slices) {
    // A polling producer of throughput or latency uses all of its core, unless another program used it too.
    const bool polls = o.work.activity != Activity::kIdle && o.work.waiting == Waiting::kSpin;
    if (polls && o.slice.failure.empty() && o.slice.producer_cpu < kUndisturbed) ++disturbed;
    ++placements[ToString(o.slice.placement)];
    const bool empty = HasLatencies(o) && o.slice.latency != nullptr && o.slice.latency->total() == 0;
    if (!o.slice.failure.empty() || o.slice.damaged != 0 || (o.slice.lost != 0 && !o.work.lossy) || empty) {
      const std::string why = !o.slice.failure.empty() ? o.slice.failure
                              : empty                  ? "no message came in time"
                              : o.slice.damaged != 0   ? std::to_string(o.slice.damaged) + " damaged messages"
                                                       : std::to_string(o.slice.lost) + " messages lost";
      failures.push_back({{"experiment", o.experiment},
                          {"subject", o.subject},
                          {"bytes", o.work.bytes},
                          {"consumers", o.work.consumers},
                          {"round", o.round},
                          {"why", why}});
      continue;
    }
    if (o.slice.placement == Placement::kMoved) continue;
    const auto rival =
        std::find_if(rivals.begin(), rivals.end(), [&](const Rival& r) { return r.name == o.subject; });
    groups[{o.experiment, o.work.bytes, o.work.consumers, o.waiting, o.slice.placement,
            rival != rivals.end() ? rival->order : 0, o.subject}]
        .push_back(&o);
  }
  about["placements"] = placements;
  about["disturbed_slices"] = disturbed;
  json results = {{"about", about},
                  {"failures", failures},
                  {"subjects", json::array()},
                  {"cells", json::array()},
                  {"facts", json::array()}};
  for (const Rival& rival : rivals) {
    const char* const kinds[] = {"millrace", "rival", "limit"};
    results["subjects"].push_back({{"name", rival.name},
                                   {"what", rival.what},
                                   {"kind", kinds[static_cast<int>(rival.kind)]},
                                   {"lossless", rival.lossless},
                                   {"throughput_waiting", ToString(rival.throughput_waiting)}});
  }
  for (const auto& [key, slices] : groups) results["cells"].push_back(CellOf(slices, cores));
  for (const Fact& fact : observations.facts) {
    json f = {{"id", fact.id}, {"what", fact.what}, {"unit", fact.unit}, {"note", fact.note}};
    if (fact.values.empty()) {
      f["unavailable"] = fact.unavailable.empty() ? "not measured" : fact.unavailable;
    } else {
      f.update(Stat(fact.values));
    }
    results["facts"].push_back(f);
  }
  return results;
}

}  // namespace millrace::bench
