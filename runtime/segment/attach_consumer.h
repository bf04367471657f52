// Becoming a ring's consumer: mapping it, taking a seat, joining.
#ifndef MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_
#define MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/layout.h"
#include "millrace/internal/ring_group.h"
#include "millrace/internal/ring_join.h"
#include "millrace/options.h"
#include "runtime/os/lock.h"
#include "runtime/os/object.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// Everything a consumer holds. The seat's lock falls when it is destroyed or when the process ends.
struct ConsumerAttachment {
  Paths paths;
  internal::RingHeader header;  // the private copy
  internal::SeatsHeader seats_header;
  os::Mapping ring;   // read-only
  os::Mapping seats;  // nothing for an observer
  os::HeldLock seat_lock;
  os::Identity ring_identity, seats_identity;
  os::LockProbe ring_probe;
  os::LockProbe seats_probe;  // may lock; nothing for an observer
  ObjectWatch ring_watch;
  bool private_ring = false;  // nobody but its owner may read it
  uint32_t seat = 0;
  uint64_t live_state = 0;
  internal::Beginning begin;
  internal::GroupPlace group;  // of a member
};

absl::Status CheckConsumerOptions(const Delivery& delivery, const ConsumerOptions& options);

// A start as the ring knows it. Ages become times here: "now" is when this is called.
struct Where {
  internal::StartAt at;
  uint64_t value;
};
Where Locate(const Start& start);
// What a join that failed says to its caller.
absl::Status JoinFailed(const Paths& paths, internal::JoinFailure failure, const Start& start,
                        const internal::RingMemory& memory);

// PROTOCOL.md "Join". kNotFound (after open_timeout), kNoSeat, kNoPermission, kSchema, kBadArgument for a
// start beyond the end, and whatever OpenRing refuses.
absl::StatusOr<ConsumerAttachment> AttachConsumer(const Paths& paths, const Delivery& delivery,
                                                  const ConsumerOptions& options);

// Leaves the seat in order: free for the next holder, who finds another generation. With a message of its
// group in hand it is left as if its holder had died, for other members to adopt.
void LeaveSeat(ConsumerAttachment& attached);

// A seat whose holder is dead: takes its lock, empties it, lets the lock go. false: somebody holds it, or it
// cannot be had now. Never waits.
bool EmptyDeadSeat(os::LockProbe& seats_probe, const internal::SeatTable& table, uint32_t seat);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_
