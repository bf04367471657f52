// SPDX-License-Identifier: Apache-2.0
// The rings that the words of a command line mean: names and patterns, of rings that exist or will appear.
#ifndef MILLRACE_TOOLS_SHMCTL_ARGUMENTS_RING_NAMES_H_
#define MILLRACE_TOOLS_SHMCTL_ARGUMENTS_RING_NAMES_H_

#include <cstdint>
#include <set>
#include <string>

namespace millrace::tool {

// Returns true if the word is a pattern like the shell's. Names never contain * ? [.
bool IsPattern(const std::string& word);
bool Matches(const std::string& pattern, const std::string& name);

// The names of the rings of a directory, and whether there may be new ones.
class RingNames {
 public:
  explicit RingNames(const std::string& directory);
  ~RingNames();
  RingNames(const RingNames&) = delete;

  // Returns the well-formed names. Some may belong to files that are no rings.
  std::set<std::string> Now() const;
  // Waits until a name has appeared since the last call, for at most `timeout_ms` or until a signal. Returns
  // true if one has. Where the kernel does not report names (inotify refused, another mount), returns true
  // now and then.
  bool Changed(int timeout_ms);

 private:
  const std::string directory_;
  int fd_;  // inotify; -1 if refused
  int64_t looked_ns_;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_ARGUMENTS_RING_NAMES_H_
