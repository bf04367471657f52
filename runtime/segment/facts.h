// What can be told about a ring by looking: for tools, SegmentManager and Consumer::producer().
#ifndef MILLRACE_RUNTIME_SEGMENT_FACTS_H_
#define MILLRACE_RUNTIME_SEGMENT_FACTS_H_

#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "millrace/internal/ring_view.h"
#include "millrace/segment_manager.h"
#include "runtime/os/lock.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

ProducerInfo ProducerFacts(const internal::RingControl& control, os::LockProbe& ring_probe);

// Takes no lock and no seat. A damaged or truncated ring is described, not an error; kNotFound and kNotARing
// are.
absl::StatusOr<RingInfo> FactsOfRing(const Paths& paths);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_FACTS_H_
