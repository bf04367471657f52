// SPDX-License-Identifier: Apache-2.0
#include "tests/benches/canned.h"

#include <map>

#include "benches/report/report.h"

namespace millrace::bench {
namespace {

constexpr int kRounds = 3;
const char* const kMessageRivals[] = {"lockfree", "interprocess", "zeromq",    "iceoryx",
                                      "posix_mq", "pipe",         "seqpacket", "usleep"};
const char* const kRings[] = {"raw_slots", "raw_index", "raw_index_16", "raw_memcpy"};

Observation Slice(const std::string& experiment, const std::string& subject, Work work, int round,
                  Placement placement) {
  Observation o{.experiment = experiment,
                .subject = subject,
                .waiting = work.waiting,
                .work = work,
                .round = round,
                .slice = {}};
  o.slice.placement = placement;
  o.slice.line_ns_before = o.slice.line_ns_after = placement == Placement::kL3 ? 27 : 100;
  o.slice.producer_cpu = 1;
  o.slice.sent = 1000;
  return o;
}

// Rates differ a little between rounds, equally for all subjects, like with other placements and clocks.
double Wobble(int round) { return 1 + 0.02 * round; }

// Every rival is far slower. The bare rings are a little faster or slower, as the targets require.
double RateOf(const std::string& subject) {
  if (subject.starts_with("millrace")) return 100e6;
  if (subject == "raw_index_16") return 80e6;
  if (subject.starts_with("raw_")) return 90e6;
  if (subject == "lockfree") return 20e6;
  if (subject == "interprocess") return 5e6;
  return subject == "usleep" ? 100 : 0.8e6;
}

Observation Latency(const std::string& experiment, const std::string& subject, Waiting waiting, size_t bytes,
                    int round, double ns) {
  Observation o =
      Slice(experiment, subject, {.activity = Activity::kLatency, .waiting = waiting, .bytes = bytes}, round,
            Placement::kL3);
  o.slice.latency = std::make_shared<Histogram>();
  for (int i = 0; i < 2000; ++i)
    o.slice.latency->Add(TicksOfNs(ns * Wobble(round) * (i % 100 == 99 ? 3 : 1)));
  return o;
}

void AddThroughput(Observations* all) {
  for (int round = 0; round < kRounds; ++round) {
    for (const Placement placement : {Placement::kL3, Placement::kFar}) {
      // "far" has fewer rounds, because it is not the main placement.
      if (placement == Placement::kFar && round == 0) continue;
      for (const size_t bytes : {8U, 64U, 256U, 1024U, 4096U, 65536U}) {
        for (const Rival& rival : CannedRivals()) {
          if (!rival.throughput) continue;
          all->slices.push_back(Throughput(rival.name, bytes, round, RateOf(rival.name), placement));
        }
      }
    }
  }
}

void AddLatency(Observations* all) {
  for (int round = 0; round < kRounds; ++round) {
    const auto add = [&](const char* experiment, const char* subject, Waiting waiting, size_t bytes,
                         double ns) {
      all->slices.push_back(Latency(experiment, subject, waiting, bytes, round, ns));
    };
    for (const size_t bytes : {8U, 64U, 1024U}) {
      add("latency", "millrace", Waiting::kSpin, bytes, 70);
      add("latency", "lockfree", Waiting::kSpin, bytes, 120);
      add("latency", "millrace", Waiting::kAdaptive, bytes, 72);
      add("latency", "millrace", Waiting::kSleep, bytes, 30'000);
    }
    for (const size_t bytes : {8U, 64U}) add("latency", "raw_slots", Waiting::kSpin, bytes, 75);
    add("latency", "raw_bounce", Waiting::kSpin, 8, 65);
    add("latency", "raw_bounce", Waiting::kAdaptive, 8, 65);
    add("latency", "raw_futex", Waiting::kSleep, 8, 29'000);
    add("latency_sparse", "millrace", Waiting::kAdaptive, 8, 31'000);
    add("latency_paced", "millrace", Waiting::kSpin, 64, 80);
  }
}

void AddConsumers(Observations* all) {
  for (int round = 0; round < kRounds; ++round) {
    for (const int consumers : {2, 4, 8}) {
      for (const char* subject : {"millrace", "raw_slots", "zeromq"}) {
        Observation o = Throughput(subject, 64, round, RateOf(subject));
        o.experiment = "fanout";
        o.work.consumers = consumers;
        all->slices.push_back(o);
      }
    }
    for (const char* experiment : {"overrun", "slow_alone", "slow_beside_fast"}) {
      Observation o = Throughput("millrace", 64, round, 900e3);
      o.experiment = experiment;
      o.work.consumers = std::string(experiment) == "slow_beside_fast" ? 2 : 1;
      if (o.experiment == "overrun") {
        o.work.lossy = true;
        o.slice.lost = 250;
        o.slice.sent_per_second = 60e6;
      }
      all->slices.push_back(o);
    }
    Observation idle = Slice("idle", "millrace", {.activity = Activity::kIdle, .waiting = Waiting::kAdaptive},
                             round, Placement::kL3);
    idle.slice.consumer_cpu = 0.001;
    all->slices.push_back(idle);
  }
}

void AddFacts(Observations* all) {
  const std::map<std::string, double> ns = {{"recovery.death", 150e3},
                                            {"recovery.consumer_killed", 300e3},
                                            {"recovery.producer_killed", 400e3},
                                            {"alone.publish_8", 3},
                                            {"micro.PublishAndNext<8>", 9}};
  for (const auto& [id, value] : ns)
    all->facts.push_back({.id = id, .what = id, .unit = "ns", .values = {value, value * 1.01, value * 1.02}});
  const auto exact = [&](const char* id, const char* unit, double value) {
    all->facts.push_back({.id = id, .what = id, .unit = unit, .values = {value, value, value}});
  };
  exact("instructions.typed_over_copy", "instructions", 20);
  for (const char* id : {"instructions.seats_16", "instructions.seats_256", "instructions.seats_1024"})
    exact(id, "instructions", 0.1);
  exact("open.bytes_per_seat", "bytes", 256);
  exact("open.create_ratio", "ratio", 2);
  exact("open.open_ratio", "ratio", 1);
  exact("open.faults", "faults", 0);
}

}  // namespace

Observation Throughput(const std::string& subject, size_t bytes, int round, double per_second,
                       Placement placement) {
  Observation o = Slice("throughput", subject, {.bytes = bytes}, round, placement);
  o.slice.per_second = per_second * Wobble(round);
  o.slice.sent_per_second = o.slice.per_second;
  o.slice.per_second_by = {o.slice.per_second};
  return o;
}

std::vector<Rival> CannedRivals() {
  std::vector<Rival> rivals;
  const auto add = [&](const char* name, Kind kind, bool throughput = true) {
    rivals.push_back({.name = name,
                      .what = std::string("what ") + name + " is",
                      .kind = kind,
                      .throughput = throughput,
                      .order = static_cast<int>(rivals.size())});
  };
  add("millrace", Kind::kMillrace);
  add("millrace_spin", Kind::kMillrace);
  add("millrace_prepared", Kind::kMillrace);
  for (const char* name : kMessageRivals) add(name, Kind::kRival);
  for (const char* name : kRings) add(name, Kind::kLimit);
  add("raw_bounce", Kind::kLimit, false);
  add("raw_futex", Kind::kLimit, false);
  return rivals;
}

nlohmann::json CannedAbout() {
  return {{"commit", "0123456789ab"},
          {"cpu", "a processor <of> today"},
          {"virtual_machine", true},
          {"cores", 2},
          {"kernel", "Linux 6"},
          {"compiler", "GNU 12"},
          {"flags", "-O3"},
          {"pinning", "producer on core 0, first consumer on core 1"},
          {"date", "2026-01-01T00:00Z"},
          {"mode", "quick"},
          {"rounds", kRounds},
          {"slice_seconds", 0.1},
          {"capacity_bytes", 1 << 20},
          {"load_average_before", 0.1},
          {"load_average_after", 1.9},
          {"left_out", nlohmann::json::array()},
          {"clock_skew_ns", -1.5}};
}

Observations CannedObservations() {
  Observations all;
  AddThroughput(&all);
  AddLatency(&all);
  AddConsumers(&all);
  AddFacts(&all);
  return all;
}

const nlohmann::json& CannedResults() {
  static const nlohmann::json results = ResultsOf(CannedObservations(), CannedRivals(), CannedAbout());
  return results;
}

}  // namespace millrace::bench
