// SPDX-License-Identifier: Apache-2.0
// Runs each subject COUNT times on its straight path, for callgrind. Usage: fastpath_run COUNT.
//
// The rings are large, so that COUNT messages stay within one chunk: no room
// is made and no position is stored.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "millrace/testing.h"
#include "tests/fastpath/fastpath_subject.h"

namespace {

using fastpath::Quote;
using millrace::Consumer;
using millrace::Delivery;
using millrace::Producer;
using millrace::ScopedRing;
using millrace::TypedConsumer;
using millrace::TypedProducer;

constexpr size_t kChunk = size_t{256} << 10;
const millrace::RingOptions kOptions{.capacity = kChunk * 64};

[[noreturn]] void Die(const char* what, std::string_view why) {
  std::fprintf(stderr, "fastpath_run: %s: %.*s\n", what, static_cast<int>(why.size()), why.data());
  std::exit(1);
}
template <class T>
T Must(const char* what, absl::StatusOr<T> value) {
  if (!value.ok()) Die(what, value.status().ToString());
  return *std::move(value);
}
// Calls `call` `count` times. Ends the program if a call returns false. The
// first call makes room for a chunk.
template <class F>
void Repeat(const char* what, size_t count, F call) {
  for (size_t i = 0; i < count; ++i) {
    if (!call(i)) Die(what, "refused");
  }
}

void RunBytes(size_t count) {
  const ScopedRing name("fastpath");
  Producer producer = Must("create", Producer::Create(name, kOptions));
  Consumer consumer = Must("open", Consumer::Open(name, Delivery::Lossless()));
  const Quote quote{{1, 2, 3, 4, 5, 6, 7, 8}};
  std::byte message[sizeof quote];
  std::memcpy(message, &quote, sizeof quote);
  Repeat("publish", count,
         [&](size_t) { return fastpath_publish_64(producer, message) == millrace::Sent::kOk; });
  Repeat("next", count, [&](size_t) { return fastpath_next(consumer) == 64 + 1; });
}

void RunClaims(size_t count) {
  const ScopedRing name("fastpath");
  Producer producer = Must("create", Producer::Create(name, kOptions));
  Repeat("claim", count, [&](size_t i) { return fastpath_claim_commit_64(producer, i); });
}

void RunTyped(size_t count) {
  const ScopedRing name("fastpath");
  auto producer = Must("create", TypedProducer<Quote>::Create(name, kOptions));
  auto consumer = Must("open", TypedConsumer<Quote>::Open(name, Delivery::Lossless()));
  const Quote quote{{1, 2, 3, 4, 5, 6, 7, 8}};
  Repeat("typed publish", count,
         [&](size_t) { return fastpath_publish_typed(producer, quote) == millrace::Sent::kOk; });
  Repeat("typed next", count, [&](size_t) { return fastpath_next_typed(consumer) == 1 + 8; });
}

}  // namespace

int main(int argc, char** argv) {
  const size_t count = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 0;
  if (count == 0 || (count + 1) * 80 > kChunk) Die("usage", "fastpath_run COUNT, at most 3000");
  RunBytes(count);
  RunClaims(count);
  RunTyped(count);
}
