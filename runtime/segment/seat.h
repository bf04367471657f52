// SPDX-License-Identifier: Apache-2.0
// The seat of a consumer: taking it, leaving it, and emptying the seat of a dead holder.
#ifndef MILLRACE_RUNTIME_SEGMENT_SEAT_H_
#define MILLRACE_RUNTIME_SEGMENT_SEAT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "millrace/internal/ring_group.h"
#include "millrace/internal/ring_join.h"
#include "millrace/options.h"
#include "runtime/os/lock.h"
#include "runtime/segment/group.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// Everything a consumer holds. The seat's lock falls when this is destroyed or the process ends.
struct ConsumerAttachment : MappedRing {
  os::HeldLock seat_lock;
  ObjectWatch ring_watch;
  bool private_ring = false;  // only its owner may read the ring
  uint32_t seat = 0;
  uint64_t live_state = 0;
  internal::Beginning begin;
  internal::GroupPlace group;  // set for a member only
};

// Takes a free seat, or if there is none, one whose holder died, and goes live in it: as a member of `group`,
// or without a group (null). Fails with kNoSeat, with kIncarnation if the ring was removed, and as JoinFailed
// says. Sets `*locked` and fails if another process holds the locks of the free seats, as a remover does for a
// moment; the status is for a caller that has waited a second for them.
absl::Status TakeSeat(ConsumerAttachment& attached, const Delivery& delivery, const ConsumerOptions& options,
                      const GroupHold* group, bool* locked);

// Leaves the seat: marks it free for the next holder, which gets a new generation. A member that holds a
// lease leaves its seat as if it had died, so that other members can adopt the lease.
void LeaveSeat(ConsumerAttachment& attached);

// Frees a seat whose holder is dead, under the seat's lock. Returns false if the seat has a holder or a
// lease, or if its lock cannot be taken now. Never waits.
bool EmptyDeadSeat(MappedRing& ring, uint32_t seat);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_SEAT_H_
