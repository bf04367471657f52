// Rings as objects of the system: creating, listing, inspecting and removing them.
#ifndef MILLRACE_SEGMENT_MANAGER_H_
#define MILLRACE_SEGMENT_MANAGER_H_

#include "millrace/internal/compiler.h"  // first

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "millrace/export.h"
#include "millrace/options.h"

namespace millrace {

struct SeatInfo {
  uint32_t seat = 0, generation = 0;
  std::string label, delivery, group;  // delivery: "lossless", "lossy", "group"
  std::optional<pid_t> pid;            // as in ProducerInfo
  bool pid_foreign = false;
  bool alive = false;
  bool evicted = false;
  bool stopped = false;  // its process is stopped (SIGSTOP, a debugger), as far as /proc tells: only a hint
  bool holds_back = false;          // it leaves no room for what the producer wanted last
  uint64_t received = 0, lost = 0;  // messages, as of its last stored position
  uint64_t lag_messages = 0, lag_bytes = 0;
  std::optional<uint64_t> lag_ns;  // age of the oldest message it has not read, within 3 chunks; 0: none
};

struct GroupInfo {
  std::string name;
  bool durable = false;
  bool holds_back = false;  // messages that no member has taken leave no room, as in SeatInfo
  uint32_t members = 0;     // alive and not evicted
  uint32_t in_hand = 0;     // members, dead ones too, that hold messages
  uint64_t lag_messages = 0, lag_bytes = 0;  // not taken by any member yet
};

struct RingInfo {
  std::string name, incarnation;  // incarnation: 32 hexadecimal digits
  std::string schema, damage;     // damage: "" = none. Damaged rings are listed, not an error
  std::string stale_why;          // why it is stale, or why not
  // "live", "closed", "producer_gone", "never_used", "damaged", "unreadable" (List only; `damage` says why)
  std::string state;
  uint64_t capacity = 0, max_message = 0, bytes = 0;  // bytes: of shared memory, all objects
  uint64_t next_sequence = 0, oldest_sequence = 0;
  bool next_sequence_exact = true;  // false: it and all lags are at least that; looking went no further
  uint64_t dropped = 0, blocked = 0, wakes = 0, payload_bytes = 0;
  uint64_t evictions = 0;   // seats taken away by producers and by tools
  uint64_t abandoned = 0;   // messages in dead members' hands that went with their group, claims of them
  Nanos blocked_time{0};    // of waits that are over
  uint64_t created_ns = 0;  // CLOCK_REALTIME
  // What a living producer waits for now: "room", "consumers" (WaitForConsumers), "" nothing. For how long;
  // for room since its first claim that found none, over several calls. nullopt: nothing, or unknown.
  std::string waits_for;
  std::optional<uint64_t> waits_ns;
  uint32_t awaited_consumers = 0;  // how many consumers it waits for
  // How long a living producer has found no room, while somebody is still in the way (see `holds_back`),
  // whether it waits, polls or drops messages. nullopt: there is room.
  std::optional<uint64_t> full_ns;
  // Bytes from the oldest that a lossless consumer or a group still holds to the end. nullopt: nobody can
  // hold the producer back, or the consumers are unknown.
  std::optional<uint64_t> held_bytes;
  // Age of the newest message: exact if its publication woke somebody, else it is at most that old, by the
  // ring's marks. nullopt: there is none, or it is unknown.
  std::optional<uint64_t> last_message_ns;
  bool last_message_exact = false;
  bool producer_stopped = false;  // as SeatInfo::stopped
  // CLOCK_REALTIME of the newest trace of use: creation, a producer or consumer that came or left, a wake-up,
  // a chunk that was filled. A killed process leaves the last of these. 0: the clock was set back since.
  uint64_t used_ns = 0;
  uint32_t seats = 0;
  bool keep = false, stale = false;
  bool seats_readable = true;  // false: no permission, consumers are unknown
  mode_t mode = 0;             // of the messages' object
  mode_t seats_mode = 0;       // 0: there is none
  uid_t uid = 0;               // of the messages' object
  gid_t gid = 0;
  std::optional<uid_t> seats_uid, lock_uid;  // of the other objects; nullopt: there is none
  ProducerInfo producer;
  std::vector<SeatInfo> consumers;
  std::vector<GroupInfo> groups;
};

// A queue, or what a killed creator left of one, that nobody uses and nobody will miss.
struct Stale {
  std::string name, incarnation;  // incarnation: "" where there is no ring left to read it from
  std::string why;
  uint64_t bytes = 0;  // of shared memory
  uid_t owner = 0;     // who, besides root, may remove it
  // What Remove compares: the grace time it was found with, and what the queue showed of its use then. A
  // Stale made by hand leaves them as they are.
  Nanos idle_for{0};
  uint64_t used_ns = 0, next_sequence = 0;
};

// What Set changes of an existing ring; unset stays as it is.
struct RingChanges {
  std::optional<bool> keep = {};
  std::optional<mode_t> ring_mode = {}, seats_mode = {};
  std::optional<uid_t> owner =
      {};  // of all objects: hands the ring over to another user's producer; root only
  std::optional<gid_t> group = {};
  // Whose ring it must be now, as in ProducerOptions::owner. Unset: the effective user's, root included.
  std::optional<uid_t> owned_by = {};
};

// Stateless but for the directory; every call is thread-safe.
class MILLRACE_EXPORT SegmentManager {
 public:
  explicit SegmentManager(std::string directory = "/dev/shm");

  // All rings, by name. Looking takes no seat and no lock. One that cannot be read or mapped is listed too,
  // with the state "unreadable" and the reason in `damage`.
  absl::StatusOr<std::vector<RingInfo>> List() const;
  absl::StatusOr<RingInfo> Inspect(std::string_view name) const;
  // A ring without a producer yet.
  absl::Status Create(std::string_view name, const RingOptions&) const;

  enum class Force : bool { kNo, kYes };
  // Removes a ring: users are told kRemoved and woken. kInUse while a producer or consumer is alive (the text
  // says which), unless forced: the locks of all users are held from the check to the removal. Removes what a
  // killed creator left of one, too. A file that is not a ring is never touched.
  absl::Status Unlink(std::string_view name, Force = Force::kNo) const;

  // Rings without living producer or consumer whose newest trace is older than `idle_for`, and remains of
  // killed creators. Never: kept rings, rings that had no producer yet, durable groups, files that are not
  // ours. Times in the future (the clock was set back) say nothing: the change time of the file decides
  // instead, and if that is in the future too, it is set to now, as far as the caller owns the file.
  // A negative time: kBadArgument.
  absl::StatusOr<std::vector<Stale>> FindStale(Nanos idle_for = std::chrono::minutes(1)) const;
  // Removes it, after proving again under all of its locks what FindStale saw: kInUse if it is used, kept or
  // was used since, kIncarnation if the name leads to another queue by now.
  absl::Status Remove(const Stale&) const;
  // Takes a consumer's seat away; its next call says kEvicted. A seat that was reused since is never hit:
  // kNotFound unless the generation still matches.
  absl::Status Evict(std::string_view name, uint32_t seat, uint32_t generation) const;
  // Removes a group without living members, also a durable one: it holds nothing back any more. kInUse.
  absl::Status RemoveGroup(std::string_view name, std::string_view group) const;
  absl::Status Set(std::string_view name, const RingChanges& changes) const;

 private:
  std::string directory_;
};

}  // namespace millrace

#endif  // MILLRACE_SEGMENT_MANAGER_H_
