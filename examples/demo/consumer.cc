// SPDX-License-Identifier: Apache-2.0
#include "consumer.h"

#include <unistd.h>

#include <chrono>
#include <cstring>

#include "pacer.h"

namespace demo {
namespace {

// Adds one message to the tally. Counts it as damaged if it is not exactly the right piece of the file.
void Count(const millrace::Message& message, const Settings& settings, Tally& tally) {
  ChunkHeader header{};
  bool intact = message.payload.size() > sizeof header;
  if (intact) {
    std::memcpy(&header, message.payload.data(), sizeof header);
    const auto piece = message.payload.subspan(sizeof header);
    intact = header.offset == message.sequence * settings.chunk &&
             ContinueCrc(header.crc_before, piece) == header.crc_after &&
             message.sequence == tally.next + message.lost &&
             (message.lost > 0 || header.crc_before == tally.crc);
    tally.bytes += piece.size();
  }
  tally.crc = header.crc_after;
  tally.damaged += intact ? 0 : 1;
  tally.received += 1;
  tally.lost += message.lost;
  tally.next = message.sequence + 1;
}

}  // namespace

int RunConsumer(const Settings& settings, const Role& role, uint64_t wait_for_kill_at, ConsumerRow& row) {
  Tally tally = row.checkpoint.Load();
  auto consumer = millrace::Consumer::Open(settings.ring, role.delivery,
                                           {.start = millrace::Start::Sequence(tally.next),
                                            .open_timeout = std::chrono::seconds(30),
                                            .label = "demo " + role.name});
  if (!consumer.ok()) {
    row.last_words.Say(consumer.status().ToString());
    return 1;
  }
  Pacer pacer(role.rate);
  for (;;) {
    while (tally.received >= wait_for_kill_at) pause();
    const millrace::Received message = consumer->Next();
    if (!message) break;
    Count(*message, settings, tally);
    row.checkpoint.Save(tally);  // after a kill before this line, this message is read again
    pacer.Spend(message->payload.size());
  }
  const absl::Status end = consumer->status();
  row.last_words.Say(end.ToString());
  return millrace::ErrorOf(end) == millrace::Error::kClosed ? 0 : 1;
}

}  // namespace demo
