// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/arguments/ring_names.h"

#include <fnmatch.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "millrace/internal/text.h"

namespace millrace::tool {
namespace {

constexpr std::string_view kSuffix = ".ring";
constexpr int64_t kLookAnywayNs = 1'000'000'000;  // inotify does not report a mount over the directory
constexpr int64_t kWithoutInotifyNs = 50'000'000;

int64_t NowNs() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Returns true if a ring's name is among the events. Other programs create other files in the directory.
bool TellsOfARing(const char* events, ssize_t bytes) {
  for (ssize_t at = 0; at < bytes;) {
    inotify_event event;
    std::memcpy(&event, events + at, sizeof event);
    const std::string_view name(events + at + sizeof event, strnlen(events + at + sizeof event, event.len));
    if (name.ends_with(kSuffix) || (event.mask & IN_Q_OVERFLOW) != 0) return true;
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
  return false;
}

}  // namespace

bool IsPattern(const std::string& word) { return word.find_first_of("*?[") != std::string::npos; }

bool Matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

RingNames::RingNames(const std::string& directory)
    : directory_(directory), fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), looked_ns_(NowNs()) {
  if (fd_ >= 0 && inotify_add_watch(fd_, directory.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
    close(fd_);
    fd_ = -1;
  }
}

RingNames::~RingNames() {
  if (fd_ >= 0) close(fd_);
}

std::set<std::string> RingNames::Now() const {
  std::set<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    if (internal::IsName(name)) names.insert(std::move(name));
  }
  return names;
}

bool RingNames::Changed(int timeout_ms) {
  bool changed = false;
  pollfd event{fd_, POLLIN, 0};  // with a negative descriptor poll only sleeps
  if (poll(&event, 1, timeout_ms) > 0) {
    alignas(inotify_event) char events[4096];
    for (ssize_t n; (n = read(fd_, events, sizeof events)) > 0;) changed |= TellsOfARing(events, n);
  }
  const int64_t now_ns = NowNs();
  changed |= now_ns - looked_ns_ >= (fd_ < 0 ? kWithoutInotifyNs : kLookAnywayNs);
  if (changed) looked_ns_ = now_ns;
  return changed;
}

}  // namespace millrace::tool
