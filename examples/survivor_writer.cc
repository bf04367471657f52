// SPDX-License-Identifier: Apache-2.0
// Survives crashes: publishes the lines that you type. Kill it (kill -9) and start it again: it takes over
// the ring and continues the sequence. Ctrl-D ends the stream. In another terminal: millrace_survivor_reader
//   millrace_survivor_writer [RING]
#include <cstdint>
#include <iostream>
#include <string>

#include "millrace/millrace.h"

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "survivor";
  // Takes over the ring of a predecessor, without the message that it had not finished.
  auto writer = millrace::Producer::OpenOrCreate(ring);
  if (writer.ok()) std::cout << "continuing at message " << writer->next_sequence() << std::endl;

  std::string line;
  while (writer.ok() && std::getline(std::cin, line)) {
    if (millrace::ErrorOf(writer->Check()) == millrace::Error::kRemoved) {  // the ring was removed
      writer = millrace::Producer::OpenOrCreate(ring);
      if (!writer.ok()) break;
      std::cout << "a new ring" << std::endl;
    }
    const uint64_t sequence = writer->next_sequence();
    const millrace::Sent sent = writer->Publish(line);  // waits while a living reader leaves no room
    if (sent != millrace::Sent::kOk) {
      std::cerr << "not sent: " << ToString(sent) << "\n";
      return 1;
    }
    std::cout << "published " << sequence << std::endl;
  }

  const auto done = writer.ok() ? writer->Close() : writer.status();
  if (!done.ok()) std::cerr << done << "\n";
  return done.ok() ? 0 : 1;  // the reader removes the ring when it has read everything
}
