// SPDX-License-Identifier: Apache-2.0
// The work of a rival in one slice, and the shared page through which its processes report.
#ifndef MILLRACE_BENCHES_HARNESS_WORK_H_
#define MILLRACE_BENCHES_HARNESS_WORK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "benches/harness/histogram.h"
#include "benches/harness/ticks.h"

namespace millrace::bench {

enum class Activity : uint8_t {
  kThroughput,  // as many messages as possible until the end of the slice
  kLatency,     // one message at a time: the next one is sent a pause after the last one was read
  kPaced,       // at a fixed rate, without waiting for the consumer; stamps say when each was due
  kIdle,        // no message but the last one, to measure the cost of waiting
};

// How a consumer waits for a message, and a producer for room.
enum class Waiting : uint8_t {
  kSpin,      // never sleeps
  kAdaptive,  // what the rival does by default, or spins if it has no such mode
  kSleep,     // sleeps in the kernel immediately
};
const char* ToString(Waiting waiting);

inline constexpr int kMostConsumers = 8;

struct Work {
  Activity activity = Activity::kThroughput;
  Waiting waiting = Waiting::kSpin;
  size_t bytes = 8;                 // size of each message, a multiple of 8
  size_t capacity_bytes = 1 << 20;  // payload in the queue, unless the rival or the system fixes it
  int consumers = 1;
  bool lossy = false;  // the consumer may lose messages; the producer never waits for it
  uint64_t pause_low_ns = 0, pause_high_ns = 0;  // between two messages; kPaced uses only low
  uint64_t chew_ns = 0;                          // time that the first consumer spends on each message
  bool oversubscribed = false;                   // more processes than cores: a spinning process must yield
  std::string name = {};                         // unique to this slice, for names of queues and files

  size_t Slots() const { return capacity_bytes / bytes; }
};

// The report of one process. Only that process writes it. The driver reads it after the process has ended.
struct alignas(64) Report {
  uint64_t messages = 0;  // sent or received, not counting the last one
  uint64_t damaged = 0;   // messages with wrong bytes or in wrong order; must be 0
  uint64_t end_ticks = 0;
  uint64_t warm_ticks = 0, warm_messages = 0;  // a consumer's rate counts from here; 0: warm-up never ended
  uint64_t cpu_ns = 0;                         // CPU time of this process during the slice
  char failure[192] = {};                      // why it gave up; empty if it did not
};

struct Shared {
  alignas(64) std::atomic<uint32_t> ready{0};  // number of processes that are set up
  alignas(64) std::atomic<uint64_t> start{0};  // in ticks; 0: not started
  std::atomic<uint64_t> warm{0};               // in ticks: earlier messages do not count
  std::atomic<uint64_t> end{0};                // in ticks: senders stop here
  alignas(64) std::atomic<int> ended{0};       // consumers that have received the last message
  alignas(64) std::atomic<uint64_t> seen{0};   // kLatency: messages that the consumer has read
  Report producer;
  Report consumers[kMostConsumers];
  Histogram latency;

  void WaitForStart() {
    ready.fetch_add(1);
    while (start.load(std::memory_order_acquire) == 0) CpuRelax();
  }
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_WORK_H_
