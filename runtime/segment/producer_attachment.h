// SPDX-License-Identifier: Apache-2.0
// What a producer holds of its ring.
#ifndef MILLRACE_RUNTIME_SEGMENT_PRODUCER_ATTACHMENT_H_
#define MILLRACE_RUNTIME_SEGMENT_PRODUCER_ATTACHMENT_H_

#include <cstdint>

#include "millrace/internal/ring_view.h"
#include "runtime/os/lock.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// Everything a producer holds. Its locks fall when this is destroyed or the process ends.
struct ProducerAttachment : MappedRing {
  os::HeldLock producer_lock;  // byte 0 of .lock: decides which process is the producer
  os::HeldLock alive_lock;     // byte 0 of .ring: shows readers that the producer lives
  ObjectWatch ring_watch, seats_watch;
  internal::Point at;  // where publishing continues
  uint32_t epoch = 0;
  bool asym = false;
};

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_PRODUCER_ATTACHMENT_H_
