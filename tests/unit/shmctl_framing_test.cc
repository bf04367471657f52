// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/pub/framing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::tool {
namespace {

using Outcome = MessageReader::Outcome;

// An input that returns at most `chunk` bytes per read and counts the requested bytes.
class Input {
 public:
  Input(std::string bytes, size_t chunk) : bytes_(std::move(bytes)), chunk_(chunk) {}

  MessageReader::Read reader() {
    return [this](char* data, size_t size) -> ssize_t {
      largest_read_ = std::max(largest_read_, size);
      const size_t n = std::min({size, chunk_, bytes_.size() - at_});
      std::memcpy(data, bytes_.data() + at_, n);
      at_ += n;
      return static_cast<ssize_t>(n);
    };
  }
  size_t consumed() const { return at_; }
  size_t largest_read() const { return largest_read_; }

 private:
  const std::string bytes_;
  const size_t chunk_;
  size_t at_ = 0, largest_read_ = 0;
};

struct Result {
  std::vector<std::string> messages;
  Outcome end;
  std::string problem;
};

Result ReadAll(MessageReader& reader) {
  Result result;
  std::string_view message;
  while ((result.end = reader.Next(&message)) == Outcome::kMessage) result.messages.emplace_back(message);
  result.problem = reader.problem();
  return result;
}

Result ReadAll(Framing framing, const std::string& bytes, size_t chunk, size_t max_message) {
  Input input(bytes, chunk);
  MessageReader reader(framing, max_message, input.reader());
  return ReadAll(reader);
}

std::string Framed(const std::string& message) {
  std::string out;
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(message.size() >> shift));
  return out + message;
}

using Messages = std::vector<std::string>;

class UnitShmctlFramingByChunks : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(, UnitShmctlFramingByChunks, testing::Values(1, 2, 3, 7, 64, 1 << 20));

TEST_P(UnitShmctlFramingByChunks, LinesLoseTheirNewlineAndNothingElse) {
  const Result result = ReadAll(Framing::kLines, "a\n\n b\r\nc\n", GetParam(), 100);
  EXPECT_EQ(result.messages, (Messages{"a", "", " b\r", "c"}));
  EXPECT_EQ(result.end, Outcome::kEnd);
}

TEST_P(UnitShmctlFramingByChunks, LinesKeepNulBytesAndALastLineWithoutNewline) {
  const Result result = ReadAll(Framing::kLines, std::string("\0a\0\nlast", 8), GetParam(), 100);
  EXPECT_EQ(result.messages, (Messages{std::string("\0a\0", 3), "last"}));
  EXPECT_EQ(result.end, Outcome::kEnd);
}

TEST_P(UnitShmctlFramingByChunks, NoInputIsNoMessage) {
  for (const Framing framing : {Framing::kLines, Framing::kLength, Framing::kRaw}) {
    const Result result = ReadAll(framing, "", GetParam(), 100);
    EXPECT_TRUE(result.messages.empty());
    EXPECT_EQ(result.end, Outcome::kEnd);
  }
}

TEST_P(UnitShmctlFramingByChunks, ALineOfTheLargestSizeIsTakenAndOneByteMoreIsNamedByItsNumber) {
  const std::string fits(10, 'x');
  EXPECT_EQ(ReadAll(Framing::kLines, fits + "\n" + fits, GetParam(), 10).messages, (Messages{fits, fits}));
  for (const char* ending : {"", "\n", "\nmore\n"}) {
    const Result result = ReadAll(Framing::kLines, "first\n" + fits + "y" + ending, GetParam(), 10);
    EXPECT_EQ(result.messages, Messages{"first"});
    EXPECT_EQ(result.end, Outcome::kFailed);
    EXPECT_NE(result.problem.find("line 2 "), std::string::npos) << result.problem;
  }
}

TEST_P(UnitShmctlFramingByChunks, LengthsAreReadBack) {
  const Messages messages = {"", "a", std::string("\n\0\xFF", 3), std::string(1000, 'z')};
  std::string bytes;
  for (const std::string& message : messages) bytes += Framed(message);
  const Result result = ReadAll(Framing::kLength, bytes, GetParam(), 1000);
  EXPECT_EQ(result.messages, messages);
  EXPECT_EQ(result.end, Outcome::kEnd);
}

TEST_P(UnitShmctlFramingByChunks, AnInputThatEndsWithinAMessageFailsAfterTheCompleteOnes) {
  const std::string bytes = Framed("whole") + Framed("half");
  for (size_t cut = 1; cut < Framed("half").size(); ++cut) {
    const Result result = ReadAll(Framing::kLength, bytes.substr(0, bytes.size() - cut), GetParam(), 100);
    EXPECT_EQ(result.messages, Messages{"whole"});
    EXPECT_EQ(result.end, Outcome::kFailed);
    EXPECT_NE(result.problem.find("message 2"), std::string::npos) << result.problem;
  }
}

TEST(UnitShmctlFraming, ALengthAboveTheLargestMessageFailsBeforeItsBytesAreRead) {
  Input input(Framed("whole") + "\xFF\xFF\xFF\xFF" + std::string(1 << 20, 'x'), 100);
  MessageReader reader(Framing::kLength, 100, input.reader());
  const Result result = ReadAll(reader);
  EXPECT_EQ(result.messages, Messages{"whole"});
  EXPECT_EQ(result.end, Outcome::kFailed);
  EXPECT_LE(input.consumed(), 100u);
}

TEST(UnitShmctlFraming, AnEndlessLineIsNotBuffered) {
  Input input(std::string(64 << 20, 'x'), SIZE_MAX);
  MessageReader reader(Framing::kLines, 1000, input.reader());
  EXPECT_EQ(ReadAll(reader).end, Outcome::kFailed);
  EXPECT_LT(input.consumed(), size_t{1} << 20);
}

TEST(UnitShmctlFraming, LinesLongerThanABlockArrive) {
  const std::string line(3'000'001, 'x');
  const Result result = ReadAll(Framing::kLines, "a\n" + line + "\nb\n", 100'000, line.size());
  EXPECT_EQ(result.messages, (Messages{"a", line, "b"}));
}

TEST(UnitShmctlFraming, ARawMessageIsOneReadOfAtMostTheLargestMessage) {
  Input input("abcdefghij", 4);
  MessageReader reader(Framing::kRaw, 100, input.reader());
  EXPECT_EQ(ReadAll(reader).messages, (Messages{"abcd", "efgh", "ij"}));
  EXPECT_EQ(input.largest_read(), 100u);
  EXPECT_EQ(ReadAll(Framing::kRaw, "abcdefghij", 100, 3).messages, (Messages{"abc", "def", "ghi", "j"}));
}

TEST(UnitShmctlFraming, AReadErrorFailsAndAnInterruptedReadContinues) {
  int calls = 0;
  const auto read = [&](char* data, size_t) -> ssize_t {
    ++calls;
    if (calls == 1) return data[0] = 'a', 1;
    errno = calls == 2 ? EINTR : EIO;
    return -1;
  };
  MessageReader reader(Framing::kLines, 100, read);
  std::string_view message;
  EXPECT_EQ(reader.Next(&message), Outcome::kInterrupted);
  EXPECT_EQ(reader.Next(&message), Outcome::kFailed);
  EXPECT_NE(reader.problem().find(std::strerror(EIO)), std::string::npos) << reader.problem();
}

}  // namespace
}  // namespace millrace::tool
