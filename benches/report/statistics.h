// SPDX-License-Identifier: Apache-2.0
// Medians and spreads of a small number of samples.
#ifndef MILLRACE_BENCHES_REPORT_STATISTICS_H_
#define MILLRACE_BENCHES_REPORT_STATISTICS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace millrace::bench {

inline constexpr double kWideSpread = 0.3;  // a cell with a larger spread is marked as unreliable
inline constexpr size_t kFewSamples = 3;

struct Statistics {
  size_t n = 0;
  double median = 0, low = 0, high = 0;  // quartiles
  double spread = 0;                     // (high - low) / median
  bool wide = false;                     // too few samples, or too large a spread
};

inline Statistics StatisticsOf(std::vector<double> values) {
  Statistics s;
  s.n = values.size();
  if (values.empty()) return s;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
  };
  s.median = at(0.5);
  s.low = at(0.25);
  s.high = at(0.75);
  s.spread = s.median != 0 ? (s.high - s.low) / std::abs(s.median) : 0;
  s.wide = s.n < kFewSamples || s.spread > kWideSpread;
  return s;
}

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_STATISTICS_H_
