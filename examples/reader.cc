// SPDX-License-Identifier: Apache-2.0
// Prints the readings of millrace_writer until the stream ends. Start the two in either order:
//   millrace_reader [RING]
#include <cstdint>
#include <iostream>
#include <string_view>

#include "millrace/millrace.h"

struct Reading {
  uint64_t number;
  double celsius;
};
template <>
inline constexpr std::string_view millrace::kSchema<Reading> = "number:u64 celsius:f64";

// Prints every reading. Returns why there was no further one.
absl::Status ReadAll(const char* ring) {
  auto reader = millrace::TypedConsumer<Reading>::Open(ring, millrace::Delivery::Lossless(),
                                                       {.open_timeout = millrace::kForever});
  if (!reader.ok()) return reader.status();
  while (const auto reading = reader->Next()) {  // waits for the next reading
    std::cout << "reading " << reading->number << ": " << reading->celsius << " C\n";
  }
  return reader->status();
}

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "readings";
  const absl::Status end = ReadAll(ring);
  if (millrace::ErrorOf(end) != millrace::Error::kClosed) {
    std::cerr << end << "\n";
    return 1;
  }
  std::cout << "that was all\n";
  // The last reader removes the ring: this call fails while another reader has the ring open.
  millrace::SegmentManager().Unlink(ring).IgnoreError();
}
