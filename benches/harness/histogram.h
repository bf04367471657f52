// SPDX-License-Identifier: Apache-2.0
// Counts latencies (in ticks) in buckets that are less than 1.6 % wide. Has no pointers, so it can be placed
// in shared memory.
#ifndef MILLRACE_BENCHES_HARNESS_HISTOGRAM_H_
#define MILLRACE_BENCHES_HARNESS_HISTOGRAM_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace millrace::bench {

class Histogram {
 public:
  void Add(uint64_t ticks) {
    ++counts_[BucketOf(ticks)];
    ++total_;
    if (ticks > max_) max_ = ticks;
  }
  void Merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    if (other.max_ > max_) max_ = other.max_;
  }
  uint64_t total() const { return total_; }
  uint64_t max() const { return max_; }

  // Returns the number of ticks below which the share `q` of all latencies lies.
  double Quantile(double q) const {
    const double wanted = q * static_cast<double>(total_);
    double seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      const double here = static_cast<double>(counts_[i]);
      if (seen + here >= wanted) {
        const double low = static_cast<double>(LowOf(i)), high = static_cast<double>(LowOf(i + 1));
        const double value = low + (high - low) * (wanted - seen) / here;
        return value < static_cast<double>(max_) ? value : static_cast<double>(max_);
      }
      seen += here;
    }
    return static_cast<double>(max_);
  }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr size_t kSub = size_t{1} << kSubBits;
  static constexpr size_t kBuckets = (48 - kSubBits) * kSub;  // up to 2^47 ticks: hours

  static size_t BucketOf(uint64_t v) {
    if (v < kSub) return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - 1 - kSubBits;
    const size_t bucket = (shift + 1) * kSub + ((v >> shift) & (kSub - 1));
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static uint64_t LowOf(size_t bucket) {
    if (bucket < kSub) return bucket;
    const size_t shift = bucket / kSub - 1;
    return (kSub + bucket % kSub) << shift;
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t total_ = 0, max_ = 0;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_HISTOGRAM_H_
