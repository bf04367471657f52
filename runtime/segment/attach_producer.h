// SPDX-License-Identifier: Apache-2.0
// Becoming the producer of a ring: by creating the ring, or by taking it over from a producer that is gone.
#ifndef MILLRACE_RUNTIME_SEGMENT_ATTACH_PRODUCER_H_
#define MILLRACE_RUNTIME_SEGMENT_ATTACH_PRODUCER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/layout.h"
#include "millrace/internal/ring_view.h"
#include "millrace/options.h"
#include "runtime/os/file.h"
#include "runtime/os/lock.h"
#include "runtime/os/mapping.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// Everything a producer holds. Its locks fall when this is destroyed or the process ends.
struct ProducerAttachment {
  Paths paths;
  internal::RingHeader header;  // the private copy
  os::Mapping ring, seats;
  os::HeldLock producer_lock;             // byte 0 of .lock: decides which process is the producer
  os::HeldLock alive_lock;                // byte 0 of .ring: shows readers that the producer lives
  os::LockProbe ring_probe, seats_probe;  // seats_probe can take locks
  ObjectWatch ring_watch, seats_watch;
  internal::SeatsHeader seats_header;
  os::Identity ring_identity, seats_identity;
  internal::Point at;  // where publishing continues
  uint32_t epoch = 0;
  bool asym = false;
};

// Options of a new ring, with every default filled in and every bound checked.
struct RingPlan {
  uint64_t capacity, max_message;
  uint32_t seats;
  std::string schema;
  Access access;
  bool keep;
  internal::Point start;  // position and sequence of the first message; tests of wrap-around set it
};
absl::StatusOr<RingPlan> PlanOf(std::string_view name, const RingOptions& options);
absl::Status CheckProducerOptions(const ProducerOptions& options);

// Creates a queue that appears by a single link, already locked by its producer. Fails with kExists,
// kNoSpace, kNoMemoryLimit and others.
absl::StatusOr<ProducerAttachment> CreateWithProducer(const Paths& paths, const RingPlan& plan,
                                                      const ProducerOptions& options);
// Creates a queue without becoming its producer.
absl::Status CreateWithoutProducer(const Paths& paths, const RingPlan& plan);

// Becomes the producer of an existing queue whose producer is gone. Every option set in `wanted` must match
// the ring; null accepts any ring. Fails with kProducerAlive after take_over_timeout.
absl::StatusOr<ProducerAttachment> TakeOver(const Paths& paths, const RingOptions* wanted,
                                            const ProducerOptions& options);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_ATTACH_PRODUCER_H_
