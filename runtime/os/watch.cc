#include "runtime/os/watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace millrace::os {
namespace {

// A look at least this often: a mount over the directory tells nobody.
constexpr int64_t kLongestNs = 200'000'000;
constexpr int64_t kWithoutWatchNs = 5'000'000;

}  // namespace

DirectoryWatch::DirectoryWatch(const std::string& directory) : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (fd_.valid() &&
      inotify_add_watch(fd_.get(), directory.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
    fd_.Close();
  }
}

void DirectoryWatch::Wait(int64_t timeout_ns) {
  const int64_t longest = fd_.valid() ? kLongestNs : kWithoutWatchNs;
  const int64_t ns = std::clamp<int64_t>(timeout_ns, 0, longest);
  const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
  if (!fd_.valid()) {
    nanosleep(&timeout, nullptr);
    return;
  }
  pollfd events{fd_.get(), POLLIN, 0};
  if (ppoll(&events, 1, &timeout, nullptr) > 0) {
    char discarded[4096];
    while (read(fd_.get(), discarded, sizeof discarded) > 0) {
    }
  }
}

}  // namespace millrace::os
