// Where `shmctl tail` begins, and whose close ends it: waiting for a ring that is not there yet, and telling
// a close that happened before from the one that is waited for.
#ifndef MILLRACE_TOOLS_SHMCTL_TAIL_START_H_
#define MILLRACE_TOOLS_SHMCTL_TAIL_START_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "tools/shmctl/streams.h"

namespace millrace::tool {

struct TailStart {
  std::string name, directory;
  Start start = Start::End();
  Delivery delivery = Delivery::Observer();
  std::optional<uid_t> owner = {};  // whose rings it reads; unset: anybody's
  bool until_closed = false;
  bool wait = true;  // for a ring that is not there
};

// Whoever asks for what is there, by oldest, sequence or age, is done when a closed ring was read to its end.
bool EndsAtClose(const TailStart& start);

// `came_later`: the ring was not there when we began to look for it. It has no close to ignore, and its first
// message is one to be seen.
ConsumerOptions OptionsForTail(const TailStart& start, bool came_later);

struct TailJoin {
  Consumer consumer;  // answers kClosed for a close that ends tail, but see ignored_close
  // Set: the ring had been closed before, by the producer of this epoch (0: by one of a ring that is gone),
  // and the next producer's close is the one to end at. The consumer then waits at a closed ring, so its
  // caller compares ProducerInfo::epoch.
  std::optional<uint64_t> ignored_close;
};

// Waits, saying so, while the ring is not there. kCancelled: a signal was caught, or `output` has no reader.
absl::StatusOr<TailJoin> JoinForTail(const TailStart& start, OutputBuffer& output);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TAIL_START_H_
