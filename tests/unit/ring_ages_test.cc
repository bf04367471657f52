// SPDX-License-Identifier: Apache-2.0
// Tests starts by age. Compares the times of marks with the real times of publication, by a wall clock that
// the test sets.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "millrace/internal/ring_join.h"
#include "tests/support/heap_ring.h"
#include "tests/support/origins.h"

namespace millrace::internal {
namespace {

using testing::HeapRing;
using testing::Origin;
using testing::TestClockNs;

uint64_t now_ns;
uint64_t NowNs() { return now_ns; }

struct Published {
  Point at;
  uint64_t end;      // position after the frame of the message
  uint64_t time_ns;  // when the message became visible
};

// How a producer publishes.
struct Manner {
  const char* name;
  uint64_t most;   // largest frame, in chunks of the ring
  bool batches;    // publishes some messages in batches
  bool held_back;  // a lossless consumer, which reads rarely, holds it back
  bool strict;     // frames up to a chunk and no waiting: the bound of one chunk holds
};

class UnitRingAges : public ::testing::TestWithParam<Origin> {
 protected:
  UnitRingAges() { now_ns = TestClockNs(); }

  // Publishes for `bytes`. Before and in each message the clock stands still or advances by up to 1 us.
  void Publish(const Manner& manner, uint64_t bytes) {
    const uint64_t from = producer_.position();
    std::optional<RingConsumer<RealAtomics>> reader;
    if (manner.held_back) reader = ring_.Lossless(0);
    while (producer_.position() - from < bytes) {
      Tick();
      const uint64_t count = manner.batches && random_() % 8 == 0 ? 2 + random_() % 6 : 1;
      if (count > 1) producer_.BeginBatch();
      const size_t first = all_.size();
      for (uint64_t i = 0; i < count; ++i) {
        const uint64_t payload = random_() % (manner.most * ring_.chunk() - kFrameHeader + 1);
        if (!Claim(payload)) break;
        Tick();
        const Point at{producer_.position(),
                       count > 1 ? producer_.sequence() + producer_.batched() : producer_.sequence()};
        if (count > 1) {
          producer_.AddToBatch(payload);
        } else {
          producer_.Commit(payload);
        }
        all_.push_back({at, producer_.position(), now_ns});
      }
      if (count > 1) {
        Tick();
        producer_.CommitBatch();
        for (size_t i = first; i < all_.size(); ++i) all_[i].time_ns = now_ns;
      }
      if (first == all_.size()) {
        ASSERT_TRUE(reader) << "full, with nobody in the way";
        Lent lent;
        for (uint64_t n = random_() % 20; n > 0; --n) {
          if (!reader->Next(&lent)) (void)reader->NextSlow(&lent);
        }
        reader->StorePosition();
      }
    }
    if (reader) ring_.Leave(0);
  }
  bool Claim(uint64_t payload) {
    bool wake = false;
    if (producer_.batch_open()) {
      return producer_.BatchFits(payload) ||
             (producer_.BatchHasRoomFor(payload) && producer_.ClaimSlow(payload, &wake) != nullptr);
    }
    return testing::ClaimAnyway(producer_, payload, &wake) != nullptr;
  }
  void Tick() { now_ns += random_() % 3 == 0 ? random_() % 1000 : 0; }

  bool Retained(const Published& message) const {
    const auto oldest = view_.OldestMark();
    return oldest && Ahead(message.at.position, oldest->position) >= 0;
  }
  // Returns the first retained message published at `time_ns` or later, or the end if there is none.
  Point FirstFrom(uint64_t time_ns) const {
    for (const Published& message : all_) {
      if (Retained(message) && message.time_ns >= time_ns) return message.at;
    }
    return {producer_.position(), producer_.sequence()};
  }
  std::vector<Point> Marks() const {
    std::vector<Point> marks;
    for (uint32_t i = 0; i < kMarks; ++i) {
      if (const auto mark = view_.ReadMark(i, producer_.position())) marks.push_back(*mark);
    }
    return marks;
  }
  Point Begin(uint64_t time_ns) const {
    const ChosenStart chosen = ChooseStart(view_, StartAt::kTime, time_ns, 0);
    EXPECT_TRUE(chosen) << static_cast<int>(chosen.failure);
    EXPECT_EQ(chosen.begin.wanted, chosen.begin.at.sequence) << "nothing is lost";
    return chosen.begin.at;
  }

