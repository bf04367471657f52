// SPDX-License-Identifier: Apache-2.0
// One run of `shmctl pub` on an open producer: waits for consumers, publishes, counts, and reports which
// consumers are in the way.
#ifndef MILLRACE_TOOLS_SHMCTL_PUB_PUBLICATION_H_
#define MILLRACE_TOOLS_SHMCTL_PUB_PUBLICATION_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "millrace/producer.h"
#include "millrace/segment_manager.h"

namespace millrace::tool {

class Publication {
 public:
  // Requires that the producer outlives this object and does not move.
  Publication(Producer& producer, std::string name, const std::string& directory);

  // Fails if the ring was removed, or with kCancelled if a signal was caught.
  absl::Status WaitForConsumers(size_t lossless);

  // After kOk and kDropped the caller continues. Returns kInterrupted if a signal was caught.
  Sent Publish(std::string_view message) {
    const Sent sent = producer_.TryPublish(message);
    return sent == Sent::kOk ? Count(message, sent) : PublishSlowly(message);
  }

  // Checks that the ring is still there and whether a consumer listens. Works at most once a second, so call
  // it often.
  absl::Status LookAround();
  absl::Status Check() { return producer_.Check(); }
  // Counts the consumers for the summary. Call it before Close(), because consumers leave afterwards.
  void CountConsumers();

  // Writes at most two lines to standard error: the totals, and a warning if no consumer listened.
  void Summarize() const;

  uint64_t dropped() const { return dropped_; }

 private:
  using Clock = std::chrono::steady_clock;

  Sent Count(std::string_view message, Sent sent) {
    ++messages_;
    bytes_ += message.size();
    return sent;
  }
  Sent PublishSlowly(std::string_view message);
  void NameWhoHoldsBack(std::chrono::seconds blocked);
  void CountEvictions();

  Producer& producer_;
  const std::string name_;
  const SegmentManager manager_;
  uint64_t messages_ = 0, bytes_ = 0, dropped_ = 0, evicted_ = 0;
  std::optional<size_t> consumers_;  // as counted last; nullopt: not known
  bool listened_ = false;            // a consumer was seen at least once
  Clock::time_point looked_{};
  std::string named_;  // the holders that were reported last
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_PUB_PUBLICATION_H_
