// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/event_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "runtime/os/failure.h"
#include "runtime/os/thread.h"

namespace millrace::os {
namespace {

std::optional<Identity> IdentityOf(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return std::nullopt;
  return Identity{facts.st_dev, facts.st_ino};
}

}  // namespace

absl::StatusOr<EventFd> EventFd::Create(const std::string& what) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return SystemFailure(errno, what + ": pipe2");
  Fd read_end(ends[0]), write_end(ends[1]);
  const std::optional<Identity> identity = IdentityOf(read_end.get());
  if (!identity) return SystemFailure(errno, what + ": fstat");
  return EventFd(std::move(read_end), std::move(write_end), *identity);
}

EventFd::~EventFd() {
  for (Fd* const end : {&read_end_, &write_end_}) {
    if (end->valid() && !Ours(*end)) end->Abandon();
  }
}

bool EventFd::Ours(const Fd& end) const { return IdentityOf(end.get()) == identity_; }

absl::StatusOr<int> EventFd::Mirror(const std::string& what) const {
  if (!Ours(read_end_)) {
    return Failure(Error::kOther,
                   what +
                       ": the program closed the library's descriptors (closefrom?), expected them to be "
                       "left alone; open the consumer again");
  }
  const int mirror = epoll_create1(EPOLL_CLOEXEC);
  if (mirror < 0) return SystemFailure(errno, what + ": epoll_create1");
  epoll_event readable{};
  readable.events = EPOLLIN;
  if (epoll_ctl(mirror, EPOLL_CTL_ADD, read_end_.get(), &readable) != 0) {
    const int error = errno;
    close(mirror);
    return SystemFailure(
        error, what + ": epoll_ctl",
        error == ENOSPC ? "raise the user's limit of epoll watches (fs.epoll.max_user_watches)" : "");
  }
  return mirror;
}

void EventFd::Raise() const {
  const NoCancel no_cancel;
  const char byte = 0;
  while (Ours(write_end_) && write(write_end_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

// Drains the pipe, which holds a few bytes at most: a readable descriptor is not raised again until cleared.
void EventFd::Clear() const {
  const NoCancel no_cancel;
  char bytes[64];
  while (Ours(read_end_)) {
    const ssize_t got = read(read_end_.get(), bytes, sizeof bytes);
    if (got < static_cast<ssize_t>(sizeof bytes) && !(got < 0 && errno == EINTR)) return;
  }
}

}  // namespace millrace::os
