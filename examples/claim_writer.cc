// SPDX-License-Identifier: Apache-2.0
// Zero-copy writing: draws pictures directly in the ring, where the readers find them.
// Start it and millrace_claim_reader in either order:
//   millrace_claim_writer [RING]
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <new>

#include "millrace/millrace.h"

struct Picture {
  uint32_t number, width, height;
  uint8_t pixels[64 * 64];
};

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "pictures";
  auto writer = millrace::Producer::OpenOrCreate(ring);
  if (!writer.ok()) {
    std::cerr << writer.status() << "\n";
    return 1;
  }

  if (!writer->WaitForConsumers(1)) {  // the ring was removed: no reader can join any more
    std::cerr << writer->Check() << "\n";
    return 1;
  }
  for (uint32_t number = 1; number <= 5; ++number) {
    millrace::Claim claim = writer->WaitClaim(sizeof(Picture));  // TryClaim does not wait for room
    if (!claim) {
      std::cerr << "no room: " << ToString(claim.why()) << "\n";
      return 1;
    }
    auto* picture = new (claim.bytes().data()) Picture;  // 8-aligned; still contains old messages
    picture->number = number;
    picture->width = picture->height = 12 * number;
    const size_t pixels = size_t{picture->width} * picture->height;
    std::fill_n(picture->pixels, pixels, static_cast<uint8_t>(number));
    if (number == 3) continue;                         // out of focus: an uncommitted claim leaves no message
    claim.Commit(offsetof(Picture, pixels) + pixels);  // only the pixels drawn
  }

  const absl::Status closed = writer->Close();
  if (!closed.ok()) std::cerr << closed << "\n";
  return closed.ok() ? 0 : 1;
}
