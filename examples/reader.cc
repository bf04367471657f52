// Reads what millrace_writer writes, to the end. Start the two in either order:
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

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "readings";
  auto reader = millrace::TypedConsumer<Reading>::Open(ring, millrace::Delivery::Lossless(),
                                                       {.open_timeout = millrace::kForever});
  if (!reader.ok()) {
    std::cerr << reader.status() << "\n";
    return 1;
  }

  while (const auto reading = reader->Next()) {  // sleeps until there is one
    std::cout << "reading " << reading->number << ": " << reading->celsius << " C\n";
  }

  absl::Status end = reader->bytes().status();               // why there was no further message, in words
  if (millrace::ErrorOf(end) == millrace::Error::kClosed) {  // everything is read: the ring can go
    end = millrace::SegmentManager().Unlink(ring, millrace::SegmentManager::Force::kYes);
  }
  if (!end.ok()) {
    std::cerr << end << "\n";
    return 1;
  }
  std::cout << "that was all\n";
}
