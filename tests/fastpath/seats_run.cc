// SPDX-License-Identifier: Apache-2.0
// Publishes to SEATS consumers that do not lag, for callgrind. Usage: seats_run SEATS ROUNDS [joins].
//
// A round is a little less than a chunk. With "joins", one consumer leaves and joins again in each round, so
// that the producer must scan all seats again. First prints on standard output how many bytes 512 seats take.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "millrace/testing.h"
#include "tests/fastpath/fastpath_subject.h"

namespace {

using fastpath::Quote;
using millrace::Consumer;
using millrace::Delivery;
using millrace::Producer;
using millrace::ScopedRing;

[[noreturn]] void Die(const char* what, std::string_view why) {
  std::fprintf(stderr, "seats_run: %s: %.*s\n", what, static_cast<int>(why.size()), why.data());
  std::exit(1);
}
template <class T>
T Must(const char* what, absl::StatusOr<T> value) {
  if (!value.ok()) Die(what, value.status().ToString());
  return *std::move(value);
}

uintmax_t SharedBytes(uint32_t seats) {
  const ScopedRing name("seats");
  const Producer producer = Must("create", Producer::Create(name, {.seats = seats}));
  uintmax_t bytes = 0;
  for (const char* object : {".ring", ".seats", ".lock"})
    bytes += std::filesystem::file_size("/dev/shm/" + std::string(name) + object);
  return bytes;
}

// Raises the limit of descriptors, because each consumer keeps two.
void RaiseDescriptors(size_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = count;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) Die("setrlimit", "too few descriptors allowed");
}

}  // namespace

int main(int argc, char** argv) {
  const size_t seats = argc >= 3 ? std::strtoul(argv[1], nullptr, 10) : 0;
  const size_t rounds = argc >= 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
  const bool joins = argc == 4 && std::strcmp(argv[3], "joins") == 0;
  if (seats == 0 || seats > 1024 || rounds == 0 || argc > 3 + joins)
    Die("usage", "seats_run SEATS ROUNDS [joins]");
  RaiseDescriptors(2 * 1024 + 100);
  std::printf("bytes %ju\n", SharedBytes(1024) - SharedBytes(512));

  const ScopedRing name("seats");
  Producer producer = Must("create", Producer::Create(name, {.seats = 1024}));
  std::vector<Consumer> consumers;
  while (consumers.size() < seats)
    consumers.push_back(Must("open", Consumer::Open(name, Delivery::Lossless())));
  const Quote quote{{1, 2, 3, 4, 5, 6, 7, 8}};
  std::byte message[sizeof quote];
  std::memcpy(message, &quote, sizeof quote);
  constexpr size_t kRound = (size_t{1} << 20) / 64 / 80;
  for (size_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < kRound; ++i) {
      if (fastpath_publish_64(producer, message) != millrace::Sent::kOk) Die("publish", "refused");
    }
    for (Consumer& consumer : consumers) {
      while (consumer.TryNext()) continue;
    }
    if (joins) consumers.back() = Must("join", Consumer::Open(name, Delivery::Lossless()));
  }
  std::printf("messages %zu\n", rounds * kRound);
}
