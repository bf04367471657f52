// SPDX-License-Identifier: Apache-2.0
// A user's program that publishes and reads, each in its own process:
//   outside publish NAME      waits for a reader, publishes, closes
//   outside read NAME         waits for the ring, reads to the end
// It uses every compiled part of the library and every inline part.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <millrace/millrace.h>
#include <millrace/testing.h>
#include <millrace/typed.h>

struct Tick {
  uint64_t number;
  double price;
};
template <>
inline constexpr std::string_view millrace::kSchema<Tick> = "number:u64 price:f64";

namespace {

using millrace::Got;
using millrace::Sent;

constexpr uint64_t kMessages = 100'000;  // some laps of a small ring
constexpr auto kPatience = std::chrono::seconds(30);

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "outside: %s (%s)\n", status.ToString().c_str(), ToString(millrace::ErrorOf(status)));
  return 1;
}
int Complain(const char* what, const char* why) {
  std::fprintf(stderr, "outside: %s: %s\n", what, why);
  return 1;
}

int Publish(std::string_view name) {
  auto producer =
      millrace::TypedProducer<Tick>::Create(name, {.capacity = 65536, .seats = 4}, {.label = "outside"});
  if (!producer.ok()) return Complain(producer.status());
  if (!producer->bytes().WaitForConsumers(1, kPatience)) return Complain("reader", "did not come");
  for (uint64_t i = 0; i < kMessages; ++i) {
    if (i % 3 == 0) {
      auto claim = producer->bytes().TryClaim(sizeof(Tick));
      if (claim) {
        *reinterpret_cast<Tick*>(claim.bytes().data()) = {i, 0.5};
        claim.Commit();
        continue;
      }
    }
    Sent sent = producer->TryPublish({i, 0.5});
    if (sent == Sent::kFull) sent = producer->Publish({i, 0.5}, kPatience);
    if (sent != Sent::kOk) return Complain("publish", ToString(sent));
  }
  if (const absl::Status s = producer->bytes().Close(); !s.ok()) return Complain(s);
  return 0;
}

int Read(std::string_view name) {
  if (const absl::Status s = millrace::InstallSigbusGuard(); !s.ok()) return Complain(s);
  auto consumer = millrace::TypedConsumer<Tick>::Open(
      name, millrace::Delivery::Lossless(), {.start = millrace::Start::Oldest(), .open_timeout = kPatience});
  if (!consumer.ok()) return Complain(consumer.status());
  uint64_t expected = 0;
  for (;;) {
    auto tick = consumer->TryNext();
    if (!tick) tick = consumer->Next(kPatience);
    if (!tick && tick.why() == Got::kClosed) break;
    if (!tick) return Complain("read", ToString(tick.why()));
    if (tick->number != expected++ || tick.lost() != 0)
      return Complain("read", "another message than the next");
    const millrace::Polled polled = consumer->Poll([&](const Tick& more, uint64_t, uint64_t lost) {
      if (more.number != expected || lost != 0) return false;
      ++expected;
      return true;
    });
    if (polled.why == Got::kMessage && polled.handled < 64)
      return Complain("poll", "another message than the next");
  }
  if (expected != kMessages) return Complain("read", "not every message once");
  const absl::Status removed = millrace::SegmentManager().Unlink(name, millrace::SegmentManager::Force::kYes);
  if (!removed.ok()) return Complain(removed);
  std::printf("outside: %llu messages\n", static_cast<unsigned long long>(expected));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "publish") return Publish(argv[2]);
  if (argc == 3 && std::string_view(argv[1]) == "read") return Read(argv[2]);
  return Complain("usage", "outside publish|read NAME");
}
