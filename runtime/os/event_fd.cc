#include "runtime/os/event_fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "runtime/os/failure.h"

namespace millrace::os {
namespace {

std::optional<Identity> IdentityOf(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return std::nullopt;
  return Identity{facts.st_dev, facts.st_ino};
}

}  // namespace

absl::StatusOr<EventFd> EventFd::Create(const std::string& what) {
  Fd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid()) return SystemFailure(errno, what + ": eventfd");
  const std::optional<Identity> identity = IdentityOf(fd.get());
  if (!identity) return SystemFailure(errno, what + ": fstat");
  return EventFd(std::move(fd), *identity);
}

EventFd::~EventFd() {
  if (fd_.valid() && !Ours()) fd_.Abandon();
}

// All eventfds share one inode, which no file, socket or pipe has.
bool EventFd::Ours() const { return IdentityOf(fd_.get()) == identity_; }

absl::StatusOr<int> EventFd::Mirror(const std::string& what) const {
  const int mirror = epoll_create1(EPOLL_CLOEXEC);
  if (mirror < 0) return SystemFailure(errno, what + ": epoll_create1");
  epoll_event readable{};
  readable.events = EPOLLIN;
  if (epoll_ctl(mirror, EPOLL_CTL_ADD, fd_.get(), &readable) != 0) {
    const int error = errno;
    close(mirror);
    return SystemFailure(error, what + ": epoll_ctl");
  }
  return mirror;
}

void EventFd::Raise() const {
  const uint64_t one = 1;
  while (Ours() && write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void EventFd::Clear() const {
  uint64_t count;
  while (Ours() && read(fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace millrace::os
