// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/io/streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/exit_code.h"
#include "tools/shmctl/io/signals.h"

namespace millrace::tool {
namespace {

// Returns early on a signal.
void WaitFor(int fd, short events) {
  pollfd waited = {fd, events, 0};
  poll(&waited, 1, -1);
}

}  // namespace

void ReserveStandardDescriptors() {
  // Opens input for writing and output for reading, so that using them still fails, as the caller intended.
  const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      [[maybe_unused]] const int opened = open("/dev/null", modes[fd]);  // takes the lowest free number: fd
    }
  }
}

ssize_t ReadSome(int fd, char* data, size_t size) {
  for (;;) {
    const ssize_t n = read(fd, data, size);
    if (n >= 0) return n;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      WaitFor(fd, POLLIN);
      if (CaughtSignal() == 0) continue;
      errno = EINTR;
    }
    if (errno != EINTR || CaughtSignal() != 0) return -1;
  }
}

OutputBuffer::OutputBuffer(int fd) : fd_(fd) { pending_.reserve(2 * kBlock); }

void OutputBuffer::Flush() {
  size_t done = 0;
  while (state_ == State::kGood && done < pending_.size()) {
    const ssize_t n = write(fd_, pending_.data() + done, pending_.size() - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (!Recover()) {
      break;
    }
  }
  pending_.clear();
}

bool OutputBuffer::Recover() {
  const int error = errno;
  if (error == EINTR || error == EAGAIN || error == EWOULDBLOCK) {
    if (error != EINTR) WaitFor(fd_, POLLOUT);
    if (CaughtSignal() == 0) return true;
    // The first interruption may be the signal itself. At the second, the reader has had a second and has
    // taken nothing.
    if (!std::exchange(interrupted_, true)) return true;
    state_ = State::kStuck;
    return false;
  }
  errno_ = error;
  state_ = error == EPIPE ? State::kReaderGone : State::kFailed;
  return false;
}

void OutputBuffer::LookForReader() {
  pollfd looked = {fd_, 0, 0};
  if (state_ == State::kGood && poll(&looked, 1, 0) == 1 && (looked.revents & POLLERR) != 0) {
    state_ = State::kReaderGone;
  }
}

std::string OutputBuffer::problem() const {
  return std::string("cannot write standard output: ") + std::strerror(errno_);
}

int Print(std::string_view text) {
  OutputBuffer output(STDOUT_FILENO);
  output.pending() = text;
  output.Flush();
  if (output.state() == OutputBuffer::State::kStuck) return kSignalBase + CaughtSignal();
  if (output.state() != OutputBuffer::State::kFailed) return kDone;
  Complain(output.problem());
  return kEnvironment;
}

}  // namespace millrace::tool
