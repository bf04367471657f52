// SPDX-License-Identifier: Apache-2.0
#include "producer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>

#include "pacer.h"

namespace demo {
namespace {

int GiveUp(ProducerRow& row, const std::string& why) {
  row.last_words.Say(why);
  return 1;
}

// Fills `to` from the file's current position. Returns false if the file ends too early or cannot be read.
bool ReadFull(int fd, std::span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t n = read(fd, to.data(), to.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to = to.subspan(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

int RunProducer(const Settings& settings, ProducerRow& row) {
  const int file = open(settings.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return GiveUp(row, settings.file + ": " + std::strerror(errno));
  auto producer =
      millrace::Producer::Create(settings.ring, {.capacity = settings.capacity}, {.label = "demo"});
  if (!producer.ok()) return GiveUp(row, producer.status().ToString());

  if (!producer->WaitForConsumers(2)) return GiveUp(row, producer->Check().ToString());
  row.started.store(true, std::memory_order_relaxed);
  const auto start = std::chrono::steady_clock::now();
  Pacer pacer(settings.rate);
  uint32_t crc = kCrcStart;
  for (uint64_t offset = 0; offset < settings.file_bytes;) {
    const size_t bytes = std::min<uint64_t>(settings.chunk, settings.file_bytes - offset);
    millrace::Claim claim = producer->WaitClaim(sizeof(ChunkHeader) + bytes);
    if (!claim) return GiveUp(row, std::string("no room: ") + ToString(claim.why()));
    const std::span<std::byte> piece = claim.bytes().subspan(sizeof(ChunkHeader));
    if (!ReadFull(file, piece)) return GiveUp(row, settings.file + ": it became shorter, or cannot be read");
    const uint32_t crc_after = ContinueCrc(crc, piece);
    new (claim.bytes().data()) ChunkHeader{offset, crc, crc_after};
    claim.Commit();
    crc = crc_after;
    offset += bytes;
    row.bytes.store(offset, std::memory_order_relaxed);
    row.published.store(producer->next_sequence(), std::memory_order_relaxed);
    pacer.Spend(bytes);
  }
  row.nanoseconds.store(static_cast<uint64_t>((std::chrono::steady_clock::now() - start).count()),
                        std::memory_order_relaxed);
  if (const absl::Status closed = producer->Close(); !closed.ok()) return GiveUp(row, closed.ToString());
  row.done.store(true, std::memory_order_relaxed);
  return 0;
}

}  // namespace demo
