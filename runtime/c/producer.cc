// SPDX-License-Identifier: Apache-2.0
#include "millrace/producer.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "runtime/c/errors.h"
#include "runtime/c/handles.h"
#include "runtime/c/options.h"
#include "runtime/c/structs.h"

namespace millrace::c {
namespace {

using Open = millrace_producer::Open;

std::span<const std::byte> BytesOf(const void* data, size_t size) {
  return {static_cast<const std::byte*>(data), size};
}

// Returns whether a call that publishes outside of a claim or batch may look at the ring.
[[gnu::always_inline]] inline bool MayPublish(const millrace_producer* producer, const void* data) {
  return producer != nullptr && producer->open == Open::kNothing && data != nullptr;
}

// Handles everything for which MayPublish returns false: an empty message without an address, and misuse.
[[gnu::cold, gnu::noinline]] uint8_t PublishOrRefuse(const char* call, millrace_producer* producer,
                                                     const void* data, size_t size,
                                                     const int64_t* timeout_ns) {
  if (producer == nullptr) return BadSend(call, "the producer is null");
  if (producer->open == Open::kClaim) return BadSend(call, "a claim is open; commit or abort it first");
  if (producer->open == Open::kBatch) return BadSend(call, "a batch is open; commit or abort it first");
  if (data == nullptr && size != 0) return BadSend(call, "the address of the message is null");
  const std::span<const std::byte> nothing;
  return static_cast<uint8_t>(timeout_ns == nullptr
                                  ? producer->producer.TryPublish(nothing)
                                  : producer->producer.Publish(nothing, Nanos(*timeout_ns)));
}

// The compiler copies a message of a constant size with few instructions. Many records have the size of a
// cache line.
constexpr size_t kUsualSize = 64;

// Publish messages of other sizes. Not inlined, so that the usual size needs no stack frame.
[[gnu::noinline]] uint8_t TryPublishAny(millrace_producer* producer, const void* data, size_t size) {
  return static_cast<uint8_t>(producer->producer.TryPublish(BytesOf(data, size)));
}
[[gnu::noinline]] uint8_t PublishAny(millrace_producer* producer, const void* data, size_t size,
                                     int64_t timeout_ns) {
  return static_cast<uint8_t>(producer->producer.Publish(BytesOf(data, size), Nanos(timeout_ns)));
}

uint8_t Store(Claim claim, size_t size, millrace_producer* producer, void** data) {
  if (!claim) return static_cast<uint8_t>(claim.why());
  *data = claim.bytes().data();
  producer->claim.emplace(std::move(claim));
  producer->claimed = size;
  producer->open = Open::kClaim;
  return MILLRACE_SENT_OK;
}

// Returns 0 if a claim or a batch may be opened, or the reason why not.
uint8_t MayOpen(const char* call, const millrace_producer* producer) {
  if (producer == nullptr) return BadSend(call, "the producer is null");
  if (producer->open == Open::kClaim) return BadSend(call, "a claim is open; commit or abort it first");
  if (producer->open == Open::kBatch) return BadSend(call, "a batch is open; commit or abort it first");
  return MILLRACE_SENT_OK;
}

uint8_t MayAdd(const char* call, const millrace_producer* producer, const void* data, size_t size) {
  if (producer == nullptr) return BadSend(call, "the producer is null");
  if (producer->open != Open::kBatch)
    return BadSend(call, "no batch is open; call millrace_batch_begin first");
  if (data == nullptr && size != 0) return BadSend(call, "the address of the message is null");
  return MILLRACE_SENT_OK;
}

int Keep(absl::StatusOr<Producer> opened, millrace_producer** out) {
  if (!opened.ok()) return Fail(opened.status());
  *out = new millrace_producer(*std::move(opened));
  return MILLRACE_OK;
}

// A point in time up to which a call may wait. Reads the clock only if a caller asks for the rest.
class Deadline {
 public:
  explicit Deadline(int64_t timeout_ns) : timeout_(timeout_ns) {
    if (Limited()) begin_ = std::chrono::steady_clock::now();
  }
  Nanos Left() const {
    return Limited() ? Nanos(timeout_ - (std::chrono::steady_clock::now() - begin_)) : timeout_;
  }

