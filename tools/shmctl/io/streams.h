// SPDX-License-Identifier: Apache-2.0
// Standard input and output as blocks of bytes. Handles interrupted calls, non-blocking descriptors and
// readers that have left.
#ifndef MILLRACE_TOOLS_SHMCTL_IO_STREAMS_H_
#define MILLRACE_TOOLS_SHMCTL_IO_STREAMS_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::tool {

// Opens descriptors 0, 1 and 2 if the caller closed them. Otherwise the next object opened would get such a
// number, and the tool would read or write a ring like a stream.
void ReserveStandardDescriptors();

// Like read(2), but also waits for a non-blocking descriptor. Fails with EINTR only if a signal was caught.
ssize_t ReadSome(int fd, char* data, size_t size);

// Buffers bytes on their way to a descriptor.
class OutputBuffer {
 public:
  enum class State {
    kGood,
    kReaderGone,  // EPIPE: the pipe has no reader any more
    kFailed,      // see problem()
    kStuck,       // a signal was caught and the reader takes nothing
  };

  explicit OutputBuffer(int fd);

  std::string& pending() { return pending_; }  // append here, then WriteIfLarge()
  void WriteIfLarge() {
    if (pending_.size() >= kBlock) Flush();
  }
  void Flush();  // no-op unless kGood
  // Checks whether the reader has left, even if nothing was written. Otherwise a quiet stream would wait
  // forever.
  void LookForReader();

  State state() const { return state_; }
  std::string problem() const;

 private:
  static constexpr size_t kBlock = 256 * 1024;

  // Returns whether to try again after write(2) failed.
  bool Recover();

  const int fd_;
  std::string pending_;
  State state_ = State::kGood;
  int errno_ = 0;
  bool interrupted_ = false;  // a write was interrupted once after a signal had been caught
};

// Writes a whole report to standard output and returns the exit code. Complains if that failed.
int Print(std::string_view text);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_IO_STREAMS_H_
