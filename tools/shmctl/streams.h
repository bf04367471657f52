// Standard input and output as blocks of bytes: interrupted calls, non-blocking descriptors, readers that
// left.
#ifndef MILLRACE_TOOLS_SHMCTL_STREAMS_H_
#define MILLRACE_TOOLS_SHMCTL_STREAMS_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::tool {

// Gives descriptors 0, 1 and 2 something to be if the caller closed them. Otherwise the next object opened
// would get such a number, and the tool would read or write a ring as if it were a stream.
void ReserveStandardDescriptors();

// read(2) that waits for a non-blocking descriptor too. -1 with errno EINTR only once a signal was caught.
ssize_t ReadSome(int fd, char* data, size_t size);

// Bytes on their way to a descriptor.
class OutputBuffer {
 public:
  enum class State {
    kGood,
    kReaderGone,  // EPIPE: nobody reads this pipe any more
    kFailed,      // see problem()
    kStuck,       // a signal was caught and the reader takes nothing
  };

  explicit OutputBuffer(int fd);

  std::string& pending() { return pending_; }  // append here, then WriteIfLarge()
  void WriteIfLarge() {
    if (pending_.size() >= kBlock) Flush();
  }
  void Flush();  // no-op unless kGood
  // Has the reader left although nothing was written? Keeps a quiet stream from waiting for ever for nobody.
  void LookForReader();

  State state() const { return state_; }
  std::string problem() const;

 private:
  static constexpr size_t kBlock = 256 * 1024;

  // Whether to try again after write(2) refused.
  bool Recover();

  const int fd_;
  std::string pending_;
  State state_ = State::kGood;
  int errno_ = 0;
  bool interrupted_ = false;  // a write was interrupted once after a signal had been caught
};

// Writes a whole report to standard output and gives the exit code; complains if that failed.
int Print(std::string_view text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_STREAMS_H_
