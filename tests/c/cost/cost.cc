// SPDX-License-Identifier: Apache-2.0
// Publishes and reads 64 bytes through C++ and through C, for callgrind (instructions_test.sh). Usage: c_cost COUNT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "millrace.h"
#include "millrace/millrace.h"
#include "millrace/testing.h"

// The subjects: one call each. They stay functions of their own, so that callgrind can name them.
extern "C" {
[[gnu::noipa]] bool cost_cpp_publish(millrace::Producer& producer, const std::byte* message) {
  return producer.TryPublish(std::span(message, 64)) == millrace::Sent::kOk;
}
[[gnu::noipa]] bool cost_c_publish(millrace_producer* producer, const void* message) {
  return millrace_try_publish(producer, message, 64) == MILLRACE_SENT_OK;
}
[[gnu::noipa]] uint64_t cost_cpp_next(millrace::Consumer& consumer) {
  const millrace::Received received = consumer.TryNext();
  return received ? received->payload.size() + received->sequence : 0;
}
[[gnu::noipa]] uint64_t cost_c_next(millrace_consumer* consumer) {
  millrace_message message;
  return millrace_try_next(consumer, &message) == MILLRACE_GOT_MESSAGE ? message.size + message.sequence : 0;
}
}

namespace {

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "c_cost: %s\n", what);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr size_t kChunk = size_t{256} << 10;  // all messages stay within one chunk
  const size_t count = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 0;
  if (count == 0 || (count + 1) * 80 > kChunk) Die("usage: c_cost COUNT, at most 3000");
  std::byte message[64] = {};
  const millrace::ScopedRing cpp("c_cost"), c("c_cost");
  auto producer = millrace::Producer::Create(cpp, {.capacity = kChunk * 64});
  if (!producer.ok()) Die("create");
  auto consumer = millrace::Consumer::Open(cpp, millrace::Delivery::Lossless());
  if (!consumer.ok()) Die("open");
  millrace_ring_options ring = MILLRACE_RING_OPTIONS_INIT;
  ring.capacity = kChunk * 64;
  millrace_producer* c_producer = nullptr;
  millrace_consumer* c_consumer = nullptr;
  if (millrace_producer_create(c.name().c_str(), &ring, nullptr, &c_producer) != 0)
    Die(millrace_error_text());
  if (millrace_consumer_open(c.name().c_str(), MILLRACE_LOSSLESS, nullptr, &c_consumer) != 0)
    Die(millrace_error_text());
  for (size_t i = 0; i < count; ++i) {
    if (!cost_cpp_publish(*producer, message)) Die("refused");
    if (!cost_c_publish(c_producer, message)) Die("refused");
  }
  for (size_t i = 0; i < count; ++i) {
    if (cost_cpp_next(*consumer) != 64 + i || cost_c_next(c_consumer) != 64 + i) Die("another message");
  }
  millrace_consumer_free(c_consumer);
  millrace_producer_free(c_producer);
}
