// What one run of the stress program does. Sizes are bytes.
#ifndef MILLRACE_TOOLS_STRESS_SETTINGS_H_
#define MILLRACE_TOOLS_STRESS_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace millrace::stress {

inline constexpr int kKinds = 3;          // lossless, lossy, observer
inline constexpr int kMostConsumers = 8;  // of each kind
inline constexpr int kProducers = 2;      // one publishes, the other waits for its death

enum class Plant : uint8_t { kNothing, kTorn, kLost };

struct Settings {
  double seconds = 40;
  uint64_t seed = 0;
  int consumers = 2;  // of each kind
  bool kills = true, stops = true, evictions = true;
  size_t capacity = 256 << 10;
  size_t max_message = 0;  // 0: what the capacity allows
  Plant plant = Plant::kNothing;
  std::string ring;

  int consumer_count() const { return consumers * kKinds; }
};

}  // namespace millrace::stress

#endif  // MILLRACE_TOOLS_STRESS_SETTINGS_H_
