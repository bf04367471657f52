// SPDX-License-Identifier: Apache-2.0
// Results turn slices into cells: grouped by placement, with ratios inside a round,
// without slices that must not count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "benches/report/query.h"
#include "benches/report/report.h"
#include "tests/benches/canned.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

json Results(const std::vector<Observation>& slices) {
  return ResultsOf({slices, {}}, CannedRivals(), CannedAbout());
}

const CellKey kOwn{"throughput", "millrace", 8}, kTheirs{"throughput", "lockfree", 8};

TEST(BenchResults, PlacementsAreNeverMixed) {
  const json results = Results({Throughput("millrace", 8, 0, 100, Placement::kL3),
                                Throughput("millrace", 8, 0, 100, Placement::kL3),
                                Throughput("millrace", 8, 0, 10, Placement::kFar)});
  ASSERT_EQ(results.at("cells").size(), 2U);
  EXPECT_EQ(FindCell(results, kOwn, "l3")->at("median"), 100);
  EXPECT_EQ(FindCell(results, kOwn, "far")->at("median"), 10);
  EXPECT_EQ(FindCell(results, kOwn, "near"), nullptr);
  EXPECT_THAT(PlacementsSeen(results), testing::ElementsAre("l3", "far"));
  EXPECT_EQ(PlacementsSeen(results).front(), "l3");
}

TEST(BenchResults, SlicesThatMigratedAreNotCounted) {
  const json results = Results({Throughput("millrace", 8, 0, 100, Placement::kMoved)});
  EXPECT_TRUE(results.at("cells").empty());
  EXPECT_EQ(results.at("about").at("placements").at("moved"), 1);
}

TEST(BenchResults, PlacementNeedsBothProbes) {
  EXPECT_EQ(PlacementOf(5, 6), Placement::kNear);
  EXPECT_EQ(PlacementOf(25, 30), Placement::kL3);
  EXPECT_EQ(PlacementOf(100, 120), Placement::kFar);
  EXPECT_EQ(PlacementOf(5, 30), Placement::kMoved);
}

TEST(BenchResults, RatiosAreTakenOnlyWithinARound) {
  // Both rates vary tenfold from round to round, but together. So their ratio does not vary.
  const json results = Results({Throughput("millrace", 8, 0, 300), Throughput("lockfree", 8, 0, 100),
                                Throughput("millrace", 8, 1, 30), Throughput("lockfree", 8, 1, 10),
                                Throughput("millrace", 8, 2, 3000), Throughput("lockfree", 8, 2, 1000)});
  const auto ratios = Ratios(results, kOwn, kTheirs, "per_second");
  ASSERT_EQ(ratios.size(), 1U);
  EXPECT_EQ(ratios.at("l3").n, 3U);
  EXPECT_NEAR(ratios.at("l3").median, 3, 0.01);
  EXPECT_FALSE(ratios.at("l3").wide);
  EXPECT_TRUE(FindCell(results, kOwn, "l3")->at("wide")) << "the numbers themselves are far apart";
}

TEST(BenchResults, ThereIsNoRatioAcrossRoundsOrPlacements) {
  const json rounds = Results({Throughput("millrace", 8, 0, 300), Throughput("lockfree", 8, 1, 100)});
  EXPECT_TRUE(Ratios(rounds, kOwn, kTheirs, "per_second").empty());
  const json placements = Results({Throughput("millrace", 8, 0, 300, Placement::kL3),
                                   Throughput("lockfree", 8, 0, 100, Placement::kFar)});
  EXPECT_TRUE(Ratios(placements, kOwn, kTheirs, "per_second").empty());
}

TEST(BenchResults, ALosslessSubjectThatLosesFails) {
  Observation o = Throughput("millrace", 8, 0, 100);
  o.slice.lost = 1;
  const json results = Results({o});
  EXPECT_TRUE(results.at("cells").empty());
  ASSERT_EQ(results.at("failures").size(), 1U);
  EXPECT_EQ(results.at("failures")[0].at("why"), "1 messages lost");
}

TEST(BenchResults, ALossySubjectCountsItsLosses) {
  Observation o = Throughput("zeromq", 8, 0, 100);
  o.work.lossy = true;
  o.slice.lost = 250;
  const json results = Results({o, o});
  EXPECT_TRUE(results.at("failures").empty());
  EXPECT_EQ(results.at("cells")[0].at("lost"), 500);
  EXPECT_EQ(results.at("cells")[0].at("sent"), 2000);
  EXPECT_EQ(results.at("cells")[0].at("samples")[0].at("lost"), 250);
}

TEST(BenchResults, DamagedOrFailedSlicesFail) {
  Observation damaged = Throughput("millrace", 8, 0, 100);
  damaged.slice.damaged = 3;
  Observation failed = Throughput("millrace", 64, 0, 100);
  failed.slice.failure = "did not end";
  const json results = Results({damaged, failed});
  EXPECT_TRUE(results.at("cells").empty());
  EXPECT_EQ(results.at("failures").size(), 2U);
}

TEST(BenchResults, MoreProcessesThanCoresAreReported) {
  Observation o = Throughput("millrace", 8, 0, 100);
  EXPECT_FALSE(Results({o}).at("cells")[0].at("oversubscribed"));
  o.work.consumers = 2;
  EXPECT_TRUE(Results({o}).at("cells")[0].at("oversubscribed"));
}

TEST(BenchResults, LatencyHasAllPercentiles) {
  const json results = CannedResults();
  const json* const cell = FindCell(results, {"latency", "millrace", 8, 1, "spinning"}, "l3");
  ASSERT_NE(cell, nullptr);
  for (const char* q : {"p50", "p90", "p99", "p99.9", "p99.99", "max"}) {
    EXPECT_TRUE(cell->at("latency").contains(q)) << q;
    EXPECT_TRUE(cell->at("samples")[0].contains(q)) << q;
  }
  EXPECT_NEAR(cell->at("latency").at("p50").get<double>(), 71.4, 4);
  EXPECT_NEAR(cell->at("latency").at("p99.9").get<double>(), 216, 10);
}

}  // namespace
}  // namespace millrace::bench
