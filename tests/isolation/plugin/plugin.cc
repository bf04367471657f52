// SPDX-License-Identifier: Apache-2.0
// A plug-in with the library inside, which its host may unload. See plugin_test.cc.
#include <unistd.h>

#include <optional>

#include "millrace/millrace.h"
#include "tests/isolation/plugin/plugin.h"

namespace {

std::optional<millrace::Consumer> Open(const char* directory) {
  auto consumer = millrace::Consumer::Open("q", millrace::Delivery::Lossless(), {.directory = directory});
  if (!consumer.ok()) return std::nullopt;
  return *std::move(consumer);
}

}  // namespace

extern "C" int plugin_read(const char* directory) {
  auto consumer = Open(directory);
  return consumer && consumer->TryNext().why() == millrace::Got::kEmpty ? 0 : 1;
}

extern "C" int plugin_wait_by_descriptor(const char* directory) {
  auto consumer = Open(directory);
  if (!consumer) return 1;
  const auto descriptor = consumer->EventFd();
  if (!descriptor.ok()) return 2;
  close(*descriptor);
  return consumer->TryNext().why() == millrace::Got::kEmpty ? 0 : 3;
}

extern "C" int plugin_guard(const char* directory) {
  return millrace::InstallSigbusGuard().ok() ? plugin_read(directory) : 1;
}
