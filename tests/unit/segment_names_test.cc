// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/names.h"

#include <gtest/gtest.h>

#include "millrace/error.h"
#include "runtime/os/failure.h"

namespace millrace::segment {
namespace {

TEST(UnitSegmentNames, AreThreeFilesOfOneDirectory) {
  const auto paths = PathsOf("/dev/shm", "quotes");
  ASSERT_TRUE(paths.ok());
  EXPECT_EQ(paths->directory, "/dev/shm");
  EXPECT_EQ(paths->name, "quotes");
  EXPECT_EQ(paths->ring, "/dev/shm/quotes.ring");
  EXPECT_EQ(paths->seats, "/dev/shm/quotes.seats");
  EXPECT_EQ(paths->lock, "/dev/shm/quotes.lock");
}

TEST(UnitSegmentNames, AcceptsValidNames) {
  for (const std::string name : {"a", "Z", "0", "_", "a.b", "a-b", "_x.-9", "x.ring", "a..b"}) {
    EXPECT_TRUE(PathsOf("/dev/shm", name).ok()) << name;
  }
  EXPECT_TRUE(PathsOf("/dev/shm", std::string(200, 'a')).ok());
}

TEST(UnitSegmentNames, RefusesInvalidNames) {
  using std::string_literals::operator""s;
  for (const std::string& name :
       {""s, "."s, ".."s, ".hidden"s, "-flag"s, "a/b"s, "/a"s, "../a"s, "a b"s, "a\n"s, "a\0b"s, "\xc3\xa4"s,
        "a\x7f"s, "a*"s, std::string(201, 'a'), std::string(5000, 'a')}) {
    const auto paths = PathsOf("/dev/shm", name);
    ASSERT_FALSE(paths.ok()) << name;
    EXPECT_EQ(ErrorOf(paths.status()), Error::kBadName) << name;
    EXPECT_LT(paths.status().message().size(), 400u) << "the text stays readable whatever was typed";
  }
}

TEST(UnitSegmentNames, RefusalSaysWhatIsWrong) {
  const auto says = [](const std::string& name, const std::string& what) {
    const std::string text(PathsOf("/dev/shm", name).status().message());
    return text.find(what) != std::string::npos;
  };
  EXPECT_TRUE(says("", "empty"));
  EXPECT_TRUE(says(std::string(201, 'a'), "201 characters"));
  EXPECT_TRUE(says("a/b", "slash"));
  EXPECT_TRUE(says("-a", "first character"));
  EXPECT_TRUE(says("a b", "code 32"));
}

}  // namespace
}  // namespace millrace::segment
