// SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"

#include <cstddef>
#include <cstring>
#include <new>
#include <optional>

#include "runtime/c/errors.h"
#include "runtime/c/handles.h"
#include "runtime/c/options.h"
#include "runtime/c/ring_info.h"
#include "runtime/c/structs.h"

namespace millrace::c {
namespace {

// What millrace_read_many copies: messages up to this size, together at most that many bytes.
constexpr size_t kMostCopied = 4096, kCopies = size_t{64} << 10;

void ForgetMany(millrace_consumer* consumer) {
  consumer->hot = millrace_consumer::HotOf(*consumer->consumer);
  consumer->pending = Got::kMessage;
  consumer->last_is_copy = false;
}

// Serves a read that finds no hot half: misuse, or the first read after millrace_read_many. `timeout_ns` is
// null for a call that does not wait.
[[gnu::cold, gnu::noinline]] uint8_t ReadSpecial(const char* call, millrace_consumer* consumer,
                                                 millrace_message* out, const int64_t* timeout_ns) {
  if (consumer == nullptr) return BadRead(call, "the consumer is null");
  if (out == nullptr) return BadRead(call, "the pointer for the message is null");
  const Got pending = consumer->pending;
  ForgetMany(consumer);
  if (pending != Got::kMessage) return static_cast<uint8_t>(pending);
  return timeout_ns == nullptr ? millrace_try_next(consumer, out) : millrace_next(consumer, out, *timeout_ns);
}

// Store the message that a slow path returns.
[[gnu::cold, gnu::noinline]] uint8_t TryNextSlow(millrace_consumer* consumer, millrace_message* out) {
  const Received received = consumer->hot->TryNextSlow();
  if (received) Give(*received, MILLRACE_NO_SOURCE, out);
  return static_cast<uint8_t>(received.why());
}
[[gnu::noinline]] uint8_t NextSlow(millrace_consumer* consumer, millrace_message* out, int64_t timeout_ns) {
  const Received received = consumer->hot->NextWaiting(timeout_ns);
  if (received) Give(*received, MILLRACE_NO_SOURCE, out);
  return static_cast<uint8_t>(received.why());
}

// Stores the message that the straight path returns.
[[gnu::always_inline]] inline uint8_t Give(const internal::Lent& lent, millrace_message* out) noexcept {
  out->data = lent.data;
  out->size = lent.bytes;
  out->sequence = lent.sequence;
  out->lost = lent.lost;
  out->deliveries = 1;
  out->source = MILLRACE_NO_SOURCE;
  return MILLRACE_GOT_MESSAGE;
}

// Returns room for the copies of a consumer, or null if this process has no memory.
std::byte* CopiesOf(millrace_consumer* consumer) {
  if (consumer->copies == nullptr) consumer->copies.reset(new (std::nothrow) std::byte[kCopies]);
  return consumer->copies.get();
}

}  // namespace
}  // namespace millrace::c

using namespace millrace::c;  // NOLINT(google-build-using-namespace): the functions below are C's
using millrace::Error;
using millrace::Got;
using millrace::Nanos;

int millrace_consumer_open(const char* name, uint32_t delivery, const millrace_consumer_options* options,
                           millrace_consumer** out) {
  constexpr char kCall[] = "millrace_consumer_open";
  if (out == nullptr) return Fail(Error::kBadArgument, kCall, "the pointer for the handle is null");
  *out = nullptr;
  if (name == nullptr) return Fail(Error::kBadArgument, kCall, "the name is null");
  return Guarded(kCall, [&] {
    std::optional<millrace::Delivery> how;
    millrace::ConsumerOptions consumer_options;
    if (const int error = Convert(kCall, delivery, options, &how, &consumer_options); error != 0)
      return error;
    absl::StatusOr<millrace::Consumer> opened = millrace::Consumer::Open(name, *how, consumer_options);
    if (!opened.ok()) return Fail(opened.status());
    *out = new millrace_consumer(*std::move(opened), how->kind() == millrace::Delivery::Kind::kGroup);
    return static_cast<int>(MILLRACE_OK);
  });
}

void millrace_consumer_free(millrace_consumer* consumer) {
  if (consumer == nullptr) return;
  if (consumer->merge != nullptr) {
    (void)consumer->merge->merge.Remove(consumer->source);
    (void)consumer->merge->consumers.extract(consumer->source).mapped().release();
  }
  delete consumer;
}

uint8_t millrace_try_next(millrace_consumer* consumer, millrace_message* out) {
  if (consumer == nullptr || out == nullptr || consumer->hot == nullptr) [[unlikely]]
    return ReadSpecial("millrace_try_next", consumer, out, nullptr);
  millrace::internal::Lent lent;
  if (!consumer->hot->ring.Next(&lent)) [[unlikely]]
    return TryNextSlow(consumer, out);
  return Give(lent, out);
}

