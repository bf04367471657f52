// SPDX-License-Identifier: Apache-2.0
// Becoming a consumer of a ring: mapping the ring, taking a seat, joining.
#ifndef MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_
#define MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_

#include "absl/status/statusor.h"
#include "millrace/options.h"
#include "runtime/segment/names.h"
#include "runtime/segment/seat.h"

namespace millrace::segment {

// Opens a ring and joins it as a consumer. protocol/consume.md "Join". Fails with kNotFound (after open_timeout),
// kInterrupted (cancel_open), kNoSeat, kNoPermission, kSchema, kBadArgument for a start beyond the end, and
// with the failures of OpenRing.
absl::StatusOr<ConsumerAttachment> AttachConsumer(const Paths& paths, const Delivery& delivery,
                                                  const ConsumerOptions& options);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_ATTACH_CONSUMER_H_
