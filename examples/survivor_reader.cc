// SPDX-License-Identifier: Apache-2.0
// Survives crashes of the writer and of itself. If the writer dies, waits for the next one. If evicted, or if
// the ring was removed, opens the ring again. After kill -9, resumes where it stopped. At the end of the
// stream, removes the ring. In another terminal: millrace_survivor_writer
//   millrace_survivor_reader [RING [PROGRESS_FILE]]
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "millrace/millrace.h"

using millrace::Error, millrace::SegmentManager;

absl::Status Follow(millrace::Consumer& reader, const std::string& incarnation, std::ostream& progress) {
  for (bool gone = false;;) {
    const millrace::Received message = reader.Next(std::chrono::milliseconds(50));
    if (message) {
      if (message->lost > 0) std::cout << "missed " << message->lost << std::endl;
      std::cout << message->sequence << ": " << message->text() << std::endl;
      // Saved after the work: a crash between the two repeats this message and skips none.
      progress.seekp(0) << incarnation << " " << message->sequence + 1 << std::endl;
      continue;
    }
    if (message.why() != millrace::Got::kTimedOut) return reader.status();
    const millrace::ProducerInfo producer = reader.producer();
    if (gone == (producer.alive || producer.closed)) {
      gone = !gone;
      std::cout << (gone ? "the writer is gone, waiting for another" : "a new writer continues") << std::endl;
    }
  }
}

int main(int argc, char** argv) {
  const std::string ring = argc > 1 ? argv[1] : "survivor", file = argc > 2 ? argv[2] : ring + ".progress";
  for (;;) {
    std::string incarnation;  // of the ring to which the progress belongs
    uint64_t next = 0;
    std::ifstream(file) >> incarnation >> next;
    auto info = SegmentManager().Inspect(ring);
    if (!info.ok() || info->incarnation != incarnation) next = 0;  // a new ring: start at its first message
    auto reader = millrace::Consumer::Open(
        ring, millrace::Delivery::Lossless(),
        {.start = millrace::Start::Sequence(next), .open_timeout = millrace::kForever});
    std::fstream progress(file, next > 0 ? std::ios::in | std::ios::out : std::ios::out);
    info = SegmentManager().Inspect(ring);
    absl::Status end = reader.status();
    if (end.ok()) end = info.ok() ? Follow(*reader, info->incarnation, progress) : info.status();
    std::cout << end.message() << std::endl;
    reader = end;  // gives the seat back
    const Error why = millrace::ErrorOf(end);
    if (why == Error::kEvicted) continue;
    if (why != Error::kRemoved && why != Error::kNotFound && why != Error::kClosed) return 1;
    std::filesystem::remove(file);  // its ring has ended or was removed
    if (why == Error::kClosed) break;
  }
  SegmentManager().Unlink(ring).IgnoreError();  // fails while another reader has the ring open
}
