// SPDX-License-Identifier: Apache-2.0
// A descriptor whose readability its owner sets and clears.
#ifndef MILLRACE_RUNTIME_OS_EVENT_FD_H_
#define MILLRACE_RUNTIME_OS_EVENT_FD_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/os/file.h"

namespace millrace::os {

// An owner's descriptor for event loops. Any thread may call Raise and Clear; neither waits.
//
// The program may close our descriptors (closefrom()) and reuse their numbers. Raise, Clear and the
// destructor then leave the new descriptors alone. To recognise them, this is a pipe and not an eventfd: each
// pipe has its own inode, but all eventfds, epoll instances and timers share one.
class EventFd {
 public:
  static absl::StatusOr<EventFd> Create(const std::string& what);  // `what` begins the error text
  EventFd(EventFd&&) noexcept = default;
  EventFd& operator=(EventFd&&) = delete;
  ~EventFd();
  // Returns a new descriptor that is readable whenever this one is. The caller closes it; exec closes it too.
  // Fails if the program closed ours.
  //
  // The new descriptor is an epoll instance that contains ours, because a duplicate would share our open
  // file. A closed duplicate would stay in the epoll sets it was added to while ours is open. Reading a
  // duplicate, or changing its flags, would affect ours.
  absl::StatusOr<int> Mirror(const std::string& what) const;
  void Raise() const;  // Makes it readable, with a new edge for edge-triggered waiters.
  void Clear() const;  // Makes it not readable.

 private:
  EventFd(Fd read_end, Fd write_end, Identity identity)
      : read_end_(std::move(read_end)), write_end_(std::move(write_end)), identity_(identity) {}
  bool Ours(const Fd& end) const;
  Fd read_end_, write_end_;
  Identity identity_;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_EVENT_FD_H_
