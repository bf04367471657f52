// SPDX-License-Identifier: Apache-2.0
// How long a consumer leaves the producer alone after it has read everything.
//
// A consumer that is faster than its producer polls the cache line that the producer is filling. Each poll
// takes that line away from the producer, once per message. So the consumer pauses once after each drain. The
// more bytes it has drained, the longer it pauses. In a stream a pause makes the next drain longer, and so
// the next pause, up to the limit. After a single message the consumer does not pause: nothing suggests that
// another message follows, and latency counts.
#ifndef MILLRACE_RUNTIME_API_DRAIN_PAUSE_H_
#define MILLRACE_RUNTIME_API_DRAIN_PAUSE_H_

#include <algorithm>
#include <cstdint>

#include "millrace/internal/atomics.h"
#include "millrace/internal/ring_view.h"

namespace millrace::internal {

class DrainPause {
 public:
  // Pauses if the last drain was long enough. Returns true if it has paused; the caller then looks again. The
  // consumer has found nothing at `here`. Never pauses on a shared CPU: running the other processes is pause
  // enough.
  bool After(Point here, bool cpu_shared) noexcept {
    const uint64_t messages = here.sequence - last_.sequence, bytes = here.position - last_.position;
    last_ = here;
    if (messages < 2 || cpu_shared) return false;
    const uint64_t most = std::min(kSmallPauses + bytes / messages / kBytesPerPauseMore, kLargePauses);
    for (uint64_t i = std::min(bytes / kBytesPerPause, most); i > 0; --i) CpuPause();
    return true;
  }

 private:
  // One pause instruction for 64 bytes drained. The limit is about a microsecond for small messages, and more
  // for large messages, which also take the producer longer.
  static constexpr uint64_t kBytesPerPause = 64, kSmallPauses = 40, kBytesPerPauseMore = 16,
                            kLargePauses = 200;
  Point last_;  // where the last drain ended
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_DRAIN_PAUSE_H_
