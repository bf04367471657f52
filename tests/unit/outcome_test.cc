// SPDX-License-Identifier: Apache-2.0
#include "millrace/outcome.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace millrace {
namespace {

TEST(UnitOutcome, EveryOutcomeHasItsOwnName) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(Sent::kBadArgument); ++i) {
    const std::string name = ToString(static_cast<Sent>(i));
    EXPECT_EQ(name.substr(0, 1), "k") << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  names.clear();
  for (int i = 0; i <= static_cast<int>(Got::kNoMemory); ++i) {
    const std::string name = ToString(static_cast<Got>(i));
    EXPECT_EQ(name.substr(0, 1), "k") << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_STREQ(ToString(Sent::kOk), "kOk");
  EXPECT_STREQ(ToString(Got::kTimedOut), "kTimedOut");
}

TEST(UnitOutcome, UnknownOutcomesHaveANameToo) {
  EXPECT_NE(std::string(ToString(static_cast<Sent>(200))), "");
  EXPECT_NE(std::string(ToString(static_cast<Got>(200))), "");
}

TEST(UnitOutcome, ReceivedIsAMessageOrAReason) {
  for (int i = 0; i <= static_cast<int>(Got::kNoMemory); ++i) {
    const Got why = static_cast<Got>(i);
    if (why == Got::kMessage) continue;
    const Received received = why;
    EXPECT_FALSE(received);
    EXPECT_EQ(received.why(), why);
  }
  const char text[] = "hello";
  const Received received(Message{std::as_bytes(std::span(text, 5)), 42, 7, 1});
  ASSERT_TRUE(received);
  EXPECT_EQ(received.why(), Got::kMessage);
  EXPECT_EQ(received->text(), "hello");
  EXPECT_EQ((*received).sequence, 42u);
  EXPECT_EQ(received->lost, 7u);
}

TEST(UnitOutcome, EmptyMessageIsAMessage) {
  const Received received(Message{{}, 0, 0, 1});
  EXPECT_TRUE(received);
  EXPECT_EQ(received->text(), "");
}

}  // namespace
}  // namespace millrace
