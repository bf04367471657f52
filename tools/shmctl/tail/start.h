// SPDX-License-Identifier: Apache-2.0
// Where `shmctl tail` begins, and which close ends it. Waits for a ring that does not exist yet, and
// distinguishes an earlier close from the close to end at.
#ifndef MILLRACE_TOOLS_SHMCTL_TAIL_START_H_
#define MILLRACE_TOOLS_SHMCTL_TAIL_START_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "millrace/consumer.h"
#include "tools/shmctl/io/streams.h"

namespace millrace::tool {

struct TailStart {
  std::string name, directory;
  Start start = Start::End();
  Delivery delivery = Delivery::Observer();
  std::optional<uid_t> owner = {};  // owner of the rings to read; unset: any user
  bool until_closed = false;
  bool wait = true;  // wait for a ring that is not there
};

// Returns true if tail ends when it has read a closed ring to its end: with until_closed, or if it began at
// the oldest message, a sequence or an age.
bool EndsAtClose(const TailStart& start);

// `came_later` is true if the ring did not exist when the search began. Such a ring has no close to ignore,
// and its first message is shown.
ConsumerOptions OptionsForTail(const TailStart& start, bool came_later);

struct TailJoin {
  Consumer consumer;  // returns kClosed for a close that ends tail, but see ignored_close
  // Set if the ring had been closed before, by the producer of this epoch (0: by the producer of a ring that
  // is gone). Tail then ends at the next producer's close. The consumer waits at a closed ring in that case,
  // so its caller compares ProducerInfo::epoch.
  std::optional<uint64_t> ignored_close;
};

// Joins the ring. While it does not exist, waits and reports that it waits. Returns kCancelled if a signal
// was caught or `output` has no reader.
absl::StatusOr<TailJoin> JoinForTail(const TailStart& start, OutputBuffer& output);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TAIL_START_H_
