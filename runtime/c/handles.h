// SPDX-License-Identifier: Apache-2.0
// What the opaque handles of the C interface point to.
#ifndef MILLRACE_RUNTIME_C_HANDLES_H_
#define MILLRACE_RUNTIME_C_HANDLES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "millrace.h"
#include "millrace/consumer.h"
#include "millrace/merge.h"
#include "millrace/producer.h"
#include "millrace/wait_set.h"
#include "runtime/c/hot.h"

// A producer, with its open claim or batch: C has no object for either. Publishing while one is open would be
// misuse of the C++ handle, which asserts, so every call looks at `open` first.
struct millrace_producer {
  enum class Open : uint8_t { kNothing, kClaim, kBatch };

  explicit millrace_producer(millrace::Producer&& opened) : producer(std::move(opened)) {}

  millrace::Producer producer;
  Open open = Open::kNothing;
  size_t claimed = 0;  // bytes of the open claim
  std::optional<millrace::Claim> claim;
  std::optional<millrace::MessageBatch> batch;
};

// A consumer. A merge owns the C++ handle of a consumer that it reads, so this one points to it.
struct millrace_consumer {
  millrace_consumer(millrace::Consumer&& opened, bool is_member)
      : own(std::move(opened)), hot(HotOf(own)), consumer(&own), member(is_member) {}

  static millrace::internal::ConsumerHot* HotOf(millrace::Consumer& consumer) {
    return millrace::TypedConsumer<millrace::c::NoMessage>::HotOf(consumer);
  }

  millrace::Consumer own;  // moved from while the consumer is in a merge
  // The hot half of the consumer, or null after a millrace_read_many that found the end. Then the next read
  // looks at the members below first, so that other reads need not.
  millrace::internal::ConsumerHot* hot;
  millrace::Consumer* consumer;  // never null
  bool member;                   // of a group
  bool last_is_copy = false;     // millrace_read_many has copied the message that it returned last
  millrace::Got pending =
      millrace::Got::kMessage;           // why there was no further message; the next read returns it
  millrace_merge* merge = nullptr;       // the merge that owns `consumer`
  uint32_t source = MILLRACE_NO_SOURCE;  // the number in that merge
  std::unique_ptr<std::byte[]> copies;   // of millrace_read_many, made by its first call
};

struct millrace_wait_set {
  millrace::WaitSet set;
  bool waiting = false;  // inside millrace_wait_set_wait
  bool freed = false;    // by a handler: the wait frees the set at its end
};

struct millrace_merge {
  millrace::Merge merge;
  std::map<uint32_t, std::unique_ptr<millrace_consumer>> consumers;  // by their numbers
};

namespace millrace::c {

// Copies what a C caller gets of a message.
[[gnu::always_inline]] inline void Give(const Message& message, uint32_t source,
                                        millrace_message* out) noexcept {
  out->data = message.payload.data();
  out->size = message.payload.size();
  out->sequence = message.sequence;
  out->lost = message.lost;
  out->deliveries = message.deliveries;
  out->source = source;
}

}  // namespace millrace::c

#endif  // MILLRACE_RUNTIME_C_HANDLES_H_
