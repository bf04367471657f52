// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/describe.h"

#include <pwd.h>

#include <algorithm>
#include <tuple>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/shmctl/text/size.h"

namespace millrace::tool {
namespace {

bool IsLess(const SeatInfo& a, const SeatInfo& b) {
  return std::tie(a.lag_bytes, a.lag_messages) < std::tie(b.lag_bytes, b.lag_messages);
}

}  // namespace

std::string HumanDuration(uint64_t ns) {
  const auto value = static_cast<double>(ns);
  if (ns < 1'000) return absl::StrFormat("%d ns", ns);
  if (ns < 1'000'000) return absl::StrFormat("%.0f us", value / 1e3);
  if (ns < 1'000'000'000) return absl::StrFormat("%.0f ms", value / 1e6);
  if (ns < 120'000'000'000) return absl::StrFormat("%.1f s", value / 1e9);
  if (ns < 7'200'000'000'000) return absl::StrFormat("%.0f min", value / 60e9);
  return absl::StrFormat("%.0f h", value / 3600e9);
}

std::string Counted(uint64_t n, const char* singular) {
  return absl::StrFormat("%d %s%s", n, singular, n == 1 ? "" : "s");
}

std::string DescribeState(const RingInfo& ring) {
  std::string state = ring.state;
  std::replace(state.begin(), state.end(), '_', ' ');
  if (ring.waits_for == "room") return state + ", blocked";
  if (ring.waits_for == "consumers") return state + ", waiting";
  return state;
}

std::string DescribeProducer(const ProducerInfo& producer) {
  if (producer.epoch == 0) return "-";
  std::string text = producer.label.empty() ? "(no label)" : producer.label;
  if (producer.pid) text += absl::StrFormat(", pid %d", *producer.pid);
  if (producer.pid_foreign) text += ", pid elsewhere";
  return text;
}

std::string DescribeSeatId(const SeatInfo& seat) {
  return absl::StrFormat("%d#%d", seat.seat, seat.generation);
}

std::string DescribePid(const SeatInfo& seat) {
  if (seat.pid) return absl::StrFormat("%d", *seat.pid);
  return seat.pid_foreign ? "elsewhere" : "?";
}

std::string DescribeLag(uint64_t messages, uint64_t bytes) {
  if (messages == 0 && bytes == 0) return "none";
  return Counted(messages, "message") + ", " + HumanSize(bytes);
}

std::string DescribeLag(const SeatInfo& seat) {
  std::string text = DescribeLag(seat.lag_messages, seat.lag_bytes);
  if (seat.lag_ns && seat.lag_bytes != 0) text += ", " + HumanDuration(*seat.lag_ns);
  return text;
}

std::string DescribeHolder(const SeatInfo& seat) {
  std::string text =
      DescribeSeatId(seat) + (seat.label.empty() ? "" : " " + seat.label) + " (pid " + DescribePid(seat);
  if (!seat.alive) text += ", dead";
  if (seat.stopped) text += ", stopped";
  return text + ")";
}

std::string DescribeHoldUp(const RingInfo& ring) {
  const auto time = [](const std::optional<uint64_t>& ns) { return ns ? " for " + HumanDuration(*ns) : ""; };
  const char* const stopped = ring.producer_stopped ? " (the producer is stopped)" : "";
  if (ring.waits_for == "consumers")
    return "waits for " + Counted(ring.awaited_consumers, "consumer") + " now," + time(ring.waits_ns) +
           stopped;
  std::vector<std::string> holders;
  for (const SeatInfo& seat : ring.consumers) {
    if (seat.holds_back) holders.push_back(DescribeHolder(seat));
  }
  for (const GroupInfo& group : ring.groups) {
    if (group.holds_back) holders.push_back("group " + group.name);
  }
  constexpr size_t kMost = 4;
  const size_t more = holders.size() > kMost ? holders.size() - kMost : 0;
  holders.resize(holders.size() - more);
  std::string by = absl::StrJoin(holders, ", ");
  if (more != 0) by += absl::StrFormat(" and %d more", more);
  if (ring.waits_for == "room") {
    return "blocked now," + time(ring.waits_ns) +
           (!by.empty()           ? ", by " + by
            : ring.seats_readable ? ", but there is room again"
                                  : "") +
           stopped;
  }
  return ring.full_ns ? "full" + time(ring.full_ns) + ", held by " + by + stopped : "";
}

std::string DescribeFill(const RingInfo& ring) {
  if (!ring.held_bytes) return ring.seats_readable ? "no consumer holds the producer back" : "unknown";
  return absl::StrFormat("%s of %s held (%d %%)", HumanSize(*ring.held_bytes), HumanSize(ring.capacity),
                         *ring.held_bytes * 100 / ring.capacity);
}

std::string DescribeUser(uid_t uid) {
  const passwd* const user = getpwuid(uid);
  return user != nullptr ? std::string(user->pw_name) : std::to_string(uid);
}

bool IsDescribed(const RingInfo& ring) { return ring.capacity != 0; }

bool Consumes(const SeatInfo& seat) { return seat.alive && !seat.evicted; }

const SeatInfo* Slowest(const RingInfo& ring, Among among) {
  const SeatInfo* slowest = nullptr;
  for (const SeatInfo& seat : ring.consumers) {
    if (seat.evicted || (among == Among::kHoldingBack && seat.delivery == "lossy")) continue;
    if (slowest == nullptr || IsLess(*slowest, seat)) slowest = &seat;
  }
  return slowest;
}

}  // namespace millrace::tool