uint8_t millrace_next(millrace_consumer* consumer, millrace_message* out, int64_t timeout_ns) {
  if (consumer == nullptr || out == nullptr || consumer->hot == nullptr) [[unlikely]]
    return ReadSpecial("millrace_next", consumer, out, &timeout_ns);
  millrace::internal::Lent lent;
  if (!consumer->hot->MayReadNow() || !consumer->hot->ring.Next(&lent)) [[unlikely]]
    return NextSlow(consumer, out, timeout_ns);
  return Give(lent, out);
}

// The bytes of a message stay valid until the consumer is used again. So a message is copied before the next
// one is read, and the last one need not be.
uint8_t millrace_read_many(millrace_consumer* consumer, millrace_message* messages, size_t capacity,
                           int64_t timeout_ns, size_t* count) {
  constexpr char kCall[] = "millrace_read_many";
  if (count == nullptr) return BadRead(kCall, "the pointer for the number of messages is null");
  *count = 0;
  if (capacity == 0) return BadRead(kCall, "there is room for no message");
  const uint8_t first = millrace_next(consumer, messages, timeout_ns);
  if (first != MILLRACE_GOT_MESSAGE) return first;
  std::byte* copy = consumer->member || capacity == 1 ? nullptr : CopiesOf(consumer);
  if (copy == nullptr) {
    *count = 1;
    return MILLRACE_GOT_MESSAGE;
  }
  const std::byte* const end = copy + kCopies;
  size_t n = 1;
  while (n < capacity) {
    millrace_message& last = messages[n - 1];
    if (last.size > kMostCopied || last.size > static_cast<size_t>(end - copy)) break;
    if (last.size != 0) std::memcpy(copy, last.data, last.size);
    if (!consumer->consumer
             ->StillIntact()) {  // evicted, or the seats were overwritten: the next read says so
      --n;
      break;
    }
    last.data = copy;
    copy += (last.size + 7) & ~size_t{7};
    const millrace::Received received = consumer->consumer->TryNext();
    if (!received) {
      if (received.why() != Got::kEmpty) consumer->pending = received.why();
      consumer->last_is_copy = true;
      consumer->hot = nullptr;
      break;
    }
    Give(*received, MILLRACE_NO_SOURCE, &messages[n++]);
  }
  if (n == 0) return millrace_try_next(consumer, messages);
  *count = n;
  return MILLRACE_GOT_MESSAGE;
}

void millrace_ack(millrace_consumer* consumer) {
  if (consumer == nullptr) return;
  consumer->last_is_copy = false;
  consumer->consumer->Ack();
}

bool millrace_still_intact(const millrace_consumer* consumer) {
  return consumer != nullptr && (consumer->last_is_copy || consumer->consumer->StillIntact());
}

int millrace_skip_to(millrace_consumer* consumer, uint32_t start, uint64_t value) {
  constexpr char kCall[] = "millrace_skip_to";
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  return Guarded(kCall, [&] {
    millrace::Start where = millrace::Start::End();
    if (const int error = Convert(kCall, start, value, &where); error != 0) return error;
    const absl::Status skipped = consumer->consumer->SkipTo(where);
    if (skipped.ok()) consumer->last_is_copy = false;
    return Fail(skipped);
  });
}

int millrace_event_fd(millrace_consumer* consumer) {
  constexpr char kCall[] = "millrace_event_fd";
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  return Guarded(kCall, [&] {
    const absl::StatusOr<int> fd = consumer->consumer->EventFd();
    return fd.ok() ? *fd : Fail(fd.status());
  });
}

int millrace_consumer_status(const millrace_consumer* consumer) {
  constexpr char kCall[] = "millrace_consumer_status";
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  return Guarded(kCall, [&] { return Fail(consumer->consumer->status()); });
}

uint64_t millrace_consumer_next_sequence(const millrace_consumer* consumer) {
  return consumer == nullptr ? 0 : consumer->consumer->next_sequence();
}

int millrace_consumer_get_stats(const millrace_consumer* consumer, millrace_consumer_stats* out) {
  constexpr char kCall[] = "millrace_consumer_get_stats";
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  const millrace::ConsumerStats stats = consumer->consumer->stats();
  const millrace_consumer_stats known = {sizeof known,
                                         stats.start,
                                         stats.received,
                                         stats.lost,
                                         stats.overruns,
                                         stats.skipped,
                                         stats.late_wakeups,
                                         stats.approximate_lag_messages,
                                         stats.approximate_lag_bytes};
  return WriteStruct(kCall, known, out);
}

int millrace_consumer_get_producer(const millrace_consumer* consumer, millrace_producer_info* out) {
  constexpr char kCall[] = "millrace_consumer_get_producer";
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  return Guarded(kCall, [&] { return WriteStruct(kCall, InfoOf(consumer->consumer->producer()), out); });
}

void millrace_consumer_interrupt(millrace_consumer* consumer) {
  if (consumer != nullptr) consumer->consumer->Interrupt();
}
