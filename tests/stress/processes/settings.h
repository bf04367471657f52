// SPDX-License-Identifier: Apache-2.0
// The settings of one run of the stress program. Sizes are in bytes.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_SETTINGS_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace millrace::stress {

inline constexpr int kKinds = 3;          // lossless, lossy, observer
inline constexpr int kMostConsumers = 8;  // of each kind
inline constexpr int kGroups = 2;         // one is durable, one ends with its members
inline constexpr int kMostMembers = 8;    // of each group
inline constexpr int kProducers = 2;      // one publishes, the other waits for its death

enum class Group : uint8_t { kDurable, kWorkers };

enum class Plant : uint8_t { kNothing, kTorn, kLost, kForgotten };

struct Settings {
  double seconds = 40;
  uint64_t seed = 0;
  int consumers = 2;  // of each kind
  int members = 2;    // of each group
  bool kills = true, stops = true, evictions = true;
  size_t capacity = 256 << 10;
  size_t max_message = 0;  // 0: the most that the capacity allows
  Plant plant = Plant::kNothing;
  std::string ring;

  int consumer_count() const { return consumers * kKinds; }
  int member_count() const { return members * kGroups; }
};

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_SETTINGS_H_
