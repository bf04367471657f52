// SPDX-License-Identifier: Apache-2.0
// Start points for a test's ring: positions and sequences that wrap or change sign during the test.
#ifndef MILLRACE_TESTS_SUPPORT_ORIGINS_H_
#define MILLRACE_TESTS_SUPPORT_ORIGINS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/internal/ring_view.h"

namespace millrace::testing {

struct Origin {
  uint64_t capacity;
  internal::Point start;
  std::string name;
};

inline std::vector<Origin> Origins() {
  struct Edge {
    uint64_t at;
    const char* name;
  };
  static constexpr Edge kEdges[] = {
      {0, "0"}, {1ull << 31, "2p31"}, {1ull << 32, "2p32"}, {1ull << 63, "2p63"}, {0, "2p64"}};
  constexpr int kCount = 5;
  constexpr uint64_t kBytesBefore = 8 * 37, kMessagesBefore = 3;
  std::vector<Origin> origins;
  for (const uint64_t capacity : {4096ull, 65536ull}) {
    for (int i = 0; i < kCount; ++i) {
      for (const int j : {i, (i + 2) % kCount}) {  // two different sequences for each position
        const uint64_t position = i == 0 ? 0 : kEdges[i].at - kBytesBefore;
        const uint64_t sequence = j == 0 ? 0 : kEdges[j].at - kMessagesBefore;
        origins.push_back({capacity,
                           {position, sequence},
                           std::to_string(capacity >> 10) + "K_position_" + kEdges[i].name + "_sequence_" +
                               kEdges[j].name});
      }
    }
  }
  return origins;
}

// Names the parameters for INSTANTIATE_TEST_SUITE_P.
struct OriginName {
  template <class Info>
  std::string operator()(const Info& info) const {
    return info.param.name;
  }
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_ORIGINS_H_
