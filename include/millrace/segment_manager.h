// Rings as objects of the system: creating, listing, inspecting and removing them.
#ifndef MILLRACE_SEGMENT_MANAGER_H_
#define MILLRACE_SEGMENT_MANAGER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "millrace/options.h"

namespace millrace {

struct SeatInfo {
  uint32_t seat = 0, generation = 0;
  std::string label, delivery, group;  // delivery: "lossless", "lossy", "group"
  std::optional<pid_t> pid;            // as in ProducerInfo
  bool pid_foreign = false;
  bool alive = false;
  bool evicted = false;
  uint64_t received = 0, lost = 0;         // messages, as of its last stored position
  uint64_t lag_messages = 0, lag_bytes = 0;
  std::optional<uint64_t> lag_ns;  // age of the oldest message it has not read, within a chunk; 0: none
};

struct RingInfo {
  std::string name, incarnation;  // incarnation: 32 hexadecimal digits
  std::string schema, damage;     // damage: "" = none. Damaged rings are listed, not an error
  std::string stale_why;          // why it is stale, or why not
  std::string state;              // "live", "closed", "producer_gone", "never_used", "damaged"
  uint64_t capacity = 0, max_message = 0, bytes = 0;  // bytes: of shared memory, all objects
  uint64_t next_sequence = 0, oldest_sequence = 0;
  uint64_t dropped = 0, blocked = 0, evictions = 0, wakes = 0, payload_bytes = 0;
  Nanos blocked_time{0};
  uint64_t created_ns = 0;  // CLOCK_REALTIME
  uint32_t seats = 0;
  bool keep = false, stale = false;
  bool seats_readable = true;  // false: no permission, consumers are unknown
  mode_t mode = 0;             // of the messages' object
  uid_t uid = 0;
  gid_t gid = 0;
  ProducerInfo producer;
  std::vector<SeatInfo> consumers;
};

// Stateless but for the directory; every call is thread-safe.
class SegmentManager {
 public:
  explicit SegmentManager(std::string directory = "/dev/shm");

  // All rings this user may read, by name. Looking takes no seat and no lock.
  absl::StatusOr<std::vector<RingInfo>> List() const;
  absl::StatusOr<RingInfo> Inspect(std::string_view name) const;
  // A ring without a producer yet.
  absl::Status Create(std::string_view name, const RingOptions&) const;

  enum class Force : bool { kNo, kYes };
  // Removes a ring: users are told kRemoved and woken. kInUse while a producer or consumer is alive (the text
  // says which), unless forced. A file that is not a ring is never touched.
  absl::Status Unlink(std::string_view name, Force = Force::kNo) const;

 private:
  std::string directory_;
};

}  // namespace millrace

#endif  // MILLRACE_SEGMENT_MANAGER_H_
