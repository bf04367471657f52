// SPDX-License-Identifier: Apache-2.0
// Cuts a stream of bytes into messages, as `shmctl pub` reads them.
#ifndef MILLRACE_TOOLS_SHMCTL_PUB_FRAMING_H_
#define MILLRACE_TOOLS_SHMCTL_PUB_FRAMING_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::tool {

enum class Framing : uint8_t {
  kLines,   // a message a line, without its newline; a last line without newline counts too
  kLength,  // four bytes, little-endian, say how many bytes follow
  kRaw,     // the bytes of one read are a message
};

// Reads in large blocks. Holds at most one message and one block, however long the input's lines are.
class MessageReader {
 public:
  enum class Outcome : uint8_t {
    kMessage,
    kEnd,          // the input ended where a message ends
    kFailed,       // see problem(); the messages before were whole
    kInterrupted,  // `read` returned EINTR; the next call continues
  };
  // Like read(2): returns the bytes read, 0 at the end, or -1 and errno.
  using Read = std::function<ssize_t(char*, size_t)>;

  MessageReader(Framing framing, size_t max_message, Read read);

  // *message is valid until the next call.
  Outcome Next(std::string_view* message);
  const std::string& problem() const { return problem_; }

 private:
  static constexpr size_t kBlock = 256 * 1024;

  Outcome NextLine(std::string_view* message);
  Outcome NextOfLength(std::string_view* message);
  Outcome NextRead(std::string_view* message);
  // Waits until `size` bytes are unread. Returns kMessage if they are, and kEnd if the input ended before.
  Outcome Require(size_t size);
  // Reads one block more. Returns kMessage if any bytes arrived.
  Outcome Fill();
  void MakeRoom();
  Outcome Fail(std::string problem);
  Outcome FailToRead();

  size_t unread() const { return end_ - begin_; }
  std::string_view Take(size_t size);

  const Framing framing_;
  const size_t max_message_;
  const Read read_;
  std::unique_ptr<char[]> buffer_;
  size_t size_;
  size_t begin_ = 0, end_ = 0;  // unread bytes in buffer_
  size_t searched_ = 0;         // of these, known to hold no newline
  uint64_t messages_ = 0;       // returned so far; the current line's number is one more
  bool ended_ = false;
  std::string problem_;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_PUB_FRAMING_H_
