// The thread that sleeps for the event descriptors of this process.
#ifndef MILLRACE_RUNTIME_API_EVENT_BRIDGE_H_
#define MILLRACE_RUNTIME_API_EVENT_BRIDGE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "runtime/api/event_bell.h"

namespace millrace::internal {

// One thread for up to kMostBells rings; when that is full, another. It ends with the last of its bells. A
// forked child has no such thread and forgets all bridges: its consumers answer kForked, those it opens get a
// bridge of its own.
class EventBridge {
 public:
  static constexpr size_t kMostBells = kMostParkWords - 1;  // one word is for calling the thread

  // Gives the bell a bridge, which keeps it until it is removed. `what`: for the error text.
  static absl::Status Add(const std::shared_ptr<EventBell>& bell, const char* what);
  void Remove(const EventBell& bell);
  // Lets the thread look over its bells by then, if it would sleep longer.
  void LookWithin(int64_t until_ns);

 private:
  void Run();
  void CallLocked();
  bool EndIfUnused();  // under the fork guard

  std::mutex mutex_;  // never held by a forking thread of this process when it matters: the child forgets it
  std::vector<std::shared_ptr<EventBell>> bells_;
  uint32_t calls_ = 0;                // a futex; changed under the mutex
  std::atomic<int64_t> until_ns_{0};  // how long the thread sleeps, or is about to
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_EVENT_BRIDGE_H_
