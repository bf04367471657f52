// SPDX-License-Identifier: Apache-2.0
// A daemon that can be stopped, restarted and killed while its consumers keep running. SIGTERM ends it in the
// middle of any wait. It detaches and does not close the ring, so its successor continues with the next
// sequence number. The file millrace_daemon.service is its unit for systemd.
//   millrace_daemon [RING [MILLISECONDS]]
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "millrace/millrace.h"

std::atomic<millrace::Producer*> running{nullptr};
std::atomic<bool> stopped{false};

void Stop(int) {
  stopped = true;
  if (millrace::Producer* producer = running) producer->Interrupt();  // may be called from a signal handler
}

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "ticks";
  const std::chrono::milliseconds interval(argc > 2 ? std::atoi(argv[2]) : 100);
  std::signal(SIGTERM, Stop);
  std::signal(SIGINT, Stop);

  // The first start creates the ring. Every later start takes it over, even from a killed predecessor.
  auto producer = millrace::Producer::OpenOrCreate(ring, {.keep = true});
  if (!producer.ok()) {
    std::cerr << producer.status() << "\n";
    return 1;
  }
  std::cout << "continuing at message " << producer->next_sequence() << std::endl;
  running = &*producer;

  while (!stopped) {
    const millrace::Sent sent = producer->Publish("tick " + std::to_string(producer->next_sequence()));
    if (sent == millrace::Sent::kInterrupted) break;
    if (sent != millrace::Sent::kOk) {  // for example, the ring was removed: the next start creates it again
      std::cerr << "not published: " << ToString(sent) << "\n";
      return 1;
    }
    std::this_thread::sleep_for(interval);
  }
  running = nullptr;
  std::cout << "stopped before message " << producer->next_sequence() << std::endl;
}  // the producer's destructor detaches
