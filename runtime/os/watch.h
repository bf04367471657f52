// Waiting for something to happen in a directory, without polling it.
#ifndef MILLRACE_RUNTIME_OS_WATCH_H_
#define MILLRACE_RUNTIME_OS_WATCH_H_

#include <cstdint>
#include <string>

#include "runtime/os/object.h"

namespace millrace::os {

// Watches for names that appear in a directory (inotify). Where the kernel refuses that (no more instances),
// Wait sleeps a little instead.
class DirectoryWatch {
 public:
  explicit DirectoryWatch(const std::string& directory);
  // Returns when a name has appeared since the last call, at most after timeout_ns; look again either way.
  void Wait(int64_t timeout_ns);

 private:
  Fd fd_;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_WATCH_H_
