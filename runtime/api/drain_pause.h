// How long a consumer leaves the producer alone after it has read everything.
//
// A consumer that is quicker than its producer looks at the line that the producer is filling just then, and
// takes it away from it, message for message. So it pauses once, right after a drain, the longer the more it
// has drained: in a stream that makes the next drain longer, up to the limit. After a single message it does
// not pause at all: then nothing says that another one follows, and its latency counts.
#ifndef MILLRACE_RUNTIME_API_DRAIN_PAUSE_H_
#define MILLRACE_RUNTIME_API_DRAIN_PAUSE_H_

#include <algorithm>
#include <cstdint>

#include "millrace/internal/atomics.h"
#include "millrace/internal/ring_view.h"

namespace millrace::api {

class DrainPause {
 public:
  // Nothing is at `here`. true: it has paused, look again. Not on a core that others want: they are pause
  // enough.
  bool After(internal::Point here, bool shared_core) noexcept {
    const uint64_t messages = here.sequence - last_.sequence, bytes = here.position - last_.position;
    last_ = here;
    if (messages < 2 || shared_core) return false;
    const uint64_t most = std::min(kSmallPauses + bytes / messages / kBytesPerPauseMore, kLargePauses);
    for (uint64_t i = std::min(bytes / kBytesPerPause, most); i > 0; --i) internal::CpuPause();
    return true;
  }

 private:
  // A pause takes 15 to 40 ns on CPUs of the last years: a microsecond at most, after 2.5 KB, and longer for
  // large messages, which take as long to come. Twice as many made no difference at 8 and 64 bytes; half as
  // many looked a quarter slower at 64 (few slices).
  static constexpr uint64_t kBytesPerPause = 64, kSmallPauses = 40, kBytesPerPauseMore = 16,
                            kLargePauses = 200;
  internal::Point last_;  // where nothing was last time
};

}  // namespace millrace::api

#endif  // MILLRACE_RUNTIME_API_DRAIN_PAUSE_H_
