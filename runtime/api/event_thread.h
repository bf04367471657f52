// SPDX-License-Identifier: Apache-2.0
// The thread that sleeps for the event descriptors of this process.
#ifndef MILLRACE_RUNTIME_API_EVENT_THREAD_H_
#define MILLRACE_RUNTIME_API_EVENT_THREAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "runtime/api/event_signal.h"

namespace millrace::internal {

// One thread watches up to kMostSignals rings; further rings get another event thread. The thread ends when
// its last signal is removed. A forked child has no such thread and abandons all event threads: consumers of
// the parent return kForked there, and consumers that the child opens get an event thread of the child's own.
class EventThread {
 public:
  static constexpr size_t kMostSignals = kMostParkWords - 1;  // one word is for calling the thread

  // Gives the signal a thread, which keeps the signal until it is removed. `what` is for the error text.
  static absl::Status Add(const std::shared_ptr<EventSignal>& signal, const char* what);
  void Remove(const EventSignal& signal);
  // Makes the thread look over its signals by `until_ns` if it would sleep longer.
  void LookWithin(int64_t until_ns);

 private:
  void Run();
  void CallLocked();
  bool EndIfUnused();  // takes the fork guard

  // A forked child abandons the event thread, so it never needs this mutex.
  std::mutex mutex_;
  std::vector<std::shared_ptr<EventSignal>> signals_;
  uint32_t calls_ = 0;                // a futex; changed under the mutex
  std::atomic<int64_t> until_ns_{0};  // until when the thread sleeps, or is about to sleep
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_EVENT_THREAD_H_
