// SPDX-License-Identifier: Apache-2.0
// Tests medians, quartiles, spread and percentiles.
#include "benches/report/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "benches/harness/histogram.h"

namespace millrace::bench {
namespace {

TEST(BenchStatistics, MedianAndQuartilesOfFew) {
  const Statistics s = StatisticsOf({5, 1, 3, 2, 4});
  EXPECT_EQ(s.n, 5U);
  EXPECT_DOUBLE_EQ(s.median, 3);
  EXPECT_DOUBLE_EQ(s.low, 2);
  EXPECT_DOUBLE_EQ(s.high, 4);
  EXPECT_DOUBLE_EQ(StatisticsOf({1, 2, 3, 4}).median, 2.5);
}

TEST(BenchStatistics, NoSamplesGiveNoNumber) {
  EXPECT_EQ(StatisticsOf({}).n, 0U);
  EXPECT_DOUBLE_EQ(StatisticsOf({}).median, 0);
}

TEST(BenchStatistics, AWideSpreadIsReported) {
  EXPECT_FALSE(StatisticsOf({100, 101, 102, 103}).wide);
  EXPECT_FALSE(StatisticsOf({0, 0, 0}).wide);
  EXPECT_TRUE(StatisticsOf({50, 100, 150, 200}).wide);
  // One extreme slice among many does not make the quartiles wide.
  EXPECT_FALSE(StatisticsOf({100, 101, 102, 103, 104, 900}).wide);
}

TEST(BenchStatistics, TooFewSamplesCountAsAWideSpread) {
  EXPECT_TRUE(StatisticsOf({100}).wide);
  EXPECT_TRUE(StatisticsOf({100, 100}).wide);
  EXPECT_FALSE(StatisticsOf({100, 100, 100}).wide);
}

TEST(BenchHistogram, PercentilesAreThoseOfTheSortedValues) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(6, 1.5);
  const auto histogram = std::make_unique<Histogram>();
  std::vector<uint64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<uint64_t>(latency(random)));
    histogram->Add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact =
        static_cast<double>(values[static_cast<size_t>(q * static_cast<double>(values.size()))]);
    EXPECT_NEAR(histogram->Quantile(q), exact, exact * 0.04) << q;
  }
  EXPECT_EQ(histogram->max(), values.back());
  EXPECT_EQ(histogram->total(), values.size());
}

TEST(BenchHistogram, NoPercentileIsAboveTheMaximum) {
  const auto histogram = std::make_unique<Histogram>();
  for (int i = 0; i < 10; ++i) histogram->Add(1000);
  EXPECT_LE(histogram->Quantile(0.9999), 1000);
  histogram->Add(uint64_t{1} << 60);  // above the last bucket
  EXPECT_EQ(histogram->max(), uint64_t{1} << 60);
}

TEST(BenchHistogram, MergingEqualsAddingToOneHistogram) {
  const auto a = std::make_unique<Histogram>(), b = std::make_unique<Histogram>();
  for (uint64_t i = 0; i < 100; ++i) (i % 2 == 0 ? *a : *b).Add(i);
  a->Merge(*b);
  EXPECT_EQ(a->total(), 100U);
  EXPECT_EQ(a->max(), 99U);
  EXPECT_NEAR(a->Quantile(0.5), 50, 1.5);
}

}  // namespace
}  // namespace millrace::bench
