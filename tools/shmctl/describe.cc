#include "tools/shmctl/describe.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_format.h"
#include "tools/shmctl/size.h"

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
