// SPDX-License-Identifier: Apache-2.0
// The worked example of protocol/format.md is what a real ring holds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <regex>
#include <string>
#include <vector>

#include "millrace/millrace.h"
#include "millrace/testing.h"
#include "tests/docs/checks.h"

namespace millrace::docs {
namespace {

struct Line {
  off_t offset = 0;
  std::string bytes;  // "05 00 00 80 00 00 00 00"
};

// Lines of the form "8192  05 00 00 80 00 00 00 00   meaning" inside the block.
std::vector<Line> ExampleIn(const std::string& page) {
  static const std::regex kLine(R"re(^(\d+)  ((?:[0-9a-f]{2} ){7}[0-9a-f]{2})   \S.*$)re");
  std::vector<Line> lines;
  for (const std::string& line : LinesOf(page)) {
    std::smatch match;
    if (std::regex_match(line, match, kLine)) lines.push_back({std::stol(match[1]), match[2]});
  }
  return lines;
}

std::string HexAt(int file, off_t offset) {
  unsigned char bytes[8] = {};
  EXPECT_EQ(pread(file, bytes, sizeof bytes, offset), static_cast<ssize_t>(sizeof bytes));
  std::string text;
  for (const unsigned char byte : bytes) {
    char digits[4];
    std::snprintf(digits, sizeof digits, text.empty() ? "%02x" : " %02x", byte);
    text += digits;
  }
  return text;
}

TEST(DocsWorkedExample, IsWhatARealRingHolds) {
  const ScopedRing ring("worked-example");
  auto producer = Producer::Create(ring.name(), {.capacity = 4096});
  ASSERT_TRUE(producer.ok()) << producer.status();
  for (const char* message : {"hello", "", "millrace!"}) ASSERT_EQ(producer->Publish(message), Sent::kOk);

  const std::vector<Line> lines = ExampleIn(Text("runtime/protocol/format.md"));
  ASSERT_EQ(lines.size(), 7U);
  const int file = open(("/dev/shm/" + ring.name() + ".ring").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  off_t next = lines.front().offset;
  for (const Line& line : lines) {
    EXPECT_EQ(line.offset, next);
    EXPECT_EQ(line.bytes, HexAt(file, line.offset)) << "at " << line.offset;
    next += 8;
  }
  close(file);
}

}  // namespace
}  // namespace millrace::docs
