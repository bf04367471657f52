// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "runtime/os/park.h"

namespace millrace::os {
namespace {

// Longest wait for an event. The caller must look this often, because mounting over the directory causes no
// event.
constexpr int64_t kLongestNs = 200'000'000;
constexpr int64_t kShortestNs = 5'000'000;
constexpr int64_t kPartOfWaitedTime = 8;
// Pauses after events about other names, which may be frequent. Each pause in a row is twice as long as the
// last.
constexpr int64_t kShortestPauseNs = 1'000'000, kLongestPauseNs = 50'000'000;

// Sleeps for `ns`. Returns false if a signal ended the sleep.
bool Sleep(int64_t ns) {
  const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
  return nanosleep(&timeout, nullptr) == 0;
}

}  // namespace

DirectoryWatch::DirectoryWatch(const std::string& directory, std::string name)
    : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), name_(std::move(name)), since_ns_(MonotonicNs()) {
  if (fd_.valid() &&
      inotify_add_watch(fd_.get(), directory.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
    fd_.Close();
  }
}

void DirectoryWatch::Wait(int64_t timeout_ns) {
  const int64_t begin = MonotonicNs();
  if (!fd_.valid()) {
    const int64_t ns = std::clamp((begin - since_ns_) / kPartOfWaitedTime, kShortestNs, kLongestNs);
    Sleep(std::clamp<int64_t>(timeout_ns, 0, ns));
    return;
  }
  const int64_t end = begin + std::clamp<int64_t>(timeout_ns, 0, kLongestNs);
  for (int64_t pause_ns = kShortestPauseNs;; pause_ns = std::min(pause_ns * 2, kLongestPauseNs)) {
    if (!AwaitEvent(end - MonotonicNs()) || NameCame()) return;
    if (!Sleep(std::clamp<int64_t>(end - MonotonicNs(), 0, pause_ns))) return;
  }
}

// Waits for an event. Returns false if none arrived in time, or a signal ended the wait.
bool DirectoryWatch::AwaitEvent(int64_t timeout_ns) {
  if (timeout_ns < 0) return false;
  const timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
  pollfd events{fd_.get(), POLLIN, 0};
  return ppoll(&events, 1, &timeout, nullptr) > 0;
}

// Reads all pending events. Returns true if one of them concerns the name, or no name at all (the directory
// is gone, or the queue overflowed).
bool DirectoryWatch::NameCame() {
  alignas(inotify_event) char events[4096];
  bool came = false;
  for (;;) {
    const ssize_t bytes = read(fd_.get(), events, sizeof events);
    if (bytes <= 0) return came || errno != EAGAIN;
    for (ssize_t at = 0; at < bytes;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(events + at);
      came |= event->len == 0 || name_ == event->name;
      at += static_cast<ssize_t>(sizeof *event + event->len);
    }
  }
}

}  // namespace millrace::os
