// SPDX-License-Identifier: Apache-2.0
// summary.json has one object per target, and a planted bad value must show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "benches/report/query.h"
#include "benches/report/report.h"
#include "tests/benches/canned.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

const json& TargetOf(const json& summary, const std::string& id) {
  for (const json& target : summary) {
    if (target.at("id") == id) return target;
  }
  throw std::runtime_error("no target " + id);
}

TEST(BenchSummary, HasOneObjectPerTarget) {
  const json summary = SummaryOf(CannedResults());
  ASSERT_TRUE(summary.is_array());
  std::set<std::string> ids;
  for (const json& target : summary) {
    ids.insert(target.at("id"));
    EXPECT_TRUE(target.at("what").is_string());
    EXPECT_TRUE(target.at("target").is_string());
    EXPECT_TRUE(target.at("value").is_number() || target.at("value").is_null());
    EXPECT_TRUE(target.at("met").is_boolean() || target.at("met").is_null());
    EXPECT_EQ(target.at("value").is_null(), !target.contains("worst_part"));
    ASSERT_FALSE(target.at("parts").empty());
    for (const json& part : target.at("parts")) {
      for (const char* key : {"what", "value", "target", "met"}) EXPECT_TRUE(part.contains(key)) << part;
      EXPECT_EQ(part.at("value").is_null(), part.at("met").is_null()) << part;
    }
  }
  EXPECT_THAT(ids, testing::ElementsAre("1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

TEST(BenchSummary, GoodValuesMeetTheTargets) {
  const json summary = SummaryOf(CannedResults());
  for (const json& target : summary) {
    if (target.at("id") == "8") continue;
    EXPECT_EQ(target.at("met"), true) << target.dump(1);
  }
  EXPECT_TRUE(TargetOf(summary, "8").at("met").is_null());
  EXPECT_THAT(TargetOf(summary, "8").at("parts")[0].at("why"), testing::HasSubstr("not both measured"));
}

TEST(BenchSummary, ATargetWithoutMeasurementsIsNeitherMetNorMissed) {
  const json summary = SummaryOf(ResultsOf({}, CannedRivals(), CannedAbout()));
  EXPECT_EQ(summary.size(), 9U);
  for (const json& target : summary) EXPECT_TRUE(target.at("met").is_null()) << target;
}

// Makes one value of a target bad.
struct Plant {
  const char* id;
  std::function<void(json*)> spoil;
};

void ScaleSamples(json* results, const CellKey& key, const char* metric, double factor) {
  json* const cell = const_cast<json*>(FindCell(*results, key, "l3"));
  ASSERT_NE(cell, nullptr);
  for (json& sample : cell->at("samples")) sample[metric] = sample.at(metric).get<double>() * factor;
  cell->at("median") = cell->at("median").get<double>() * factor;
  cell->at("low") = cell->at("low").get<double>() * factor;
  cell->at("high") = cell->at("high").get<double>() * factor;
}

void SetFact(json* results, const char* id, double value) {
  json* const fact = const_cast<json*>(FindFact(*results, id));
  ASSERT_NE(fact, nullptr);
  fact->at("median") = value;
}

TEST(BenchSummary, APlantedBadValueIsMissed) {
  const CellKey latency{"latency", "millrace", 64, 1, "spinning"};
  const Plant plants[] = {{"1", [&](json* r) { ScaleSamples(r, latency, "p50", 1.4); }},
                          {"1", [&](json* r) { ScaleSamples(r, latency, "p99.9", 1.8); }},
                          {"2",
                           [](json* r) {
                             ScaleSamples(r, {"throughput", "millrace", 4096}, "per_second", 0.7);
                           }},
                          {"2",
                           [](json* r) {
                             ScaleSamples(r, {"throughput", "raw_memcpy", 65536}, "per_second", 2);
                           }},
                          {"3",
                           [](json* r) {
                             ScaleSamples(r, {"throughput", "millrace", 64}, "per_second", 0.5);
                           }},
                          {"3",
                           [](json* r) {
                             ScaleSamples(r, {"throughput", "pipe", 256}, "per_second", 200);
                           }},
                          {"4",
                           [](json* r) {
                             ScaleSamples(r, {"latency", "millrace", 8, 1, "sleeping"}, "p50", 1.3);
                           }},
                          {"4",
                           [](json* r) {
                             ScaleSamples(r, {"latency", "millrace", 8, 1, "adaptive"}, "p50", 1.2);
                           }},
                          {"4",
                           [](json* r) {
                             ScaleSamples(r, {"throughput", "millrace_spin", 8}, "per_second", 1.3);
                           }},
                          {"4",
                           [](json* r) {
                             ScaleSamples(r, {"idle", "millrace", 8, 1, "adaptive"}, "cpu", 50);
                           }},
                          {"5", [](json* r) { SetFact(r, "instructions.typed_over_copy", 25); }},
                          {"6", [](json* r) { SetFact(r, "instructions.seats_16", 1.5); }},
                          {"6", [](json* r) { SetFact(r, "instructions.seats_256", 1.5); }},
                          {"6", [](json* r) { SetFact(r, "instructions.seats_1024", 1.5); }},
                          {"6", [](json* r) { SetFact(r, "instructions.seats_1024", -1.5); }},
                          {"6", [](json* r) { SetFact(r, "open.bytes_per_seat", 257); }},
                          {"6",
                           [](json* r) {
                             ScaleSamples(r, {"fanout", "raw_slots", 64, 4}, "per_second", 2);
                           }},
                          {"7", [](json* r) { SetFact(r, "recovery.producer_killed", 1.1e6); }},
                          {"9", [](json* r) { SetFact(r, "open.create_ratio", 3.1); }},
                          {"9", [](json* r) { SetFact(r, "open.faults", 1); }}};
  for (const Plant& plant : plants) {
    json results = CannedResults();
    plant.spoil(&results);
    const json summary = SummaryOf(results);
    EXPECT_EQ(TargetOf(summary, plant.id).at("met"), false) << TargetOf(summary, plant.id).dump(1);
  }
}

// If a bare ring is only twice as fast as the rival, the target cannot be four times.
TEST(BenchSummary, NoTargetIsBeyondTheBareRing) {
  json results = CannedResults();
  ScaleSamples(&results, {"throughput", "millrace", 64}, "per_second", 0.5);  // 2.5 times lockfree
  EXPECT_EQ(TargetOf(SummaryOf(results), "3").at("met"), false);
  for (const char* placement : {"l3", "far"}) {
    json* const bare = const_cast<json*>(FindCell(results, {"throughput", "raw_index_16", 64}, placement));
    for (json& sample : bare->at("samples"))
      sample["per_second"] = sample.at("per_second").get<double>() * 0.5;
  }
  const json summary = SummaryOf(results);
  const json& parts = TargetOf(summary, "3").at("parts");
  const auto part = std::find_if(parts.begin(), parts.end(),
                                 [](const json& p) { return p.at("what") == "64 B against lockfree"; });
  ASSERT_NE(part, parts.end());
  EXPECT_EQ(part->at("met"), true) << *part;
  EXPECT_EQ(part->at("target"), "≥ 1.6 ×");
}

// A spinning consumer is faster than a sleeping one, so they are not compared.
TEST(BenchSummary, ASpinningRivalIsNotComparedWithASleeper) {
  const Observations before = CannedObservations();
  const auto lost = [&](Waiting how) {
    Observations with = before;
    for (const Observation& o : before.slices) {
      if (o.experiment != "latency" || o.subject != "lockfree" || o.work.bytes != 8) continue;
      Observation more = o;  // 120 ns next to 31 microseconds
      more.experiment = "latency_sparse";
      more.waiting = Waiting::kAdaptive;
      more.work.waiting = how;
      with.slices.push_back(more);
    }
    const json summary = SummaryOf(ResultsOf(with, CannedRivals(), CannedAbout()));
    return TargetOf(summary, "3").at("parts").back().at("value");
  };
  EXPECT_EQ(lost(Waiting::kSpin), 0);
  EXPECT_EQ(lost(Waiting::kSleep), 1);
}

json CellsLost(const json& results) {
  return TargetOf(SummaryOf(results), "3").at("parts").back().at("value");
}

// Users choose between publishing in place and copying.
TEST(BenchSummary, RivalsAreComparedWithTheFasterWayToPublish) {
  Observations all = CannedObservations();
  const auto lost = [&] {
    json results = ResultsOf(all, CannedRivals(), CannedAbout());
    ScaleSamples(&results, {"throughput", "lockfree", 4096}, "per_second", 10);
    return CellsLost(results);
  };
  EXPECT_EQ(lost(), 1);
  for (int round = 0; round < 3; ++round) all.slices.push_back(Throughput("millrace_copy", 4096, round, 1e9));
  EXPECT_EQ(lost(), 0);
}

TEST(BenchSummary, LatencyTargetIsNotBelowABareRingWithAReadOnlyReader) {
  json results = CannedResults();
  const CellKey rival{"latency", "lockfree", 1024, 1, "spinning"};
  ScaleSamples(&results, rival, "p50", 0.4);
  EXPECT_EQ(CellsLost(results), 1);
  json safe = *FindCell(results, rival, "l3");
  safe.at("subject") = "raw_slots_safe";
  results.at("cells").push_back(safe);
  EXPECT_EQ(CellsLost(results), 1) << "it could be as quick";
  ScaleSamples(&results, {"latency", "raw_slots_safe", 1024, 1, "spinning"}, "p50", 1.5);
  EXPECT_EQ(CellsLost(results), 0);
}

TEST(BenchSummary, TheWorstPlacementDecides) {
  json results = CannedResults();
  json* const far = const_cast<json*>(FindCell(results, {"throughput", "raw_index_16", 8}, "far"));
  ASSERT_NE(far, nullptr);
  for (json& sample : far->at("samples")) sample["per_second"] = 1e9;
  // Too few rounds for a median: the placement decides nothing ...
  EXPECT_EQ(TargetOf(SummaryOf(results), "2").at("met"), true);
  // ... with enough rounds it decides.
  json* const own = const_cast<json*>(FindCell(results, {"throughput", "millrace", 8}, "far"));
  for (json* cell : {far, own}) {
    cell->at("samples").push_back(cell->at("samples")[0]);
    cell->at("samples").back()["round"] = 7;
  }
  EXPECT_EQ(TargetOf(SummaryOf(results), "2").at("met"), false);
}

TEST(BenchSummary, BatchesCountWhenTheyAreMeasured) {
  Observations all = CannedObservations();
  for (int round = 0; round < 3; ++round) all.slices.push_back(Throughput("millrace_batch", 8, round, 250e6));
  const json summary = SummaryOf(ResultsOf(all, CannedRivals(), CannedAbout()));
  EXPECT_EQ(TargetOf(summary, "8").at("met"), true);
  EXPECT_NEAR(TargetOf(summary, "8").at("value").get<double>(), 2.5, 0.01);
}

}  // namespace
}  // namespace millrace::bench
