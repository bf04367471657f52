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

// Asks .ring who is alive. If a reader kept the producer from its lock there, asks .lock, as its owner may.
ProducerInfo ProducerFacts(const internal::RingControl& control, os::LockProbe& ring_probe,
                           const Paths& paths);

// Is this CLOCK_REALTIME less than `idle_ns` ago? A time in the future (the clock was set back) counts as
// now.
bool UsedSince(uint64_t newest_ns, uint64_t idle_ns);

// Is any lock of the queue held, whatever its contents say? A refused answer counts as held.
bool AnyLockHeld(const Paths& paths);

// Takes no lock and no seat. A damaged or truncated ring is described, not an error; kNotFound and kNotARing
// are. Stale: nobody is alive and the newest trace is older than `idle_ns`.
inline constexpr uint64_t kDefaultIdleNs = 60'000'000'000;
absl::StatusOr<RingInfo> FactsOfRing(const Paths& paths, uint64_t idle_ns = kDefaultIdleNs);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_FACTS_H_
