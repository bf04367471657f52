// SPDX-License-Identifier: Apache-2.0
// Becoming the producer of an existing queue whose producer is gone. protocol/life_cycle.md "Take-over".
#ifndef MILLRACE_RUNTIME_SEGMENT_TAKE_OVER_H_
#define MILLRACE_RUNTIME_SEGMENT_TAKE_OVER_H_

#include "absl/status/statusor.h"
#include "millrace/options.h"
#include "runtime/segment/names.h"
#include "runtime/segment/producer_attachment.h"

namespace millrace::segment {

// Becomes the producer of an existing queue whose producer is gone. Every option set in `wanted` must match
// the ring; null accepts any ring. Fails with kProducerAlive after take_over_timeout.
absl::StatusOr<ProducerAttachment> TakeOver(const Paths& paths, const RingOptions* wanted,
                                            const ProducerOptions& options);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_TAKE_OVER_H_
