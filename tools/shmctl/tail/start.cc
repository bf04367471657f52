// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/tail/start.h"

#include <utility>

#include "millrace/error.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/signals.h"

namespace millrace::tool {
namespace {

// Longest time in which waiting for a name may miss a signal.
constexpr std::chrono::milliseconds kSlice{100};

// Everything that a ring ever held. For a ring that appeared after the search had begun, this means "from now
// on".
constexpr Start kFromTheFirst = Start::Sequence(0);

absl::StatusOr<Consumer> WaitForRing(const TailStart& start, OutputBuffer& output) {
  Complain("waiting for a ring \"" + start.name + "\" in " + start.directory);
  ConsumerOptions options = OptionsForTail(start, /*came_later=*/true);
  options.open_timeout = kSlice;
  while (CaughtSignal() == 0 && output.state() == OutputBuffer::State::kGood) {
    auto consumer = Consumer::Open(start.name, start.delivery, options);
    if (consumer.ok() || ErrorOf(consumer.status()) != Error::kNotFound) return consumer;
    output.LookForReader();
  }
  return absl::CancelledError();
}

}  // namespace

bool EndsAtClose(const TailStart& start) {
  const Start::Kind kind = start.start.kind();
  return start.until_closed || kind == Start::Kind::kOldest || kind == Start::Kind::kSequence ||
         kind == Start::Kind::kAgo;
}

ConsumerOptions OptionsForTail(const TailStart& start, bool came_later) {
  const Start::Kind kind = start.start.kind();
  ConsumerOptions options;
  options.start = start.start;
  if (came_later && (kind == Start::Kind::kEnd || kind == Start::Kind::kLast || kind == Start::Kind::kAgo))
    options.start = kFromTheFirst;
  options.label = "shmctl tail";
  options.directory = start.directory;
  options.owner = start.owner;
  options.copy = true;  // an eviction (shmctl evict) during the write must not tear the message
  options.follow_reopen = !EndsAtClose(start);
  return options;
}

absl::StatusOr<TailJoin> JoinForTail(const TailStart& start, OutputBuffer& output) {
  // Inspect before joining. A close after this point is the one to end at, even if it precedes the join.
  const SegmentManager manager(start.directory);
  const auto before = manager.Inspect(start.name);
  const bool missing = !before.ok() && ErrorOf(before.status()) == Error::kNotFound;
  ConsumerOptions options = OptionsForTail(start, missing);
  std::optional<uint64_t> ignored_close;
  if (before.ok() && before->producer.closed && start.start.kind() == Start::Kind::kEnd &&
      start.until_closed) {
    ignored_close = before->producer.epoch;
    options.follow_reopen = true;
  }

  auto consumer = Consumer::Open(start.name, start.delivery, options);
  if (!consumer.ok() && ErrorOf(consumer.status()) == Error::kNotFound && start.wait) {
    ignored_close.reset();
    consumer = WaitForRing(start, output);
  }
  if (!consumer.ok()) return consumer.status();
  if (ignored_close) {  // the ring may have been replaced between the two looks
    const auto after = manager.Inspect(start.name);
    if (after.ok() && after->incarnation != before->incarnation) ignored_close = 0;
  }
  return TailJoin{*std::move(consumer), ignored_close};
}

}  // namespace millrace::tool
