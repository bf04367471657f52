// One run of `shmctl pub` on an open producer: waits for consumers, publishes, keeps count, says who is in
// the way.
#ifndef MILLRACE_TOOLS_SHMCTL_PUBLICATION_H_
#define MILLRACE_TOOLS_SHMCTL_PUBLICATION_H_

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
  // The producer must outlive this and not move.
  Publication(Producer& producer, std::string name, const std::string& directory);

  // Not OK: the ring was removed, or (kCancelled) a signal was caught.
  absl::Status WaitForConsumers(size_t lossless);

  // kOk and kDropped go on; kInterrupted: a signal was caught.
  Sent Publish(std::string_view message) {
    const Sent sent = producer_.TryPublish(message);
    return sent == Sent::kOk ? Count(message, sent) : PublishSlowly(message);
  }

  // Is the ring still there, and who listens? Does something once a second at most, so call it often.
  absl::Status LookAround();
  absl::Status Check() { return producer_.Check(); }
  // Counts the consumers for the summary. Before Close(): afterwards they leave.
  void CountConsumers();

  // Two lines at most for standard error: the totals, and a warning if nobody listened.
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
  std::optional<size_t> consumers_;  // as last counted; nullopt: not known
  bool listened_ = false;            // somebody was ever seen on a seat
  Clock::time_point looked_{};
  std::string named_;  // who holds back, as last told
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_PUBLICATION_H_
