#include "tools/shmctl/tail_start.h"

#include <utility>

#include "millrace/error.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/complaint.h"
#include "tools/shmctl/signals.h"

namespace millrace::tool {
namespace {

constexpr std::chrono::milliseconds kSlice{100};  // how long waiting for a name may overlook a signal

// Everything that a ring ever held: for one that came after we had begun to look for it, this is "from now
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
  options.copy = true;  // an eviction (shmctl evict) while a message is written must not tear it
  options.follow_reopen = !EndsAtClose(start);
  return options;
}

absl::StatusOr<TailJoin> JoinForTail(const TailStart& start, OutputBuffer& output) {
  // Before joining: a close that comes from here on is the one to end at, even if it comes before the join.
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
