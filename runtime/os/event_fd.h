// An eventfd: a descriptor that is readable or not, as its owner says.
#ifndef MILLRACE_RUNTIME_OS_EVENT_FD_H_
#define MILLRACE_RUNTIME_OS_EVENT_FD_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/os/object.h"

namespace millrace::os {

// Any thread may call Raise and Clear; neither waits. If the program closed the descriptor behind our back
// (closefrom()) they leave whatever has its number now alone.
class EventFd {
 public:
  static absl::StatusOr<EventFd> Create(const std::string& what);  // what: for the error text
  EventFd(EventFd&&) noexcept = default;
  ~EventFd();
  // A descriptor for somebody else, who closes it: readable when this one is, closed on exec. An epoll
  // instance with this one in it, not a duplicate: a duplicate that its owner closes would stay in the epoll
  // sets it was added to for as long as ours is open, and who reads it or changes its flags would do so to
  // ours.
  absl::StatusOr<int> Mirror(const std::string& what) const;
  void Raise() const;  // readable, and a new edge for whoever waits for edges
  void Clear() const;  // not readable

 private:
  EventFd(Fd fd, Identity identity) : fd_(std::move(fd)), identity_(identity) {}
  bool Ours() const;
  Fd fd_;
  Identity identity_;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_EVENT_FD_H_
