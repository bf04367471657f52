// SPDX-License-Identifier: Apache-2.0
// Zero-copy reading: examines the pictures of millrace_claim_writer in place, in the ring.
// Start the two in either order:
//   millrace_claim_reader [RING]
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <numeric>

#include "millrace/millrace.h"

struct Picture {
  uint32_t number, width, height;
  uint8_t pixels[64 * 64];
};

// Prints every picture. Returns why there was no further message.
absl::Status LookAtAll(const char* ring) {
  auto reader =
      millrace::Consumer::Open(ring, millrace::Delivery::Lossless(), {.open_timeout = millrace::kForever});
  if (!reader.ok()) return reader.status();
  while (auto message = reader->Next()) {
    // The producer does not reuse these bytes before the next call on `reader`. A faulty producer could still
    // write them, so sizes are read once and then checked.
    const auto* picture = reinterpret_cast<const Picture*>(message->payload.data());
    if (message->payload.size() < offsetof(Picture, pixels)) continue;
    const size_t width = picture->width, height = picture->height;
    if (width > 64 || height > 64) continue;
    if (message->payload.size() != offsetof(Picture, pixels) + width * height) continue;
    const uint32_t light = std::accumulate(picture->pixels, picture->pixels + width * height, uint32_t{0});
    const uint32_t number = picture->number;
    if (!reader->StillIntact()) continue;  // this reader was evicted (shmctl evict) and the bytes reused
    std::cout << "picture " << number << ": " << width << " x " << height << ", light " << light << "\n";
  }
  return reader->status();
}

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "pictures";
  const absl::Status end = LookAtAll(ring);
  if (millrace::ErrorOf(end) != millrace::Error::kClosed) {
    std::cerr << end << "\n";
    return 1;
  }
  std::cout << "that was all\n";
  // The last reader removes the ring: this call fails while another reader has the ring open.
  millrace::SegmentManager().Unlink(ring).IgnoreError();
}
