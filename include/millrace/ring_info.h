// SPDX-License-Identifier: Apache-2.0
// What a tool or a consumer can know about a ring and its users: plain values, without calls.
#ifndef MILLRACE_RING_INFO_H_
#define MILLRACE_RING_INFO_H_

#include "millrace/internal/compiler.h"  // first

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/options.h"

namespace millrace {

// What a consumer or a tool can know about the producer of a ring. Values are a snapshot.
struct ProducerInfo {
  bool alive = false;                 // as the kernel answered now; true if the kernel refused to answer
  bool alive_unknown = false;         // true: the kernel refused to answer, so `alive` is an assumption
  bool closed = false;                // the producer called Close()
  uint64_t epoch = 0;                 // each producer of the ring adds 1; 0: the ring never had one
  uint64_t epoch_first_sequence = 0;  // sequence of the first message of this producer
  std::optional<pid_t> pid;           // set only if the producer is in the caller's PID namespace
  bool pid_foreign = false;           // true: the producer is in another PID namespace
  std::string label;                  // ProducerOptions::label
};

// A seat that is taken, as a tool sees it. Values are a snapshot.
struct SeatInfo {
  uint32_t seat = 0, generation = 0;   // what SegmentManager::Evict needs
  std::string label, delivery, group;  // delivery: "lossless", "lossy" or "group"; group: its name
  std::optional<pid_t> pid;            // as in ProducerInfo
  bool pid_foreign = false;            // as in ProducerInfo
  bool alive = false;
  bool evicted = false;
  // True if /proc shows that the process is stopped (SIGSTOP, a debugger). Only a hint.
  bool stopped = false;
  bool holds_back = false;          // leaves no room for the message that the producer last wanted to publish
  uint64_t received = 0, lost = 0;  // messages, when the consumer last stored its position
  uint64_t lag_messages = 0, lag_bytes = 0;  // published and not yet read
  // Largest possible age of the oldest message that the consumer has not read, in nanoseconds: the age of a
  // mark up to 3 chunks below that message. 0: the consumer has read everything. Unset: unknown.
  std::optional<uint64_t> lag_ns;
};

// A group of a ring, as a tool sees it.
struct GroupInfo {
  std::string name;
  bool durable = false;
  bool holds_back = false;  // messages that no member has taken leave no room, as in SeatInfo
  uint32_t members = 0;     // members that are alive and not evicted
  uint32_t in_hand = 0;     // members, dead ones included, that hold messages
  uint64_t lag_messages = 0, lag_bytes = 0;  // published and not yet taken by any member
};

// A ring, as a tool sees it. Sizes are in bytes. Values are a snapshot.
struct RingInfo {
  std::string name, incarnation;  // incarnation: 32 hexadecimal digits
  std::string schema, damage;     // damage: "" if there is none; a damaged ring is listed, not an error
  std::string stale_why;          // why the ring is stale, or why it is not
  // "live", "closed", "producer_gone", "never_used", "damaged", or "unreadable" (List only; `damage` gives
  // the reason).
  std::string state;
  uint64_t capacity = 0, max_message = 0, bytes = 0;  // bytes: shared memory of all objects of the ring
  uint64_t next_sequence = 0, oldest_sequence = 0;
  // False: next_sequence and all lags are lower bounds, because the bounded search for the end stopped early.
  bool next_sequence_exact = true;
  // Counts over all producers: messages dropped, waits for room, wake-ups of consumers, bytes of payload.
  uint64_t dropped = 0, blocked = 0, wakes = 0, payload_bytes = 0;
  uint64_t evictions = 0;   // seats taken away by producers and by tools
  uint64_t abandoned = 0;   // leases of dead members that were discarded when their group was retired
  Nanos blocked_time{0};    // spent in waits for room that are over
  uint64_t created_ns = 0;  // CLOCK_REALTIME, nanoseconds
  // What a living producer waits for now: "room", "consumers" (WaitForConsumers), or "" if it does not wait.
  std::string waits_for;
  // For how long the producer has waited, in nanoseconds. A wait for room counts from its first claim that
  // found none, across several calls. Unset if it does not wait, or if the time is unknown.
  std::optional<uint64_t> waits_ns;
  uint32_t awaited_consumers = 0;  // number of consumers that the producer waits for
  // For how long a living producer has found no room, in nanoseconds, while a consumer is still in the way
  // (see `holds_back`). Counts whether the producer waits, polls or drops messages. Unset if there is room.
  std::optional<uint64_t> full_ns;
  // Bytes from the oldest message that a lossless consumer or a group still needs to the end of the ring.
  // Unset if no consumer can hold the producer back, or if the consumers are unknown.
  std::optional<uint64_t> held_bytes;
  // Age of the newest message, in nanoseconds. It is exact if the publication woke a consumer. Otherwise the
  // message is at most that old, according to the ring's marks. Unset if there is no message, or if the age
  // is unknown.
  std::optional<uint64_t> last_message_ns;
  bool last_message_exact = false;  // true: last_message_ns is exact
  bool producer_stopped = false;    // as SeatInfo::stopped
  // Time of the newest trace of use, as CLOCK_REALTIME in nanoseconds: creation, a producer or consumer that
  // opened or left, a wake-up, a chunk that was filled. A killed process leaves only the last of its traces.
  // 0: unknown, because the clock was set back since.
  uint64_t used_ns = 0;
  uint32_t seats = 0;
  bool keep = false, stale = false;          // as RingOptions::keep; see `stale_why`
  bool seats_readable = true;                // false: no permission, so the consumers are unknown
  mode_t mode = 0;                           // mode of the ring file
  mode_t seats_mode = 0;                     // mode of the seats file; 0: there is no such file
  uid_t uid = 0;                             // owner of the ring file
  gid_t gid = 0;                             // group of the ring file
  std::optional<uid_t> seats_uid, lock_uid;  // owners of the other files; unset: there is no such file
  ProducerInfo producer;
  std::vector<SeatInfo> consumers;
  std::vector<GroupInfo> groups;
};

// A stale ring: no process uses it, and its grace time is over. Also the remains of a ring whose creator
// was killed.
struct Stale {
  std::string name, incarnation;  // incarnation: "" if there is no ring left to read it from
  std::string why;                // why the ring is stale
  uint64_t bytes = 0;             // shared memory of all its objects
  uid_t owner = 0;                // the user that may remove it; root may too
  // Values that Prune compares: the grace time of the search, and the traces of use that the ring showed
  // then. Leave the defaults in a Stale that was made by hand.
  Nanos idle_for{0};
  uint64_t used_ns = 0, next_sequence = 0;
};

// Changes of an existing ring for SegmentManager::Set. Options that are unset stay as they are.
struct RingChanges {
  std::optional<bool> keep = {};
  std::optional<mode_t> ring_mode = {}, seats_mode = {};
  // The new owner of all files of the ring. It hands the ring over to the producer of another user. Root
  // only.
  std::optional<uid_t> owner = {};
  std::optional<gid_t> group = {};
  // The user that must own the ring now, as in ProducerOptions::owner. Unset: the effective user, also for
  // root.
  std::optional<uid_t> owned_by = {};
};

}  // namespace millrace

#endif  // MILLRACE_RING_INFO_H_
