#include "runtime/os/event_fd.h"

#include <errno.h>
#include <fcntl.h>
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

absl::StatusOr<int> EventFd::Duplicate(const std::string& what) const {
  const int fd = fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return SystemFailure(errno, what + ": fcntl(F_DUPFD_CLOEXEC)");
  return fd;
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
