// What a rival is asked to do in one slice, and the page through which its processes report.
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
  kLatency,     // one message at a time; the next one after the last was seen, and a pause
  kPaced,       // at a fixed rate, whatever became of the last one; stamped with the time each was due
  kIdle,        // nothing for the whole slice, then the last message: what does waiting cost?
};

// How a consumer waits for a message (and a producer for room).
enum class Waiting : uint8_t {
  kSpin,      // never sleeps
  kAdaptive,  // whatever the rival does by default; the others: spins
  kSleep,     // sleeps in the kernel at once
};
const char* ToString(Waiting waiting);

inline constexpr int kMostConsumers = 8;

struct Work {
  Activity activity = Activity::kThroughput;
  Waiting waiting = Waiting::kSpin;
  size_t bytes = 8;                 // of each message, a multiple of 8
  size_t capacity_bytes = 1 << 20;  // of payload in the queue, unless the rival's system fixes it
  int consumers = 1;
  bool lossy = false;  // the consumer may miss messages; the producer never waits for it
  uint64_t pause_low_ns = 0, pause_high_ns = 0;  // kLatency: between two messages; kPaced: the lower one
  uint64_t chew_ns = 0;                          // the first consumer spends so long on each message
  bool oversubscribed = false;  // more processes than cores: whoever spins must let others run
  std::string name = {};        // unique to this slice: for names of queues and files

  size_t Slots() const { return capacity_bytes / bytes; }
};

// One process's report. Written by that process only; read by the driver after its end.
struct alignas(64) Report {
  uint64_t messages = 0;  // sent or received, without the last one
  uint64_t damaged = 0;   // wrong bytes, wrong order: must be 0
  uint64_t end_ticks = 0;
  uint64_t warm_ticks = 0, warm_messages = 0;  // consumers: the rate counts from here; 0: it never got warm
  uint64_t cpu_ns = 0;                         // spent by this process while the slice ran
  char failure[192] = {};                      // not empty: why it gave up
};

struct Shared {
  alignas(64) std::atomic<uint32_t> ready{0};  // processes that are set up
  alignas(64) std::atomic<uint64_t> start{0};  // ticks; 0: not yet
  std::atomic<uint64_t> warm{0};               // ticks: what comes before does not count
  std::atomic<uint64_t> end{0};                // ticks: senders stop
  alignas(64) std::atomic<int> ended{0};       // consumers that have got the last message
  alignas(64) std::atomic<uint64_t> seen{0};   // kLatency: messages the consumer has read
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
