// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/pub/framing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"

namespace millrace::tool {
namespace {

constexpr size_t kLengthBytes = 4;

uint32_t LittleEndian32(const char* bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace

MessageReader::MessageReader(Framing framing, size_t max_message, Read read)
    : framing_(framing),
      max_message_(max_message),
      read_(std::move(read)),
      // One read is one raw message, so the buffer must hold the largest message from the start.
      size_(framing == Framing::kRaw ? std::max<size_t>(max_message, 1) : kBlock) {
  buffer_ = std::make_unique_for_overwrite<char[]>(size_);
}

MessageReader::Outcome MessageReader::Next(std::string_view* message) {
  switch (framing_) {
    case Framing::kLines:
      return NextLine(message);
    case Framing::kLength:
      return NextOfLength(message);
    case Framing::kRaw:
      return NextRead(message);
  }
  return Outcome::kFailed;
}

MessageReader::Outcome MessageReader::NextLine(std::string_view* message) {
  for (;;) {
    const char* from = buffer_.get() + begin_ + searched_;
    const auto* newline = static_cast<const char*>(std::memchr(from, '\n', unread() - searched_));
    const size_t line = newline != nullptr ? static_cast<size_t>(newline - buffer_.get()) - begin_ : unread();
    if (line > max_message_) {
      return Fail(
          absl::StrFormat("line %d is longer than the largest message of this ring, %d bytes; nothing "
                          "of it was published",
                          messages_ + 1, max_message_));
    }
    if (newline != nullptr || (ended_ && line > 0)) {
      *message = Take(line);
      if (newline != nullptr) ++begin_;
      searched_ = 0;
      return Outcome::kMessage;
    }
    searched_ = line;
    if (const Outcome filled = Fill(); filled == Outcome::kEnd && unread() > 0) {
      continue;  // a last line without newline
    } else if (filled != Outcome::kMessage) {
      return filled;
    }
  }
}

MessageReader::Outcome MessageReader::NextOfLength(std::string_view* message) {
  if (const Outcome header = Require(kLengthBytes); header != Outcome::kMessage) {
    if (header != Outcome::kEnd || unread() == 0) return header;
    return Fail(absl::StrFormat("the input ends inside the length before message %d", messages_ + 1));
  }
  const uint32_t length = LittleEndian32(buffer_.get() + begin_);
  if (length > max_message_) {
    return Fail(
        absl::StrFormat("message %d has %d bytes, this ring takes at most %d; check that the input is "
                        "framed by lengths",
                        messages_ + 1, length, max_message_));
  }
  if (const Outcome body = Require(kLengthBytes + length); body != Outcome::kMessage) {
    if (body != Outcome::kEnd) return body;
    return Fail(absl::StrFormat("the input ends inside message %d, after %d of its %d bytes", messages_ + 1,
                                unread() - kLengthBytes, length));
  }
  begin_ += kLengthBytes;
  *message = Take(length);
  return Outcome::kMessage;
}

MessageReader::Outcome MessageReader::NextRead(std::string_view* message) {
  if (max_message_ == 0) return Fail("this ring takes only empty messages; raw input has none");
  begin_ = end_ = 0;
  if (const Outcome filled = Fill(); filled != Outcome::kMessage) return filled;
  *message = Take(unread());
  return Outcome::kMessage;
}

MessageReader::Outcome MessageReader::Require(size_t size) {
  while (unread() < size) {
    if (const Outcome filled = Fill(); filled != Outcome::kMessage) return filled;
  }
  return Outcome::kMessage;
}

MessageReader::Outcome MessageReader::Fill() {
  if (ended_) return Outcome::kEnd;
  if (framing_ != Framing::kRaw) MakeRoom();
  const ssize_t n = read_(buffer_.get() + end_, size_ - end_);
  if (n < 0) return errno == EINTR ? Outcome::kInterrupted : FailToRead();
  end_ += static_cast<size_t>(n);
  ended_ = n == 0;  // remembered, because a terminal can be read again after its end of file
  return ended_ ? Outcome::kEnd : Outcome::kMessage;
}

// No caller requires more than the largest message and its frame. So the buffer stays below twice that size
// plus a block.
void MessageReader::MakeRoom() {
  std::memmove(buffer_.get(), buffer_.get() + begin_, unread());
  end_ -= std::exchange(begin_, 0);
  if (size_ - end_ >= kBlock / 2) return;
  auto larger = std::make_unique_for_overwrite<char[]>(size_ * 2);
  std::memcpy(larger.get(), buffer_.get(), end_);
  buffer_ = std::move(larger);
  size_ *= 2;
}

MessageReader::Outcome MessageReader::Fail(std::string problem) {
  problem_ = std::move(problem);
  return Outcome::kFailed;
}

MessageReader::Outcome MessageReader::FailToRead() {
  return Fail(std::string("cannot read the input: ") + std::strerror(errno));
}

std::string_view MessageReader::Take(size_t size) {
  ++messages_;
  return {buffer_.get() + std::exchange(begin_, begin_ + size), size};
}

}  // namespace millrace::tool
