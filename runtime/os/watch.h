// Waiting for something to happen in a directory, without polling it.
#ifndef MILLRACE_RUNTIME_OS_WATCH_H_
#define MILLRACE_RUNTIME_OS_WATCH_H_

#include <cstdint>
#include <string>

#include "runtime/os/object.h"

namespace millrace::os {

// Watches for a name to appear in a directory (inotify). Where the kernel refuses that (128 instances a user,
// unless set), Wait sleeps instead, the longer the longer this has waited: the name is then found late by an
// eighth of that time.
class DirectoryWatch {
 public:
  DirectoryWatch(const std::string& directory, std::string name);
  // Returns when the name may have appeared since the last call, after a signal, and at most after
  // timeout_ns. Look again either way.
  void Wait(int64_t timeout_ns);

 private:
  bool AwaitEvent(int64_t timeout_ns);
  bool NameCame();

  Fd fd_;
  std::string name_;
  int64_t since_ns_;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_WATCH_H_