 private:
  bool Limited() const { return timeout_ > Nanos(0) && timeout_ != kForever; }
  Nanos timeout_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace
}  // namespace millrace::c

using namespace millrace::c;  // NOLINT(google-build-using-namespace): the functions below are C's
using millrace::Nanos;

int millrace_producer_create(const char* name, const millrace_ring_options* ring,
                             const millrace_producer_options* options, millrace_producer** out) {
  constexpr char kCall[] = "millrace_producer_create";
  if (out == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the pointer for the handle is null");
  *out = nullptr;
  if (name == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the name is null");
  return Guarded(kCall, [&] {
    millrace::RingOptions ring_options;
    millrace::ProducerOptions producer_options;
    if (const int error = Convert(kCall, ring, &ring_options); error != 0) return error;
    if (const int error = Convert(kCall, options, &producer_options); error != 0) return error;
    return Keep(millrace::Producer::Create(name, ring_options, producer_options), out);
  });
}

int millrace_producer_open(const char* name, const millrace_producer_options* options,
                           millrace_producer** out) {
  constexpr char kCall[] = "millrace_producer_open";
  if (out == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the pointer for the handle is null");
  *out = nullptr;
  if (name == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the name is null");
  return Guarded(kCall, [&] {
    millrace::ProducerOptions producer_options;
    if (const int error = Convert(kCall, options, &producer_options); error != 0) return error;
    return Keep(millrace::Producer::Open(name, producer_options), out);
  });
}

int millrace_producer_open_or_create(const char* name, const millrace_ring_options* ring,
                                     const millrace_producer_options* options, millrace_producer** out) {
  constexpr char kCall[] = "millrace_producer_open_or_create";
  if (out == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the pointer for the handle is null");
  *out = nullptr;
  if (name == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the name is null");
  return Guarded(kCall, [&] {
    millrace::RingOptions ring_options;
    millrace::ProducerOptions producer_options;
    if (const int error = Convert(kCall, ring, &ring_options); error != 0) return error;
    if (const int error = Convert(kCall, options, &producer_options); error != 0) return error;
    return Keep(millrace::Producer::OpenOrCreate(name, ring_options, producer_options), out);
  });
}

int millrace_producer_close(millrace_producer* producer) {
  if (producer == nullptr) return MILLRACE_OK;
  millrace_abort(producer);
  millrace_batch_abort(producer);
  return Guarded("millrace_producer_close", [&] { return Fail(producer->producer.Close()); });
}

void millrace_producer_free(millrace_producer* producer) { delete producer; }

uint8_t millrace_try_publish(millrace_producer* producer, const void* data, size_t size) {
  if (!MayPublish(producer, data)) [[unlikely]]
    return PublishOrRefuse("millrace_try_publish", producer, data, size, nullptr);
  if (size == kUsualSize)
    return static_cast<uint8_t>(producer->producer.TryPublish(BytesOf(data, kUsualSize)));
  return TryPublishAny(producer, data, size);
}

uint8_t millrace_publish(millrace_producer* producer, const void* data, size_t size, int64_t timeout_ns) {
  if (!MayPublish(producer, data)) [[unlikely]]
    return PublishOrRefuse("millrace_publish", producer, data, size, &timeout_ns);
  if (size == kUsualSize)
    return static_cast<uint8_t>(producer->producer.Publish(BytesOf(data, kUsualSize), Nanos(timeout_ns)));
  return PublishAny(producer, data, size, timeout_ns);
}

uint8_t millrace_publish_many(millrace_producer* producer, const millrace_bytes* messages, size_t count,
                              int64_t timeout_ns, size_t* sent) {
  constexpr char kCall[] = "millrace_publish_many";
  if (sent != nullptr) *sent = 0;
  if (const uint8_t refused = MayOpen(kCall, producer); refused != 0) return refused;
  if (count == 0) return MILLRACE_SENT_OK;
  if (messages == nullptr) return BadSend(kCall, "the messages are null");
  const Deadline deadline(timeout_ns);
  for (size_t i = 0; i < count; ++i) {
    const millrace_bytes& message = messages[i];
    if (message.data == nullptr && message.size != 0)
      return BadSend(kCall, "the address of a message is null");
    // TryPublish does not look for an interrupt, so the first message is published by Publish.
    auto outcome =
        i == 0 ? millrace::Sent::kFull : producer->producer.TryPublish(BytesOf(message.data, message.size));
    if (outcome == millrace::Sent::kFull)
      outcome = producer->producer.Publish(BytesOf(message.data, message.size), deadline.Left());
    if (outcome != millrace::Sent::kOk) return static_cast<uint8_t>(outcome);
    if (sent != nullptr) *sent = i + 1;
  }
  return MILLRACE_SENT_OK;
}

uint8_t millrace_try_claim(millrace_producer* producer, size_t size, void** data) {
  if (data == nullptr) return BadSend("millrace_try_claim", "the pointer for the address is null");
  *data = nullptr;
  if (const uint8_t refused = MayOpen("millrace_try_claim", producer); refused != 0) return refused;
  return Store(producer->producer.TryClaim(size), size, producer, data);
}

uint8_t millrace_claim(millrace_producer* producer, size_t size, int64_t timeout_ns, void** data) {
  if (data == nullptr) return BadSend("millrace_claim", "the pointer for the address is null");
  *data = nullptr;
  if (const uint8_t refused = MayOpen("millrace_claim", producer); refused != 0) return refused;
  return Store(producer->producer.WaitClaim(size, Nanos(timeout_ns)), size, producer, data);
}

uint8_t millrace_commit(millrace_producer* producer, size_t used) {
  constexpr char kCall[] = "millrace_commit";
  if (producer == nullptr) return BadSend(kCall, "the producer is null");
  if (producer->open != Open::kClaim) return BadSend(kCall, "no claim is open; call millrace_claim first");
  if (used > producer->claimed) return BadSend(kCall, "more bytes are committed than were claimed");
  const uint64_t before = producer->producer.next_sequence();
  producer->claim->Commit(used);
  millrace_abort(producer);
  if (producer->producer.next_sequence() != before) return MILLRACE_SENT_OK;
  // A forked child has inherited the claim: its handle has lost the ring.
  return static_cast<uint8_t>(producer->producer.TryClaim(0).why());
}

void millrace_abort(millrace_producer* producer) {
  if (producer == nullptr || producer->open != Open::kClaim) return;
  producer->claim.reset();
  producer->open = Open::kNothing;
}

uint8_t millrace_batch_begin(millrace_producer* producer, uint32_t on_large_batch) {
  constexpr char kCall[] = "millrace_batch_begin";
  if (const uint8_t refused = MayOpen(kCall, producer); refused != 0) return refused;
  if (on_large_batch > MILLRACE_REFUSE_LARGE_BATCH)
    return BadSend(kCall, "`on_large_batch` is not a value of enum millrace_on_large_batch");
  producer->batch.emplace(producer->producer.Batch(on_large_batch == MILLRACE_PUBLISH_IN_PARTS
                                                       ? millrace::OnLargeBatch::kPublishInParts
                                                       : millrace::OnLargeBatch::kRefuse));
  producer->open = Open::kBatch;
  return MILLRACE_SENT_OK;
}

uint8_t millrace_batch_try_add(millrace_producer* producer, const void* data, size_t size) {
  if (const uint8_t refused = MayAdd("millrace_batch_try_add", producer, data, size); refused != 0)
    return refused;
  return static_cast<uint8_t>(producer->batch->TryAdd(BytesOf(data, size)));
}

uint8_t millrace_batch_add(millrace_producer* producer, const void* data, size_t size, int64_t timeout_ns) {
  if (const uint8_t refused = MayAdd("millrace_batch_add", producer, data, size); refused != 0)
    return refused;
  return static_cast<uint8_t>(producer->batch->Add(BytesOf(data, size), Nanos(timeout_ns)));
}

uint64_t millrace_batch_size(const millrace_producer* producer) {
  return producer == nullptr || producer->open != Open::kBatch ? 0 : producer->batch->size();
}

uint8_t millrace_batch_commit(millrace_producer* producer) {
  if (const uint8_t refused = MayAdd("millrace_batch_commit", producer, nullptr, 0); refused != 0)
    return refused;
  const millrace::Sent outcome = producer->batch->Commit();
  producer->batch.reset();
  producer->open = Open::kNothing;
  return static_cast<uint8_t>(outcome);
}

void millrace_batch_abort(millrace_producer* producer) {
  if (producer == nullptr || producer->open != Open::kBatch) return;
  producer->batch.reset();
  producer->open = Open::kNothing;
}

int millrace_producer_check(millrace_producer* producer) {
  constexpr char kCall[] = "millrace_producer_check";
  if (producer == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the producer is null");
  return Guarded(kCall, [&] { return Fail(producer->producer.Check()); });
}

bool millrace_wait_for_consumers(millrace_producer* producer, size_t lossless_or_group, int64_t timeout_ns) {
  return producer != nullptr && producer->producer.WaitForConsumers(lossless_or_group, Nanos(timeout_ns));
}

uint64_t millrace_producer_next_sequence(const millrace_producer* producer) {
  return producer == nullptr ? 0 : producer->producer.next_sequence();
}

size_t millrace_max_message(const millrace_producer* producer) {
  return producer == nullptr ? 0 : producer->producer.max_message();
}

int millrace_producer_get_stats(const millrace_producer* producer, millrace_producer_stats* out) {
  constexpr char kCall[] = "millrace_producer_get_stats";
  if (producer == nullptr) return Fail(millrace::Error::kBadArgument, kCall, "the producer is null");
  const millrace::ProducerStats stats = producer->producer.stats();
  const millrace_producer_stats known = {
      sizeof known,  stats.published, stats.bytes, stats.dropped,
      stats.blocked, stats.evictions, stats.wakes, stats.blocked_time.count()};
  return WriteStruct(kCall, known, out);
}

void millrace_producer_interrupt(millrace_producer* producer) {
  if (producer != nullptr) producer->producer.Interrupt();
}
