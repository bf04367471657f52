// SPDX-License-Identifier: Apache-2.0
// Waits for a name to appear in a directory, without polling the directory.
#ifndef MILLRACE_RUNTIME_OS_WATCH_H_
#define MILLRACE_RUNTIME_OS_WATCH_H_

#include <cstdint>
#include <string>

#include "runtime/os/file.h"

namespace millrace::os {

// Watches for a name to appear in a directory (inotify). The kernel may refuse a watch; by default each user
// can have 128 inotify instances. Wait then sleeps instead, each time for an eighth of the time waited until
// then, within bounds. So the name is found late by at most that pause.
class DirectoryWatch {
 public:
  DirectoryWatch(const std::string& directory, std::string name);
  // Returns when the name may have appeared since the last call, after a signal, or after timeout_ns at the
  // latest. The caller must look for the name in every case.
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
