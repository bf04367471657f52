// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/tail/loop.h"

#include <utility>

#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/signals.h"
#include "tools/shmctl/text/describe.h"

namespace millrace::tool {
namespace {

// Time between checks of the producer and of the reader of our output.
constexpr std::chrono::milliseconds kSlice{50};

}  // namespace

int TailExitCode(const OutputBuffer& output, int failure, uint64_t lost) {
  switch (output.state()) {
    case OutputBuffer::State::kGood:
      break;
    case OutputBuffer::State::kReaderGone:
      return kDone;
    case OutputBuffer::State::kFailed:
      Complain(output.problem());
      return kEnvironment;
    case OutputBuffer::State::kStuck:
      Complain("the output is not being read; its end was not written");
      return kSignalBase + CaughtSignal();
  }
  if (failure != kDone) return failure;
  if (CaughtSignal() != 0) return kSignalBase + CaughtSignal();
  return lost == 0 ? kDone : kFinding;
}

void TellLoss(const std::string& ring, const Message& message) {
  Complain("lost " + Counted(message.lost, "message") + (ring.empty() ? "" : " of \"" + ring + "\"") +
           " before sequence " + std::to_string(message.sequence));
}

void TellProducerGone(const std::string& ring, const ProducerInfo& producer, uint64_t* epoch_told) {
  const bool gone = producer.epoch != 0 && !producer.alive && !producer.closed;
  if (!gone || producer.epoch == *epoch_told) return;
  *epoch_told = producer.epoch;
  Complain("the producer of \"" + ring + "\" is gone without closing it; waiting for the next one");
}

TailLoop::TailLoop(std::string name, TailJoin join, Format format, TailLimits limits, bool acknowledges,
                   OutputBuffer& output)
    : name_(std::move(name)),
      consumer_(std::move(join.consumer)),
      ignored_close_(join.ignored_close),
      format_(format),
      limits_(limits),
      acknowledges_(acknowledges),
      output_(output) {}

int TailLoop::Run() {
  const InterruptOnSignal interrupt(&consumer_);
  bool more = true;
  while (more && !IsOver()) {
    const Received received = ReadNext();
    if (received) {
      Show(*received);
    } else {
      more = GoOnAfter(received.why());
    }
  }
  output_.Flush();
  return TailExitCode(output_, failure_, lost_);
}

bool TailLoop::IsOver() const {
  return CaughtSignal() != 0 || output_.state() != OutputBuffer::State::kGood ||
         (limits_.count && shown_ >= *limits_.count) ||
         (limits_.end_sequence && consumer_.next_sequence() >= *limits_.end_sequence);
}

Received TailLoop::ReadNext() {
  const Received received = consumer_.TryNext();
  if (received.why() != Got::kEmpty || closing_ || limits_.end_sequence) return received;
  output_.Flush();  // the reader of our output gets everything before we wait
  return consumer_.Next(kSlice);
}

void TailLoop::Show(const Message& message) {
  if (message.lost > 0) {
    lost_ += message.lost;
    TellLoss("", message);
  }
  AppendMessage(format_, "", message.text(), message.sequence, message.lost, &output_.pending());
  ++shown_;
  output_.WriteIfLarge();
  if (!acknowledges_) return;
  output_.Flush();
  if (output_.state() == OutputBuffer::State::kGood) consumer_.Ack();
}

bool TailLoop::GoOnAfter(Got why) {
  switch (why) {
    case Got::kTimedOut:
      LookAtProducer();
      output_.LookForReader();
      return true;
    case Got::kInterrupted:
      return true;  // IsOver() sees the signal
    case Got::kEmpty:
    case Got::kClosed:
      return false;
    case Got::kEvicted:
      failure_ = kFinding;
      break;
    default:
      failure_ = kEnvironment;
      break;
  }
  const absl::Status status = consumer_.status();
  Complain(std::string_view(status.message().data(), status.message().size()));
  return false;
}

void TailLoop::LookAtProducer() {
  const ProducerInfo producer = consumer_.producer();
  closing_ = ignored_close_ && producer.closed && producer.epoch != *ignored_close_;
  TellProducerGone(name_, producer, &epoch_reported_gone_);
}

}  // namespace millrace::tool
