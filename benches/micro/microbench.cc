// SPDX-License-Identifier: Apache-2.0
// Measures one process with one thread, by Google Benchmark. No cache line moves between cores here.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/millrace.h"

namespace {

using millrace::Consumer;
using millrace::Delivery;
using millrace::Producer;

template <size_t kBytes>
struct Payload {
  std::array<uint64_t, kBytes / 8> words{};
};

template <class T>
T Must(absl::StatusOr<T> got) {
  if (!got.ok()) throw std::runtime_error(std::string(got.status().message()));
  return *std::move(got);
}

class RingName {
 public:
  ~RingName() {
    millrace::SegmentManager().Unlink(name_, millrace::SegmentManager::Force::kYes).IgnoreError();
  }
  const std::string& get() const { return name_; }

 private:
  std::string name_ = "millrace-microbench-" + std::to_string(getpid());
};

template <size_t kBytes>
void PublishWithNobody(benchmark::State& state) {
  const RingName name;
  Producer producer = Must(Producer::Create(name.get()));
  const Payload<kBytes> payload;
  const auto bytes = std::as_bytes(std::span(&payload, 1));
  for (auto _ : state) {
    if (producer.TryPublish(bytes) != millrace::Sent::kOk) state.SkipWithError("publish");
  }
  state.SetItemsProcessed(state.iterations());
}

template <size_t kBytes>
void PublishAndNext(benchmark::State& state) {
  const RingName name;
  Producer producer = Must(Producer::Create(name.get()));
  Consumer consumer = Must(Consumer::Open(name.get(), Delivery::Lossless()));
  const Payload<kBytes> payload;
  const auto bytes = std::as_bytes(std::span(&payload, 1));
  for (auto _ : state) {
    if (producer.TryPublish(bytes) != millrace::Sent::kOk) state.SkipWithError("publish");
    const millrace::Received received = consumer.TryNext();
    if (!received) state.SkipWithError("next");
    benchmark::DoNotOptimize(received->payload.data());
  }
  state.SetItemsProcessed(state.iterations());
}

template <size_t kBytes>
void TypedPublishAndNext(benchmark::State& state) {
  const RingName name;
  auto producer = Must(millrace::TypedProducer<Payload<kBytes>>::Create(name.get()));
  auto consumer = Must(millrace::TypedConsumer<Payload<kBytes>>::Open(name.get(), Delivery::Lossless()));
  const Payload<kBytes> payload;
  for (auto _ : state) {
    if (producer.TryPublish(payload) != millrace::Sent::kOk) state.SkipWithError("publish");
    const auto received = consumer.TryNext();
    if (!received) state.SkipWithError("next");
    benchmark::DoNotOptimize(&*received);
  }
  state.SetItemsProcessed(state.iterations());
}

template <size_t kBytes>
void LockfreePushAndPop(benchmark::State& state) {
  using Queue = boost::lockfree::spsc_queue<Payload<kBytes>, boost::lockfree::capacity<(1 << 20) / kBytes>>;
  const auto queue = std::make_unique<Queue>();
  const Payload<kBytes> payload;
  for (auto _ : state) {
    if (!queue->push(payload)) state.SkipWithError("push");
    if (queue->consume_one([](const Payload<kBytes>& p) { benchmark::DoNotOptimize(&p); }) != 1)
      state.SkipWithError("pop");
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(PublishWithNobody<8>);
BENCHMARK(PublishWithNobody<64>);
BENCHMARK(PublishWithNobody<1024>);
BENCHMARK(PublishAndNext<8>);
BENCHMARK(PublishAndNext<64>);
BENCHMARK(PublishAndNext<1024>);
BENCHMARK(TypedPublishAndNext<8>);
BENCHMARK(TypedPublishAndNext<64>);
BENCHMARK(TypedPublishAndNext<1024>);
BENCHMARK(LockfreePushAndPop<8>);
BENCHMARK(LockfreePushAndPop<64>);
BENCHMARK(LockfreePushAndPop<1024>);

}  // namespace

BENCHMARK_MAIN();
