// Becoming a ring's producer: by creating it, or by taking it over from one that is gone.
#ifndef MILLRACE_RUNTIME_SEGMENT_ATTACH_PRODUCER_H_
#define MILLRACE_RUNTIME_SEGMENT_ATTACH_PRODUCER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/layout.h"
#include "millrace/internal/ring_view.h"
#include "millrace/options.h"
#include "runtime/os/lock.h"
#include "runtime/os/object.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// Everything a producer holds. Its locks fall when it is destroyed or when the process ends.
struct ProducerAttachment {
  Paths paths;
  internal::RingHeader header;  // the private copy
  os::Mapping ring, seats;
  os::HeldLock producer_lock;             // .lock byte 0: decides
  os::HeldLock alive_lock;                // .ring byte 0: tells readers
  os::LockProbe ring_probe, seats_probe;  // the second may lock
  ObjectWatch ring_watch, seats_watch;
  internal::SeatsHeader seats_header;
  os::Identity ring_identity, seats_identity;
  internal::Point at;  // where publishing goes on
  uint32_t epoch = 0;
  bool asym = false;
};

// Options with every default filled in and every bound checked.
struct RingPlan {
  uint64_t capacity, max_message;
  uint32_t seats;
  std::string schema;
  Access access;
  bool keep;
  internal::Point start;  // position and sequence of the first message; other than 0 in tests of wrap-around
};
absl::StatusOr<RingPlan> PlanOf(std::string_view name, const RingOptions& options);
absl::Status CheckProducerOptions(const ProducerOptions& options);

// A new queue, visible by one link, already locked by its producer. kExists, kNoSpace, kNoMemoryLimit, ...
absl::StatusOr<ProducerAttachment> CreateWithProducer(const Paths& paths, const RingPlan& plan,
                                                      const ProducerOptions& options);
// The same without a producer.
absl::Status CreateWithoutProducer(const Paths& paths, const RingPlan& plan);

// An existing queue whose producer is gone. `wanted`: what the caller set must match (null: anything).
absl::StatusOr<ProducerAttachment> TakeOver(const Paths& paths, const RingOptions* wanted,
                                            const ProducerOptions& options);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_ATTACH_PRODUCER_H_