  const uint64_t capacity_ = GetParam().capacity;
  HeapRing<> ring_{capacity_, GetParam().start};
  RingView<RealAtomics> view_ = ring_.view();
  RingProducer<RealAtomics> producer_ = ring_.Attach(ring_.start(), true, &NowNs);
  std::mt19937_64 random_{GetParam().capacity ^ GetParam().start.position};
  std::vector<Published> all_;
};
INSTANTIATE_TEST_SUITE_P(, UnitRingAges, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

// Starts at every time around every message. Each start must be at or before the first
// message of that time, with no mark between them. It is less than a chunk before that
// message, not counting the frame at the start itself.
TEST_P(UnitRingAges, StartsAtMostOneChunkBeforeTheFirstMessageOfThatAge) {
  const Manner manners[] = {{"small", 1, false, false, true},
                            {"large", 8, false, false, false},
                            {"batches", 1, true, false, false},
                            {"held back", 1, false, true, false},
                            {"all of it", 4, true, true, false}};
  uint64_t checked = 0, within_a_chunk = 0;
  for (const Manner& manner : manners) {
    for (int stretch = 0; stretch < 3; ++stretch) {
      Publish(manner, capacity_ + capacity_ / 3);
      now_ns += 1000;
      const std::vector<Point> marks = Marks();
      const Point oldest = *view_.OldestMark();
      std::erase_if(all_, [&](const Published& message) { return !Retained(message); });
      for (size_t i = 0; i < all_.size(); i += 1 + all_.size() / 300) {
        for (const int64_t off : {-1, 0, 1}) {
          const uint64_t time_ns = all_[i].time_ns + static_cast<uint64_t>(off);
          const Point first = FirstFrom(time_ns);
          const Point begin = Begin(time_ns);
          ASSERT_LE(Ahead(begin.position, first.position), 0) << manner.name << ": later than the first";
          if (begin == oldest) continue;
          for (const Point& mark : marks) {
            ASSERT_FALSE(Ahead(mark.sequence, begin.sequence) > 0 && Ahead(first.sequence, mark.sequence) > 0)
                << manner.name << ": there is a mark between";
          }
          const auto frame =
              std::find_if(all_.begin(), all_.end(), [&](const Published& m) { return m.at == begin; });
          if (frame == all_.end()) continue;  // the end, or padding
          const bool close = Ahead(first.position, frame->end) < static_cast<int64_t>(ring_.chunk());
          if (manner.strict) {
            ASSERT_TRUE(close) << manner.name << ": " << Ahead(first.position, frame->end);
          }
          within_a_chunk += close;
          ++checked;
        }
      }
    }
  }
  EXPECT_GT(checked, 500u);
  RecordProperty("within_a_chunk", static_cast<int>(within_a_chunk * 100 / checked));
}

TEST_P(UnitRingAges, AnAgeAboveAllIsTheOldestMarkAndBelowAllTheNewest) {
  Publish({"small", 1, true, false, true}, 3 * capacity_);
  EXPECT_TRUE(Begin(0) == *view_.OldestMark());
  EXPECT_TRUE(Begin(TestClockNs()) == *view_.OldestMark());
  now_ns += 1'000'000;
  const std::vector<Point> marks = Marks();
  const Point newest = *std::max_element(marks.begin(), marks.end(), [](const Point& a, const Point& b) {
    return Ahead(a.position, b.position) < 0;
  });
  EXPECT_TRUE(Begin(now_ns) == newest);
  EXPECT_TRUE(Begin(~uint64_t{0}) == newest);
}

TEST_P(UnitRingAges, ANewRingIsReadFromItsStart) {
  EXPECT_TRUE(Begin(0) == ring_.start());
  EXPECT_TRUE(Begin(TestClockNs()) == ring_.start());
  EXPECT_TRUE(Begin(~uint64_t{0}) == ring_.start());
}

// A producer may rest at a chunk boundary for hours, with a claim that it aborts or that takes long. The next
// message is as old as its publication, not as old as the mark before it.
TEST_P(UnitRingAges, AMarkMayBeMuchOlderThanTheNextMessage) {
  constexpr uint64_t kHour = 3'600'000'000'000;
  Publish({"small", 1, false, false, true}, capacity_ / 2);
  ASSERT_TRUE(Claim(ring_.max_message())) << "makes room, and is given up";
  const Point before{producer_.position(), producer_.sequence()};
  now_ns += 3 * kHour;
  const uint64_t published_ns = now_ns;
  while (Ahead(before.position + ring_.chunk(), producer_.position()) > 0) {
    ASSERT_TRUE(testing::PublishBytes(producer_, 8));
  }
  for (const uint64_t age : {kHour, 2 * kHour}) {
    const Point begin = Begin(published_ns - age);
    EXPECT_LE(Ahead(begin.position, before.position), 0) << "the messages of the last hour are there";
    EXPECT_LE(Ahead(before.position, begin.position), static_cast<int64_t>(2 * ring_.chunk()));
  }
}

// The clock is set back. Messages whose time is in the future are not left out. Only messages in the chunk in
// which the clock was set may be missed, because no mark can describe that chunk.
TEST_P(UnitRingAges, ClockThatWasSetBackMovesTheStartTowardsTheOldest) {
  const Manner small{"small", 1, false, false, true};
  Publish(small, 3 * capacity_);
  const uint64_t set_back = producer_.position(), latest_ns = now_ns;
  now_ns -= 50'000;
  Publish(small, capacity_ / 4);
  std::erase_if(all_, [&](const Published& message) { return !Retained(message); });
  uint64_t earlier = 0;
  for (uint64_t time_ns = now_ns - 100'000; time_ns < latest_ns + 10; time_ns += 97) {
    const Point begin = Begin(time_ns);
    uint64_t before = view_.OldestMark()->position;  // the newest mark from before the clock was set
    for (const Point& mark : Marks()) {
      if (Ahead(mark.position, set_back) < 0 && Ahead(mark.position, before) > 0) before = mark.position;
    }
    for (const Published& message : all_) {
      if (message.time_ns < time_ns || Ahead(message.at.position, begin.position) >= 0) continue;
      ASSERT_GE(Ahead(message.at.position, before), 0) << "left out";
      ASSERT_LT(Ahead(message.at.position, set_back), 0) << "left out";
    }
    earlier += Ahead(begin.position, set_back) < 0;
  }
  EXPECT_GT(earlier, 0u);
}

// A take-over and other events void marks. With fewer marks the rule is unchanged, and starts move earlier.
TEST_P(UnitRingAges, MissingMarksOnlyMoveTheStartEarlier) {
  Publish({"small", 1, false, false, true}, 3 * capacity_);
  std::erase_if(all_, [&](const Published& message) { return !Retained(message); });
  for (uint32_t i = 0; i < kMarks; ++i) {
    if (random_() % 3 != 0) ring_.control().marks[i].position = ~uint64_t{0};
  }
  for (size_t i = 0; i < all_.size(); i += 1 + all_.size() / 100) {
    const Point begin = Begin(all_[i].time_ns);
    if (begin == *view_.OldestMark()) continue;
    ASSERT_LE(Ahead(begin.position, FirstFrom(all_[i].time_ns).position), 0);
  }
}

}  // namespace
}  // namespace millrace::internal
