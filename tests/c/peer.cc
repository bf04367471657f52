// SPDX-License-Identifier: Apache-2.0
// The other side of the C tests: the same rings through the C++ interface. Usage: peer publish|read|FAILURE RING COUNT
#include <cstdio>
#include <cstdlib>
#include <string>

#include "millrace/millrace.h"

namespace {

int Fail(const std::string& why) {
  std::fprintf(stderr, "peer: %s\n", why.c_str());
  return 1;
}

int Publish(const char* ring, int count) {
  auto producer = millrace::Producer::OpenOrCreate(ring);
  if (!producer.ok()) return Fail(producer.status().ToString());
  if (!producer->WaitForConsumers(1)) return Fail("no consumer");
  for (int i = 0; i < count; ++i) {
    if (producer->Publish("message " + std::to_string(i)) != millrace::Sent::kOk)
      return Fail("not published");
  }
  return producer->Close().ok() ? 0 : Fail("not closed");
}

int Read(const char* ring, int count) {
  auto consumer =
      millrace::Consumer::Open(ring, millrace::Delivery::Lossless(), {.open_timeout = millrace::kForever});
  if (!consumer.ok()) return Fail(consumer.status().ToString());
  for (int i = 0; i < count; ++i) {
    const auto message = consumer->Next();
    if (!message) return Fail(millrace::ToString(message.why()));
    if (message->text() != "message " + std::to_string(i) || message->lost != 0)
      return Fail("another message");
  }
  const auto end = consumer->Next();
  return end.why() == millrace::Got::kClosed ? 0 : Fail("no end");
}

// Prints the text of an error, as C programs get it from millrace_error_text().
int Print(const absl::Status& status) {
  std::fwrite(status.message().data(), 1, status.message().size(), stdout);
  return status.ok() ? 1 : 0;
}

int FailIn(const std::string& way, const char* ring) {
  millrace::RingOptions options;
  if (way == "missing") return Print(millrace::Producer::Open(ring).status());
  if (way == "exists") return Print(millrace::Producer::Create(ring).status());
  if (way == "foreign") return Print(millrace::SegmentManager().Inspect(ring).status());
  if (way == "capacity") options.capacity = 5000;
  if (way == "max_message") options.max_message = 1 << 30;
  return Print(millrace::Producer::Create(ring, options).status());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return Fail("usage: peer publish|read RING COUNT");
  const std::string command = argv[1];
  if (command == "publish") return Publish(argv[2], std::atoi(argv[3]));
  if (command == "read") return Read(argv[2], std::atoi(argv[3]));
  return FailIn(command, argv[2]);
}
