// Which rings the words of a command line mean: names and patterns, of rings that are there or come.
#ifndef MILLRACE_TOOLS_SHMCTL_TAIL_NAMES_H_
#define MILLRACE_TOOLS_SHMCTL_TAIL_NAMES_H_

#include <cstdint>
#include <set>
#include <string>

namespace millrace::tool {

// Names have no * ? [: whoever writes one means a pattern, as the shell's.
bool IsPattern(const std::string& word);
bool Matches(const std::string& pattern, const std::string& name);

// The rings of a directory, by their names alone, and whether there may be new ones.
class RingNames {
 public:
  explicit RingNames(const std::string& directory);
  ~RingNames();
  RingNames(const RingNames&) = delete;

  // Returns the well-formed names. Names of files that are no rings may be among them.
  std::set<std::string> Now() const;
  // Has a name appeared since the last call? At most so long after it is there; sooner ends a signal. Where
  // the kernel does not tell (inotify refused, another mount), true now and then.
  bool Changed(int timeout_ms);

 private:
  const std::string directory_;
  int fd_;  // inotify; -1: refused
  int64_t looked_ns_;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TAIL_NAMES_H_
