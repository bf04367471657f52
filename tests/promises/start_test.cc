// SPDX-License-Identifier: Apache-2.0
// Promise: a consumer begins where its options say, or reports how much of that is gone.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/shared_page.h"
#include "tests/support/tally.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::Oracle;
using testing::ScratchName;
using testing::SharedPage;
using testing::Tally;
using testing::Watchdog;

class PromiseStartAt : public ::testing::TestWithParam<int> {
 protected:
  Delivery delivery() const {
    return GetParam() == 0   ? Delivery::Lossless()
           : GetParam() == 1 ? Delivery::Lossy()
                             : Delivery::Observer();
  }
  // Opens a consumer in another process, drains the ring, and returns the tally. `wanted` is the sequence
  // from which it counts.
  Tally OpenElsewhere(Start start, std::optional<uint64_t> wanted = std::nullopt) {
    const SharedPage<Tally> tally;
    Child child([&](const Child::Line&) {
      Consumer consumer = Must(Consumer::Open(name_, delivery(), {.start = start}));
      tally->Begin(wanted.value_or(consumer.next_sequence()));
      const Got why = tally->Drain(consumer, oracle_);
      tally->Finish(consumer, why);
      return 0;
    });
    EXPECT_EQ(child.Wait(), 0);
    EXPECT_EQ(tally->end, Got::kEmpty);
    tally->ExpectConserved(producer_.next_sequence(), 0);
    return *tally;
  }
  void Publish(uint64_t end) { ASSERT_EQ(testing::PublishUntil(producer_, oracle_, end), Sent::kOk); }

  // Returns the retained messages: all except about three chunks. A lossless consumer, which holds the
  // producer back, begins above two more chunks, which the producer has announced.
  uint64_t retained() const { return 2048u * (GetParam() == 0 ? 59 : 61) / 64; }

  const Watchdog watchdog_{"start"};
  const ScratchName name_;
  const Oracle oracle_{1, 24, 24};  // frames of 32 bytes: the ring holds 2048
  Producer producer_ = Must(Producer::Create(name_, {.capacity = 65536}));
};

TEST_P(PromiseStartAt, End) {
  EXPECT_EQ(OpenElsewhere(Start::End()).start, 0u);
  Publish(77);
  const Tally tally = OpenElsewhere(Start::End());
  EXPECT_EQ(tally.start, 77u);
  EXPECT_EQ(tally.received, 0u);
}

TEST_P(PromiseStartAt, Oldest) {
  Publish(100);
  EXPECT_EQ(OpenElsewhere(Start::Oldest()).start, 0u);
  Publish(10'000);
  const Tally tally = OpenElsewhere(Start::Oldest());
  EXPECT_GE(tally.received, retained()) << "of 2048 messages in the ring";
  EXPECT_EQ(tally.lost, 0u);
}

TEST_P(PromiseStartAt, Last) {
  EXPECT_EQ(OpenElsewhere(Start::Last(1)).received, 0u);
  Publish(100);
  EXPECT_EQ(OpenElsewhere(Start::Last(0)).received, 0u);
  EXPECT_EQ(OpenElsewhere(Start::Last(1)).start, 99u);
  EXPECT_EQ(OpenElsewhere(Start::Last(100)).start, 0u);
  EXPECT_EQ(OpenElsewhere(Start::Last(101)).start, 0u);
  EXPECT_EQ(OpenElsewhere(Start::Last(~uint64_t{0})).start, 0u);
  Publish(10'000);
  EXPECT_EQ(OpenElsewhere(Start::Last(1)).start, 9'999u);
  EXPECT_EQ(OpenElsewhere(Start::Last(1234)).start, 8'766u);
  EXPECT_GE(OpenElsewhere(Start::Last(5000)).received, retained()) << "as many as are retained";
  EXPECT_GE(OpenElsewhere(Start::Last(~uint64_t{0})).received, retained()) << "as many as are retained";
}

TEST_P(PromiseStartAt, Sequence) {
  Publish(10'000);
  EXPECT_EQ(OpenElsewhere(Start::Sequence(10'000)).received, 0u);
  EXPECT_EQ(OpenElsewhere(Start::Sequence(9'999)).received, 1u);
  EXPECT_EQ(OpenElsewhere(Start::Sequence(8'500)).start, 8'500u);
  for (const uint64_t overwritten : {uint64_t{0}, uint64_t{5'000}}) {
    const Tally tally = OpenElsewhere(Start::Sequence(overwritten), overwritten);
    EXPECT_GT(tally.lost, 0u);
    EXPECT_GE(tally.received, retained());
  }
  for (const uint64_t beyond : {uint64_t{10'001}, uint64_t{1} << 40}) {
    const absl::Status status =
        Consumer::Open(name_, delivery(), {.start = Start::Sequence(beyond)}).status();
    EXPECT_EQ(ErrorOf(status), Error::kBadArgument);
    EXPECT_NE(status.ToString().find(name_.str()), std::string::npos) << status;
    EXPECT_NE(status.ToString().find("10000"), std::string::npos) << status;
  }
}

// Consumers join while the producer runs. Wherever they begin, no message is torn or uncounted.
TEST_P(PromiseStartAt, IsRightWhileTheProducerPublishes) {
  constexpr uint64_t kMessages = 400'000;
  Child joiner([&](const Child::Line& line) {
    line.Say("ready");
    int joins = 0;
    for (bool ended = false; !ended;) {
      for (const Start start : {Start::End(), Start::Oldest(), Start::Last(100), Start::Last(1)}) {
        Consumer consumer = Must(Consumer::Open(name_, delivery(), {.start = start}));
        Tally tally;
        tally.Begin(consumer);
        const Got why = tally.Drain(consumer, oracle_, 300);
        if (tally.torn != 0 || tally.misplaced != 0) return 1;
        if (tally.received + tally.lost != tally.next - tally.start) return 2;
        if (consumer.stats().received != tally.received || consumer.stats().lost != tally.lost) return 3;
        if (why != Got::kEmpty && why != Got::kMessage && why != Got::kClosed) return 4;
        ended |= why == Got::kClosed;
        ++joins;
      }
    }
    line.Say(std::to_string(joins));
    return 0;
  });
  ASSERT_EQ(joiner.Hear(), "ready");
  Publish(kMessages);
  ASSERT_TRUE(producer_.Close().ok());
  const std::string joins = joiner.Hear();
  EXPECT_EQ(joiner.Wait(), 0);
  EXPECT_GT(std::atoi(joins.c_str()), 0);
  std::printf("%s joins beside a running producer\n", joins.c_str());
}

INSTANTIATE_TEST_SUITE_P(, PromiseStartAt, ::testing::Values(0, 1, 2), [](const auto& kind) {
  return std::string(kind.param == 0 ? "Lossless" : kind.param == 1 ? "Lossy" : "Observer");
});

}  // namespace
}  // namespace millrace
