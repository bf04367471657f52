// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/tail/many.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "millrace/error.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/signals.h"
#include "tools/shmctl/tail/loop.h"

namespace millrace::tool {
namespace {

constexpr std::chrono::milliseconds kSlice{20};  // between looks for new rings; an observer's sleep
constexpr int kNothingToReadMs = 100;
constexpr uint64_t kMessagesBetweenLooks = 256;
constexpr int64_t kLookAtProducersNs = 500'000'000;  // a look costs two system calls per ring

int64_t NowNs() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Tell(const absl::Status& status) {
  Complain(std::string_view(status.message().data(), status.message().size()));
}

}  // namespace

TailMany::TailMany(const std::vector<std::string>& words, TailStart start, Format format,
                   std::optional<uint64_t> count, bool stop_at_end, OutputBuffer& output)
    : start_(std::move(start)),
      format_(format),
      count_(count),
      stop_at_end_(stop_at_end),
      output_(output),
      names_(start_.directory) {
  for (const std::string& word : words) words_.push_back({word, IsPattern(word)});
}

int TailMany::Run() {
  const InterruptOnSignal interrupt(&merge_);
  for (const Word& word : words_) {
    if (word.pattern) continue;
    const absl::Status named = SegmentManager(start_.directory).Inspect(word.text).status();
    if (ErrorOf(named) == Error::kBadName) return Refuse(named);
  }
  for (const Word& word : words_) {
    if (!word.pattern) Join(word.text, /*came_later=*/false);
  }
  LookForRings(/*came_later=*/false);
  TellWhatIsMissing();
  bool more = true;
  for (uint64_t turn = 1; more && !IsOver(); ++turn) {
    Merged got = merge_.TryNext();
    if (!got && !got.source() && !stop_at_end_) {
      output_.Flush();  // the reader of our output gets everything before we wait
      if (merge_.size() > 0) got = merge_.Next(kSlice);
    }
    if (got) {
      Show(*got.source(), *got);
    } else if (got.source()) {
      End(*got.source(), got.why());
    } else {
      more = Idle();
    }
    if (turn % kMessagesBetweenLooks == 0 && !stop_at_end_ && names_.Changed(0)) LookForRings(true);
  }
  output_.Flush();
  return TailExitCode(output_, failure_, lost_);
}

bool TailMany::IsOver() const {
  if (CaughtSignal() != 0 || output_.state() != OutputBuffer::State::kGood) return true;
  if (count_ && shown_ >= *count_) return true;
  return merge_.size() == 0 &&
         std::none_of(words_.begin(), words_.end(), [](const Word& word) { return word.awaited; });
}

bool TailMany::Means(const Word& word, const std::string& name) {
  return word.pattern ? Matches(word.text, name) : word.text == name;
}

bool TailMany::IsRead(const std::string& name) const {
  return std::any_of(rings_.begin(), rings_.end(),
                     [&](const auto& ring) { return ring.second.name == name; });
}

// Stores whether the words that mean this name await another ring. While rings are followed, a pattern stays
// awaited. Otherwise it is done once it has met a ring.
void TailMany::SetAwaited(const std::string& name, bool awaited) {
  for (Word& word : words_) {
    if (!Means(word, name)) continue;
    word.met = true;
    if (!word.pattern || EndsAtClose(start_)) word.awaited = awaited;
  }
}

void TailMany::LookForRings(bool came_later) {
  const std::set<std::string> there = names_.Now();
  std::erase_if(ended_, [&](const auto& ended) { return !there.contains(ended.first); });
  for (const std::string& name : there) {
    bool meant = false, late = came_later;
    for (const Word& word : words_) {
      if (!Means(word, name)) continue;
      meant = true;
      late |= !word.pattern;  // this word was looked for by its name before
    }
    if (meant) Join(name, late);
  }
}

void TailMany::Join(const std::string& name, bool came_later) {
  while (!JoinOrFindReplaced(name, came_later) && CaughtSignal() == 0) came_later = true;
}

bool TailMany::JoinOrFindReplaced(const std::string& name, bool came_later) {
  if (IsRead(name)) return true;
  const SegmentManager manager(start_.directory);
  const auto before = manager.Inspect(name);
  // If the ring appears now, the next look finds it.
  if (ErrorOf(before.status()) == Error::kNotFound) return true;
  const std::string incarnation = before.ok() ? before->incarnation : "";
  if (const auto ended = ended_.find(name); ended != ended_.end() && ended->second == incarnation)
    return true;
  auto consumer = before.ok() ? Consumer::Open(name, start_.delivery, OptionsForTail(start_, came_later))
                              : absl::StatusOr<Consumer>(before.status());
  if (ErrorOf(consumer.status()) == Error::kNotFound) return true;  // removed between the two looks
  const auto after = manager.Inspect(name);
  if (consumer.ok() && after.ok() && after->incarnation != incarnation) return false;
  SetAwaited(name, false);
  ended_[name] = incarnation;
  absl::Status refused = consumer.status();
  if (consumer.ok()) {
    Ring ring{name, incarnation, std::nullopt};
    if (stop_at_end_ && before->next_sequence_exact) ring.end_sequence = before->next_sequence;
    if (ring.end_sequence && consumer->next_sequence() >= *ring.end_sequence)
      return true;  // nothing is there
    const auto source = merge_.Add(*std::move(consumer));
    if (source.ok()) {
      ended_.erase(name);
      rings_.emplace(*source, std::move(ring));
    }
    refused = source.status();
  }
  if (refused.ok()) return true;
  Tell(refused);
  Fail(kEnvironment);
  return true;
}

void TailMany::TellWhatIsMissing() {
  const std::string in = " in " + start_.directory;
  for (Word& word : words_) {
    if (!word.met) {
      Complain((start_.wait ? "waiting for a ring " : "there is no ring ") +
               std::string(word.pattern ? "that matches \"" : "\"") + word.text + "\"" + in);
      if (!start_.wait) Fail(kEnvironment);
    }
    word.awaited &= start_.wait;
  }
}

void TailMany::Show(uint32_t source, const Message& message) {
  const Ring& ring = rings_.at(source);
  if (message.lost > 0) {
    lost_ += message.lost;
    TellLoss(ring.name, message);
  }
  AppendMessage(format_, ring.name, message.text(), message.sequence, message.lost, &output_.pending());
  ++shown_;
  output_.WriteIfLarge();
  if (start_.delivery.kind() == Delivery::Kind::kGroup) {  // acknowledged after it was written out
    output_.Flush();
    if (output_.state() != OutputBuffer::State::kGood) return;
    merge_.Ack();
  }
  if (ring.end_sequence && message.sequence + 1 >= *ring.end_sequence) Drop(source);
}

void TailMany::End(uint32_t source, Got why) {
  const std::string name = rings_.at(source).name;
  Tell(merge_.consumer(source)->status());
  switch (why) {
    case Got::kClosed:
      break;
    case Got::kEvicted:
      Fail(kFinding);
      break;
    // Another ring of that name is another stream. If tail ends at a close, that close is now missing.
    case Got::kRemoved:
      if (EndsAtClose(start_)) Fail(kEnvironment);
      SetAwaited(name, start_.wait && !EndsAtClose(start_));
      break;
    default:
      Fail(kEnvironment);
      break;
  }
  Drop(source);
  if (why == Got::kRemoved) ended_.erase(name);
  if (!stop_at_end_) LookForRings(/*came_later=*/true);
}

void TailMany::Drop(uint32_t source) {
  const auto ring = rings_.find(source);
  ended_[ring->second.name] = ring->second.incarnation;
  rings_.erase(ring);
  (void)merge_.Remove(source);
}

bool TailMany::Idle() {
  if (stop_at_end_) return false;
  if (names_.Changed(merge_.size() > 0 ? 0 : kNothingToReadMs)) LookForRings(/*came_later=*/true);
  LookAtProducers();
  output_.LookForReader();
  return true;
}

void TailMany::LookAtProducers() {
  if (NowNs() - looked_at_producers_ns_ < kLookAtProducersNs) return;
  looked_at_producers_ns_ = NowNs();
  for (auto& [source, ring] : rings_) {
    TellProducerGone(ring.name, merge_.consumer(source)->producer(), &ring.epoch_reported_gone);
  }
}

}  // namespace millrace::tool
