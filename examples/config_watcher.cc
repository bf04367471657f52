// SPDX-License-Identifier: Apache-2.0
// Follows the configuration of millrace_config_publisher. Prints the current value immediately, even if it is
// old or its publisher has ended, and then every change. Takes no seat, so any number of watchers can run.
//   millrace_config_watcher [RING]
#include <iostream>

#include "millrace/millrace.h"

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "config";
  auto watcher = millrace::Consumer::Open(
      ring, millrace::Delivery::Observer(),
      {.start = millrace::Start::Last(1), .follow_reopen = true, .open_timeout = millrace::kForever});
  if (!watcher.ok()) {
    std::cerr << watcher.status() << "\n";
    return 1;
  }

  while (const millrace::Received value = watcher->Next()) {
    std::cout << value->sequence << ": " << value->text() << std::endl;
    // If several values were published since the last Next, only the newest one counts.
    if (const absl::Status skipped = watcher->SkipTo(millrace::Start::Last(1)); !skipped.ok()) break;
  }
  std::cerr << watcher->status() << "\n";  // the ring was removed, or is damaged
  return 1;
}
