// What can be told about a ring by looking: for tools, SegmentManager and Consumer::producer().
#ifndef MILLRACE_RUNTIME_SEGMENT_FACTS_H_
#define MILLRACE_RUNTIME_SEGMENT_FACTS_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "millrace/internal/ring_view.h"
#include "millrace/segment_manager.h"
#include "runtime/os/lock.h"
#include "runtime/os/object.h"
#include "runtime/os/park.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// Asks .ring who is alive. If a reader kept the producer from its lock there, asks .lock, as its owner may.
ProducerInfo ProducerFacts(const internal::RingControl& control, os::LockProbe& ring_probe,
                           const Paths& paths);

// Looks for the newest of several times. One in the future (the clock was set back since) says nothing.
class NewestTime {
 public:
  void Add(uint64_t realtime_ns);
  // CLOCK_REALTIME; 0: unknown. Where a time lay in the future, the change time of `file` decides as well.
  uint64_t Of(const std::optional<os::FileFacts>& file) const;

 private:
  uint64_t now_ns_ = os::WallNs(), newest_ns_ = 0;
  bool future_ = false;
};
// Is this CLOCK_REALTIME less than `idle_ns` ago? An unknown time (0) counts as now; nothing is used within 0
// ns.
bool UsedSince(uint64_t newest_ns, uint64_t idle_ns);

// Is any lock of the queue held, whatever its contents say? A refused answer counts as held.
bool AnyLockHeld(const Paths& paths);

// Takes no lock and no seat. A damaged or truncated ring is described, not an error; kNotFound and kNotARing
// are. Stale: nobody is alive and the newest trace is older than `idle_ns`. `seats`: kOurs where the caller
// holds the locks of all users (LifeCycle::TryUsers), so that whoever looks alive is the caller.
enum class LocksOfUsers : bool { kTheirs, kOurs };
inline constexpr uint64_t kDefaultIdleNs = 60'000'000'000;
absl::StatusOr<RingInfo> FactsOfRing(const Paths& paths, uint64_t idle_ns = kDefaultIdleNs,
                                     LocksOfUsers seats = LocksOfUsers::kTheirs);
// A ring that FactsOfRing refuses, as a list shows it. nullopt: it is none, or gone.
std::optional<RingInfo> FactsOfUnreadable(const Paths& paths, const absl::Status& why);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_FACTS_H_
