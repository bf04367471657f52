// SPDX-License-Identifier: Apache-2.0
// Writes five readings for millrace_reader and ends the stream. Start the two in either order:
//   millrace_writer [RING]
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

// Returns a producer whose ring has a reader. If the ring is removed before one joins, creates it again.
absl::StatusOr<millrace::TypedProducer<Reading>> OpenForReader(const char* ring) {
  for (;;) {
    auto writer = millrace::TypedProducer<Reading>::OpenOrCreate(ring);
    if (!writer.ok() || writer->WaitForConsumers(1)) return writer;
  }
}

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "readings";
  auto writer = OpenForReader(ring);
  if (!writer.ok()) {
    std::cerr << writer.status() << "\n";
    return 1;
  }

  for (uint64_t number = 1; number <= 5; ++number) {
    const millrace::Sent sent = writer->Publish({number, 20.0 + 0.5 * static_cast<double>(number)});
    if (sent != millrace::Sent::kOk) {
      std::cerr << "not sent: " << ToString(sent) << "\n";
      return 1;
    }
  }

  const absl::Status closed = writer->Close();  // ends the stream; exiting without Close would not
  if (!closed.ok()) std::cerr << closed << "\n";
  return closed.ok() ? 0 : 1;
}
