// SPDX-License-Identifier: Apache-2.0
// Creates a queue: allocates and fills its files without names, then links them, seats first.
// protocol/life_cycle.md "Creating".
#ifndef MILLRACE_RUNTIME_SEGMENT_CREATE_H_
#define MILLRACE_RUNTIME_SEGMENT_CREATE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/options.h"
#include "runtime/segment/names.h"
#include "runtime/segment/plan.h"
#include "runtime/segment/producer_attachment.h"

namespace millrace::segment {

// Creates a queue that appears by a single link, already locked by its producer. Fails with kExists,
// kNoSpace, kNoMemoryLimit and others.
absl::StatusOr<ProducerAttachment> CreateWithProducer(const Paths& paths, const RingPlan& plan,
                                                      const ProducerOptions& options);
// Creates a queue without becoming its producer.
absl::Status CreateWithoutProducer(const Paths& paths, const RingPlan& plan);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_CREATE_H_
