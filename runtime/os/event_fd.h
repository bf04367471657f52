// A descriptor that is readable or not, as its owner says.
#ifndef MILLRACE_RUNTIME_OS_EVENT_FD_H_
#define MILLRACE_RUNTIME_OS_EVENT_FD_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/os/object.h"

namespace millrace::os {

// Any thread may call Raise and Clear; neither waits. If the program closed our descriptors (closefrom())
// they leave whatever has their numbers now alone. So this is a pipe and no eventfd: each pipe is an inode of
// its own, while all eventfds, epoll instances, timers and so on share one and cannot be told apart.
class EventFd {
 public:
  static absl::StatusOr<EventFd> Create(const std::string& what);  // what: for the error text
  EventFd(EventFd&&) noexcept = default;
  EventFd& operator=(EventFd&&) = delete;
  ~EventFd();
  // A descriptor for somebody else, who closes it: readable when this one is, closed on exec. An epoll
  // instance with this one in it, not a duplicate: a duplicate that its owner closes would stay in the epoll
  // sets it was added to for as long as ours is open, and who reads it or changes its flags would do so to
  // ours. Fails if the program closed ours.
  absl::StatusOr<int> Mirror(const std::string& what) const;
  void Raise() const;  // readable, and a new edge for whoever waits for edges
  void Clear() const;  // not readable

 private:
  EventFd(Fd read_end, Fd write_end, Identity identity)
      : read_end_(std::move(read_end)), write_end_(std::move(write_end)), identity_(identity) {}
  bool Ours(const Fd& end) const;
  Fd read_end_, write_end_;
  Identity identity_;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_EVENT_FD_H_
