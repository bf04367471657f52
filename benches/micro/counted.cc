// SPDX-License-Identifier: Apache-2.0
// The program whose instructions instructions.sh counts. `millrace_counted KIND` runs one of the functions
// below on kMessages messages. The functions are neither inlined nor cloned, so callgrind can select them by
// name and count only inside them.
#include <unistd.h>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/millrace.h"

namespace {

constexpr int kMessages = 1000;

struct Sixty4 {
  std::array<uint64_t, 8> words;
};

template <class T>
T Must(absl::StatusOr<T> got) {
  if (!got.ok()) throw std::runtime_error(std::string(got.status().message()));
  return *std::move(got);
}

}  // namespace

extern "C" {

[[gnu::noipa]] void CountedPublish(millrace::Producer& producer, std::span<const std::byte> message) {
  for (int i = 0; i < kMessages; ++i) {
    if (producer.TryPublish(message) != millrace::Sent::kOk) [[unlikely]]
      std::abort();
  }
}

[[gnu::noipa]] void CountedTyped(millrace::TypedProducer<Sixty4>& producer, const Sixty4& message) {
  for (int i = 0; i < kMessages; ++i) {
    if (producer.TryPublish(message) != millrace::Sent::kOk) [[unlikely]]
      std::abort();
  }
}

// Only the loop and the copy, which every publish of 64 bytes needs.
[[gnu::noipa]] void CountedCopy(Sixty4* to, const Sixty4& message) {
  for (int i = 0; i < kMessages; ++i) {
    asm volatile("" : : "r"(&message) : "memory");
    std::memcpy(to, &message, sizeof message);
    asm volatile("" : : "r"(to) : "memory");
    ++to;
  }
}

[[gnu::noipa]] uint64_t CountedNext(millrace::Consumer& consumer) {
  uint64_t bytes = 0;
  for (int i = 0; i < kMessages; ++i) {
    const millrace::Received received = consumer.TryNext();
    if (!received) [[unlikely]]
      std::abort();
    bytes += received->payload.size();
  }
  return bytes;
}

}  // extern "C"

namespace {

int Run(const std::string& kind) {
  using millrace::Consumer;
  using millrace::Delivery;
  const std::string name = "millrace-counted-" + std::to_string(getpid());
  struct Unlink {
    std::string name;
    ~Unlink() {
      millrace::SegmentManager().Unlink(name, millrace::SegmentManager::Force::kYes).IgnoreError();
    }
  } const unlink{name};
  // A chunk is a 64th of the capacity. All messages of one run fit in one chunk, so they avoid the slow path.
  millrace::RingOptions options{.capacity = size_t{1} << 24, .seats = 1024};
  Sixty4 message{};
  const auto bytes = std::as_bytes(std::span(&message, 1));
  if (kind == "copy_64") {
    std::vector<Sixty4> to(kMessages);
    CountedCopy(to.data(), message);
    return 0;
  }
  if (kind == "typed_64") {
    auto producer = Must(millrace::TypedProducer<Sixty4>::Create(name, options));
    auto consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    (void)producer.TryPublish(message);
    CountedTyped(producer, message);
    return 0;
  }
  if (kind.starts_with("publish_seats_")) {
    // Runs more than four laps of a ring of the default size, including the slow path, which scans the seats.
    options.capacity = size_t{1} << 20;
    auto producer = Must(millrace::Producer::Create(name, options));
    std::vector<Consumer> consumers;
    for (int i = std::stoi(kind.substr(std::strlen("publish_seats_"))); i > 0; --i) {
      consumers.push_back(Must(Consumer::Open(name, Delivery::Lossless())));
    }
    constexpr int kRounds = 60;
    for (int i = 0; i < kRounds; ++i) {
      CountedPublish(producer, bytes);
      for (Consumer& consumer : consumers) {
        while (consumer.TryNext()) continue;
      }
    }
    return 0;
  }
  const size_t size = kind.ends_with("_64") ? 64 : 8;
  auto producer = Must(millrace::Producer::Create(name, options));
  auto consumer = Must(Consumer::Open(name, Delivery::Lossless()));
  (void)producer.TryPublish(bytes.first(size));
  CountedPublish(producer, bytes.first(size));
  if (!consumer.TryNext()) return 1;
  return CountedNext(consumer) == kMessages * size ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "millrace_counted KIND: see benches/instructions.sh\n");
    return 2;
  }
  try {
    return Run(argv[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "millrace_counted: %s\n", e.what());
    return 1;
  }
}
