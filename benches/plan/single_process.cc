// SPDX-License-Identifier: Apache-2.0
// Measures one process without partners: publishing without consumers, creating and opening.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "benches/harness/payload.h"
#include "benches/harness/process.h"
#include "benches/harness/shared_memory.h"
#include "benches/harness/ticks.h"
#include "benches/plan/experiments.h"
#include "millrace/millrace.h"

namespace millrace::bench {
namespace {

struct Numbers {
  double publish_alone_8 = 0, publish_alone_64 = 0;          // ns per message
  double stores_alone_8 = 0, stores_alone_64 = 0;            // their limit, ns per message
  double bare = 0, create = 0, open = 0, open_consumer = 0;  // ns
  double faults_of_first_publish = 0, bytes_per_seat = 0;
  char failure[192] = {};
};

template <class T>
T Must(absl::StatusOr<T> got) {
  if (!got.ok()) throw std::runtime_error(std::string(got.status().message()));
  return *std::move(got);
}

long MinorFaults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

template <size_t kBytes>
double PublishAlone(Producer& producer) {
  constexpr uint64_t kMessages = 2'000'000;
  const uint64_t before = Ticks();
  for (uint64_t i = 0; i < kMessages; ++i) {
    Claim claim = producer.TryClaim(kBytes);
    if (!claim) throw std::runtime_error("no room although there is no consumer");
    Outgoing<kBytes>{i, kBytes}.Fill(claim.bytes().data());
    claim.Commit();
  }
  return NsOfTicks(Ticks() - before) / kMessages;
}

// Returns the limit of PublishAlone: ns per message to store length and payload in memory of `bytes`, over
// and over.
template <size_t kBytes>
double StoresAlone(const SharedMemory& memory, size_t bytes) {
  constexpr uint64_t kMessages = 2'000'000;
  constexpr size_t kFrame = sizeof(uint64_t) + kBytes;
  size_t at = 0;
  const uint64_t before = Ticks();
  for (uint64_t i = 0; i < kMessages; ++i) {
    auto* const length = reinterpret_cast<std::atomic<uint64_t>*>(memory.at(at));
    Outgoing<kBytes>{i, kBytes}.Fill(memory.at(at + sizeof(uint64_t)));
    length->store(kBytes, std::memory_order_release);
    at += kFrame;
    if (at + kFrame > bytes) at = 0;
  }
  return NsOfTicks(Ticks() - before) / kMessages;
}

// Returns the ns that bare shared memory of this size costs to create and map.
double BareSegment(size_t bytes) {
  const std::string name = "/" + UniqueName();
  const uint64_t before = Ticks();
  const int fd = shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  if (fd < 0 || posix_fallocate(fd, 0, static_cast<off_t>(bytes)) != 0)
    throw std::runtime_error("no shared memory");
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const double ns = NsOfTicks(Ticks() - before);
  munmap(at, bytes);
  close(fd);
  shm_unlink(name.c_str());
  return ns;
}

void MeasureOnce(Numbers* n) {
  const SegmentManager manager;
  {  // Publish once on another ring, so that page faults of the code itself are not counted below.
    const std::string other = UniqueName();
    Producer producer = Must(Producer::Create(other));
    const uint64_t word = 1;
    if (producer.TryPublish(std::as_bytes(std::span(&word, 1))) != Sent::kOk)
      throw std::runtime_error("publish");
    manager.Unlink(other, SegmentManager::Force::kYes).IgnoreError();
  }
  const std::string name = UniqueName();
  {
    const uint64_t before = Ticks();
    Producer producer = Must(Producer::Create(name));
    n->create = NsOfTicks(Ticks() - before);
    const long faults = MinorFaults();
    const uint64_t word = 1;
    if (producer.TryPublish(std::as_bytes(std::span(&word, 1))) != Sent::kOk)
      throw std::runtime_error("publish");
    n->faults_of_first_publish = static_cast<double>(MinorFaults() - faults);
    const uint64_t open = Ticks();
    Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    n->open_consumer = NsOfTicks(Ticks() - open);
  }
  size_t bytes = 0;
  {
    const uint64_t before = Ticks();
    Producer producer = Must(Producer::Open(name));
    n->open = NsOfTicks(Ticks() - before);
    const long faults = MinorFaults();
    const uint64_t word = 1;
    if (producer.TryPublish(std::as_bytes(std::span(&word, 1))) != Sent::kOk)
      throw std::runtime_error("publish");
    n->faults_of_first_publish =
        std::max(n->faults_of_first_publish, static_cast<double>(MinorFaults() - faults));
    bytes = Must(manager.Inspect(name)).bytes;
    n->publish_alone_8 = PublishAlone<8>(producer);
    n->publish_alone_64 = PublishAlone<64>(producer);
  }
  manager.Unlink(name, SegmentManager::Force::kYes).IgnoreError();
  {
    constexpr size_t kDefaultCapacity = 1 << 20;
    const SharedMemory memory(kDefaultCapacity);
    n->stores_alone_8 = StoresAlone<8>(memory, kDefaultCapacity);
    n->stores_alone_64 = StoresAlone<64>(memory, kDefaultCapacity);
  }
  n->bare = BareSegment(bytes);

  const auto bytes_with_seats = [&](uint32_t seats) {
    const std::string seated = UniqueName();
    { Must(Producer::Create(seated, {.seats = seats})); }
    const uint64_t all = Must(manager.Inspect(seated)).bytes;
    manager.Unlink(seated, SegmentManager::Force::kYes).IgnoreError();
    return static_cast<double>(all);
  };
  constexpr uint32_t kFew = 64, kMany = 1024;
  n->bytes_per_seat = (bytes_with_seats(kMany) - bytes_with_seats(kFew)) / (kMany - kFew);
}

}  // namespace

void MeasureSingleProcess(const Settings& settings, Observations* out) {
  Fact alone_8{
      .id = "alone.publish_8", .what = "publish of 8 bytes with nobody there", .unit = "ns", .values = {}};
  Fact alone_64{
      .id = "alone.publish_64", .what = "publish of 64 bytes with nobody there", .unit = "ns", .values = {}};
  Fact stores_8{
      .id = "alone.stores_8", .what = "its limit: a length and 8 bytes stored", .unit = "ns", .values = {}};
  Fact stores_64{
      .id = "alone.stores_64", .what = "its limit: a length and 64 bytes stored", .unit = "ns", .values = {}};
  Fact bare{.id = "open.bare",
            .what = "bare shm_open, posix_fallocate and mmap of the same size",
            .unit = "ns",
            .values = {}};
  Fact create{
      .id = "open.create", .what = "Producer::Create with default options", .unit = "ns", .values = {}};
  Fact open{.id = "open.producer", .what = "Producer::Open of an existing ring", .unit = "ns", .values = {}};
  Fact consumer{.id = "open.consumer", .what = "Consumer::Open", .unit = "ns", .values = {}};
  Fact faults{.id = "open.faults",
              .what = "page faults of the first publish after opening",
              .unit = "faults",
              .values = {}};
  Fact seat{.id = "open.bytes_per_seat",
            .what = "shared memory per further consumer",
            .unit = "bytes",
            .values = {}};
  Fact ratio_create{
      .id = "open.create_ratio", .what = "create, over the bare segment", .unit = "ratio", .values = {}};
  Fact ratio_open{
      .id = "open.open_ratio", .what = "open, over the bare segment", .unit = "ratio", .values = {}};
  const int times = settings.quick ? 7 : 30;
  for (int i = 0; i < times; ++i) {
    ThrowIfInterrupted();
    SharedObject<Numbers> n;
    const pid_t child = Spawn(
        CoreOfProducer(), [&] { MeasureOnce(&*n); }, n->failure, sizeof n->failure);
    if (!Reap(child, 20)) {
      std::fprintf(stderr, "  single: %s\n", n->failure);
      alone_8.unavailable = n->failure[0] != '\0' ? n->failure : "did not end";
      continue;
    }
    alone_8.values.push_back(n->publish_alone_8);
    alone_64.values.push_back(n->publish_alone_64);
    stores_8.values.push_back(n->stores_alone_8);
    stores_64.values.push_back(n->stores_alone_64);
    bare.values.push_back(n->bare);
    create.values.push_back(n->create);
    open.values.push_back(n->open);
    consumer.values.push_back(n->open_consumer);
    faults.values.push_back(n->faults_of_first_publish);
    seat.values.push_back(n->bytes_per_seat);
    ratio_create.values.push_back(n->create / n->bare);
    ratio_open.values.push_back(n->open / n->bare);
  }
  if (!alone_8.values.empty()) alone_8.unavailable.clear();
  for (Fact* fact : {&alone_8, &stores_8, &alone_64, &stores_64, &bare, &create, &open, &consumer, &faults,
                     &seat, &ratio_create, &ratio_open}) {
    out->facts.push_back(*fact);
  }
}

}  // namespace millrace::bench
