// SPDX-License-Identifier: Apache-2.0
// The README's reader: prints every message and why there is no further one.
//   millrace_hello_reader          (start it before or after millrace_hello_writer)
#include <iostream>

#include "millrace/millrace.h"

int main() {
  auto reader = millrace::Consumer::Open("greetings", millrace::Delivery::Lossless(),
                                         {.open_timeout = millrace::kForever});
  if (!reader.ok()) return std::cerr << reader.status() << "\n", 1;
  while (const auto message = reader->Next()) {  // sleeps until there is one
    std::cout << message->sequence << ": " << message->text() << "\n";
  }
  std::cerr << reader->status() << "\n";
}
