// SPDX-License-Identifier: Apache-2.0
// The README's writer: five messages, then the end of the stream.
//   millrace_hello_writer          (start it before or after millrace_hello_reader)
#include <iostream>
#include <string>

#include "millrace/millrace.h"

int main() {
  auto writer = millrace::Producer::OpenOrCreate("greetings");
  if (!writer.ok()) return std::cerr << writer.status() << "\n", 1;
  writer->WaitForConsumers(1);
  for (int i = 1; i <= 5; ++i) {
    if (writer->Publish("hello " + std::to_string(i)) != millrace::Sent::kOk) return 1;
  }
  return writer->Close().ok() ? 0 : 1;  // says that the stream is complete; just exiting would not
}
