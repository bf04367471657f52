// SPDX-License-Identifier: Apache-2.0
#include "tests/fastpath/fastpath_subject.h"

#include <cstring>

using fastpath::Quote;
using millrace::Claim;
using millrace::Consumer;
using millrace::Producer;
using millrace::Sent;
using millrace::TypedConsumer;
using millrace::TypedProducer;

namespace {

// Adds the planted instructions that the count must notice.
inline void Plant() {
#ifdef FASTPATH_PLANT_TWO_INSTRUCTIONS
  asm volatile("nop\n\tnop");
#endif
}

}  // namespace

Sent fastpath_publish_typed(TypedProducer<Quote>& producer, const Quote& quote) {
  Plant();
  return producer.TryPublish(quote);
}

Sent fastpath_publish_64(Producer& producer, const std::byte* message) {
  Plant();
  return producer.TryPublish(std::span(message, 64));
}

Sent fastpath_publish_run_time(Producer& producer, const std::byte* message, size_t bytes) {
  Plant();
  return producer.TryPublish(std::span(message, bytes));
}

bool fastpath_claim_commit_64(Producer& producer, uint64_t value) {
  Plant();
  Claim claim = producer.TryClaim(64);
  if (!claim) return false;
  std::memcpy(claim.bytes().data(), &value, sizeof value);
  claim.Commit();
  return true;
}

bool fastpath_claim_commit_run_time(Producer& producer, uint64_t value, size_t bytes) {
  Plant();
  Claim claim = producer.TryClaim(bytes);
  if (!claim) return false;
  std::memcpy(claim.bytes().data(), &value, sizeof value);
  claim.Commit();
  return true;
}

uint64_t fastpath_next(Consumer& consumer) {
  Plant();
  millrace::Received message = consumer.TryNext();
  return message ? message->payload.size() + static_cast<uint64_t>(message->payload[0]) : 0;
}

uint64_t fastpath_next_typed(TypedConsumer<Quote>& consumer) {
  Plant();
  auto message = consumer.TryNext();
  return message ? message->words[0] + message->words[7] : 0;
}
