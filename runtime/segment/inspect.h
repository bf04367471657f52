// SPDX-License-Identifier: Apache-2.0
// Facts about a ring that can be read without joining it: for tools, SegmentManager and Consumer::producer().
#ifndef MILLRACE_RUNTIME_SEGMENT_INSPECT_H_
#define MILLRACE_RUNTIME_SEGMENT_INSPECT_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "millrace/internal/ring_view.h"
#include "millrace/ring_info.h"
#include "runtime/os/file.h"
#include "runtime/os/lock.h"
#include "runtime/os/park.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// Returns true if the producer that stored `state` ended without closing, as its lock on .ring shows. A reader
// may have kept that producer from taking the lock. Then the lock on .lock decides, and the answer is false for
// a process that cannot read .lock, as most readers cannot. Looks at the lock after `state` was read.
bool ProducerIsGone(const internal::RingControl& control, uint64_t state, os::LockProbe& ring_probe,
                    const Paths& paths);

// Returns the producer's words, and whether its locks show it alive, as in ProducerIsGone.
ProducerInfo InspectProducer(const internal::RingControl& control, os::LockProbe& ring_probe,
                             const Paths& paths);

// Finds the newest of several times. Ignores times in the future: the clock was set back after them.
class NewestTime {
 public:
  void Add(uint64_t realtime_ns);
  // Returns the newest time (CLOCK_REALTIME), or 0 if it is unknown. If any time lay in the future, the
  // change time of `file` counts as well, and without it the newest time is unknown.
  uint64_t Of(const std::optional<os::FileFacts>& file) const;

 private:
  uint64_t now_ns_ = os::WallNs(), newest_ns_ = 0;
  bool future_ = false;
};
// Returns true if `newest_ns` (CLOCK_REALTIME) is less than `idle_ns` ago. An unknown time (0) counts as now.
// Returns false if `idle_ns` is 0.
bool UsedSince(uint64_t newest_ns, uint64_t idle_ns);

// Returns true if any lock of the queue is held, whatever the contents of its files. Fails if a lock cannot be
// queried.
absl::StatusOr<bool> AnyLockHeld(const Paths& paths);

// Whether the caller itself holds the locks of all users (kOurs, see LifeCycle::TryUsers). With kOurs, a user
// that looks alive is the caller.
enum class LocksOfUsers : bool { kTheirs, kOurs };
inline constexpr uint64_t kDefaultIdleNs = 60'000'000'000;
// Describes a ring, without taking a lock or a seat. Also describes a damaged or truncated ring; fails with
// kNotFound and kNotARing. The ring is stale if no user is alive and its newest trace of use is older than
// `idle_ns`.
absl::StatusOr<RingInfo> Inspect(const Paths& paths, uint64_t idle_ns = kDefaultIdleNs,
                                 LocksOfUsers seats = LocksOfUsers::kTheirs);
// Describes a ring that Inspect refused with `why`, for a list of rings. Returns nullopt if it is no ring
// or is gone.
std::optional<RingInfo> InspectUnreadable(const Paths& paths, const absl::Status& why);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_INSPECT_H_
