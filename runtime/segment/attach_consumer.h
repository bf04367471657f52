// SPDX-License-Identifier: Apache-2.0
// Becoming a consumer of a ring: mapping the ring, taking a seat, joining.
#ifndef MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_
#define MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/layout.h"
#include "millrace/internal/ring_group.h"
#include "millrace/internal/ring_join.h"
#include "millrace/options.h"
#include "runtime/os/file.h"
#include "runtime/os/lock.h"
#include "runtime/os/mapping.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// Everything a consumer holds. The seat's lock falls when this is destroyed or the process ends.
struct ConsumerAttachment {
  Paths paths;
  internal::RingHeader header;  // the private copy
  internal::SeatsHeader seats_header;
  os::Mapping ring;   // read-only
  os::Mapping seats;  // empty for an observer
  os::HeldLock seat_lock;
  os::Identity ring_identity, seats_identity;
  os::LockProbe ring_probe;
  os::LockProbe seats_probe;  // can take locks; empty for an observer
  ObjectWatch ring_watch;
  bool private_ring = false;  // only its owner may read the ring
  uint32_t seat = 0;
  uint64_t live_state = 0;
  internal::Beginning begin;
  internal::GroupPlace group;  // set for a member only
};

// Fails with kBadArgument or kBadName if an option or the group's name is not allowed.
absl::Status CheckConsumerOptions(const Delivery& delivery, const ConsumerOptions& options);

// A start in the form that joining needs. Locate converts an age to a time, counted back from its call.
struct Where {
  internal::StartAt at;
  uint64_t value;
};
Where Locate(const Start& start);
// Returns the status of a join that failed.
absl::Status JoinFailed(const Paths& paths, internal::JoinFailure failure, const Start& start,
                        const internal::RingMemory& memory);

// Opens a ring and joins it as a consumer. protocol/consume.md "Join". Fails with kNotFound (after open_timeout),
// kInterrupted (cancel_open), kNoSeat, kNoPermission, kSchema, kBadArgument for a start beyond the end, and
// with the failures of OpenRing.
absl::StatusOr<ConsumerAttachment> AttachConsumer(const Paths& paths, const Delivery& delivery,
                                                  const ConsumerOptions& options);

// Leaves the seat: marks it free for the next holder, which gets a new generation. A member that holds a
// lease leaves its seat as if it had died, so that other members can adopt the lease.
void LeaveSeat(ConsumerAttachment& attached);

// Frees a seat whose holder is dead, under the seat's lock. Returns false if the seat has a holder or a
// lease, or if its lock cannot be taken now. Never waits.
bool EmptyDeadSeat(os::LockProbe& seats_probe, const internal::SeatTable& table, uint32_t seat);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_
