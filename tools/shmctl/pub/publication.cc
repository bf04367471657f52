// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/pub/publication.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/signals.h"
#include "tools/shmctl/text/describe.h"

namespace millrace::tool {
namespace {

// Longest time in which a wait may miss a signal or a removal.
constexpr std::chrono::milliseconds kSlice{500};
// After blocking for this long, report the holders.
constexpr std::chrono::seconds kPatience{2};
constexpr std::chrono::seconds kLookAroundEvery{1};

std::string SeatInWords(const SeatInfo& seat) {
  return absl::StrFormat("consumer \"%s\", pid %s, seat %s", seat.label, DescribePid(seat),
                         DescribeSeatId(seat));
}

}  // namespace

Publication::Publication(Producer& producer, std::string name, const std::string& directory)
    : producer_(producer), name_(std::move(name)), manager_(directory) {}

absl::Status Publication::WaitForConsumers(size_t lossless) {
  if (producer_.WaitForConsumers(lossless, Nanos::zero())) return absl::OkStatus();
  Complain(absl::StrFormat("waiting for %s of \"%s\" (shmctl tail %s --lossless)",
                           Counted(lossless, "lossless consumer"), name_, name_));
  while (!producer_.WaitForConsumers(lossless, kSlice)) {
    if (CaughtSignal() != 0) return absl::CancelledError();
    if (absl::Status status = producer_.Check(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

Sent Publication::PublishSlowly(std::string_view message) {
  const Clock::time_point begin = Clock::now();
  for (;;) {
    const Sent sent = producer_.Publish(message, kPatience);
    if (sent == Sent::kOk) {
      CountEvictions();
      return Count(message, sent);
    }
    if (sent == Sent::kDropped) ++dropped_;
    if (sent != Sent::kTimedOut) return sent;
    NameWhoHoldsBack(std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin));
  }
}

// Reports each culprit once. Otherwise a slow one would fill the terminal.
void Publication::NameWhoHoldsBack(std::chrono::seconds blocked) {
  const auto ring = manager_.Inspect(name_);
  if (!ring.ok()) return;
  const SeatInfo* slowest = Slowest(*ring, Among::kHoldingBack);
  if (slowest == nullptr) return;
  const std::string who = SeatInWords(*slowest);
  if (std::exchange(named_, who) == who) return;
  Complain(absl::StrFormat("blocked for %d s: %s holds back \"%s\", lag %s", blocked.count(), who, name_,
                           DescribeLag(*slowest)));
}

void Publication::CountEvictions() {
  const uint64_t evicted = producer_.stats().evictions - evicted_;
  if (evicted == 0) return;
  evicted_ += evicted;
  Complain(absl::StrFormat("evicted %s of \"%s\" that left no room (shmctl stat %s)",
                           Counted(evicted, "consumer"), name_, name_));
}

absl::Status Publication::LookAround() {
  const Clock::time_point now = Clock::now();
  if (now - looked_ < kLookAroundEvery) return absl::OkStatus();
  looked_ = now;
  CountConsumers();
  return producer_.Check();
}

void Publication::CountConsumers() {
  consumers_.reset();
  const auto ring = manager_.Inspect(name_);
  if (!ring.ok() || !ring->seats_readable) return;
  consumers_ = static_cast<size_t>(std::count_if(ring->consumers.begin(), ring->consumers.end(), Consumes));
  listened_ = listened_ || *consumers_ > 0;
}

void Publication::Summarize() const {
  Complain(absl::StrFormat("%s, %s, %d dropped, %s%s", Counted(messages_, "message"), Counted(bytes_, "byte"),
                           dropped_, consumers_ ? Counted(*consumers_, "consumer") : "consumers unknown",
                           evicted_ == 0 ? "" : absl::StrFormat(", %d evicted", evicted_)));
  if (messages_ == 0 || listened_ || !consumers_) return;
  Complain(absl::StrFormat(
      "warning: no consumer was seen on a seat (observers, like tail without --lossless, take none); the "
      "ring still holds the newest messages: shmctl tail %s --from oldest",
      name_));
}

}  // namespace millrace::tool
