// SPDX-License-Identifier: Apache-2.0
#include "millrace/internal/ring_producer.h"

#include <gtest/gtest.h>

#include "millrace/internal/ring_take_over.h"
#include "tests/support/heap_ring.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/origins.h"

namespace millrace::internal {
namespace {

using testing::AccessLog;
using testing::ClaimAnyway;
using testing::ClaimStraight;
using testing::HeapRing;
using testing::HookedAtomics;
using testing::Origin;
using testing::PublishBytes;

class UnitRingProducer : public ::testing::TestWithParam<Origin> {
 protected:
  const uint64_t capacity_ = GetParam().capacity;
  const Point start_ = GetParam().start;
  HeapRing<> ring_{capacity_, start_};
  RingProducer<RealAtomics> producer_ = ring_.Attach();

  RoomWords& room() { return ring_.control().room; }
  uint64_t ToLapEnd() const { return capacity_ - (producer_.position() & (capacity_ - 1)); }
  Point Here() const { return {producer_.position(), producer_.sequence()}; }
  // Publishes until exactly `bytes` are left before the end of the lap.
  void LeaveToLapEnd(uint64_t bytes) {
    while (ToLapEnd() > bytes + 512) ASSERT_TRUE(PublishBytes(producer_, 120));
    while (ToLapEnd() > bytes) ASSERT_TRUE(PublishBytes(producer_, 0));
    ASSERT_EQ(ToLapEnd(), bytes);
  }
  void ExpectStopSign() {
    EXPECT_EQ(ring_.WordAt(producer_.position()), 0u);
    EXPECT_GE(Ahead(room().reserved, producer_.position() + 8), 0);
    // The tail pair lags by at most a chunk and a frame, and a reader finds the end from it.
    const uint64_t lag = producer_.position() - ring_.control().tail.position;
    EXPECT_LE(lag, ring_.chunk() + FrameBytes(ring_.max_message()) + 8);
    EXPECT_TRUE(ring_.view().End() == Here());
  }
  // Sets seat i to a holder whose position is `position`, by default a lossless one.
  void Seat(uint32_t i, SeatPhase phase, uint64_t position, uint8_t delivery = kDeliveryLossless) {
    ring_.seat(i).words.position = position;
    ring_.seat(i).identity.state = MakeSeatState(1, phase, delivery);
    ring_.seats_control().join.seats_used = std::max(ring_.seats_control().join.seats_used, i + 1);
    ++ring_.seats_control().join.joins;
  }
  SeatPhase PhaseOfSeat(uint32_t i) { return PhaseOf(ring_.seat(i).identity.state); }
  // Publishes small messages until there is no room, at most three laps. Returns the distance.
  uint64_t PublishUntilFull() {
    const uint64_t from = producer_.position();
    while (producer_.position() - from < 3 * capacity_ && PublishBytes(producer_, 8)) {
    }
    return producer_.position() - from;
  }
  // Publishes until a message of n bytes takes the straight path. In a small ring
  // a chunk holds only a few messages.
  template <class A>
  static void OpenStraightPath(RingProducer<A>& producer, size_t n) {
    for (int i = 0; i < 64; ++i) {
      ASSERT_TRUE(PublishBytes(producer, 8));
      if (ClaimStraight(producer, n) != nullptr) return;
    }
    FAIL() << "never";
  }
};
INSTANTIATE_TEST_SUITE_P(, UnitRingProducer, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

// ---- frames ----------------------------------------------------------------------------------------------

TEST_P(UnitRingProducer, EveryFrameIsFollowedByAStopSign) {
  while (producer_.position() - start_.position < 3 * capacity_) {
    const Point at = Here();
    const uint64_t to_end = ToLapEnd();
    const uint64_t n = (producer_.sequence() * 13) % 90;
    ASSERT_TRUE(PublishBytes(producer_, n));
    const uint64_t frame = at.position + (FrameBytes(n) + 8 > to_end ? to_end : 0);
    EXPECT_EQ(ring_.WordAt(frame), MakeFrameHeader(at.sequence, n));
    EXPECT_TRUE(Here() == (Point{frame + FrameBytes(n), at.sequence + 1}));
    ExpectStopSign();
  }
}

TEST_P(UnitRingProducer, PublishesInTheOrderThatReadersRelyOn) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  OpenStraightPath(producer, 8);
  AccessLog log;
  ASSERT_NE(ClaimStraight(producer, 8), nullptr);
  EXPECT_FALSE(producer.Commit(8));
  EXPECT_EQ(log.sites(), (std::vector<Site>{Site::P10, Site::P2, Site::P5, Site::P6})) << "the memory is new";
}

TEST_P(UnitRingProducer, StoresAMissingStopSign) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  ASSERT_TRUE(PublishBytes(producer, 8));
  for (const uint64_t n : {uint64_t{8}, uint64_t{120}}) {
    std::byte* const data = ClaimStraight(producer, n);
    if (data == nullptr) continue;  // a small ring has no such chunk
    std::memset(data, 0xff, n + 8);
    AccessLog log;
    EXPECT_TRUE(producer.Commit(n)) << "something to clear";
    EXPECT_EQ(log.sites(), (std::vector<Site>{Site::P10, Site::P1, Site::P2, Site::P5, Site::P6}));
    EXPECT_EQ(ring.WordAt(producer.position()), 0u);
  }
}

// ---- cleared ahead ---------------------------------------------------------------------------------------

TEST_P(UnitRingProducer, ASmallMessageClearsExactlyTheGrantedBytesAhead) {
  ASSERT_TRUE(PublishBytes(producer_, 8));
  const uint64_t data = capacity_ / 8;
  for (int laps = 0; laps < 3;) {
    // Overwrites the data of the whole ring, published or not, because no consumer reads here.
    for (uint64_t i = 0; i < data; ++i) ring_.WordAt(8 * i) = ~uint64_t{0};
    ring_.WordAt(producer_.position()) = 0;
    const uint64_t from = producer_.position(), limit = room().reserved;
    ASSERT_TRUE(PublishBytes(producer_, 8));
    EXPECT_FALSE(producer_.AfterCommit());
    const uint64_t here = producer_.position();
    if (here - from != 16 || room().reserved != limit) {  // padding was written, or room was made
      laps += here - from > 16;
      continue;
    }
    const uint64_t lap_end = (here | (capacity_ - 1)) + 1;
    const uint64_t granted = std::min(limit - here, lap_end - here);
    uint64_t zeros = 0;
    while (zeros < capacity_ && ring_.WordAt(here + zeros) == 0) zeros += 8;
    EXPECT_EQ(zeros, std::min<uint64_t>(granted, 2048)) << "2 KiB at most";
  }
}

TEST_P(UnitRingProducer, ALargeMessageClearsNothing) {
  for (uint64_t i = 0; i < capacity_ / 8; ++i) ring_.WordAt(8 * i) = ~uint64_t{0};
  ring_.WordAt(producer_.position()) = 0;
  ASSERT_TRUE(PublishBytes(producer_, 256));
  EXPECT_FALSE(producer_.AfterCommit());
  ExpectStopSign();
  EXPECT_EQ(ring_.WordAt(producer_.position() + 8), ~uint64_t{0});
}

TEST_P(UnitRingProducer, BytesWrittenByAnAbandonedClaimAreNoStopSign) {
  bool wake = false;
  for (int i = 0; i < 200; ++i) {
    std::byte* const data = ClaimAnyway(producer_, 100, &wake);
    ASSERT_NE(data, nullptr);
    std::memset(data, 0xff, 100);  // the claim is aborted
    const Point at = Here();
    ASSERT_TRUE(PublishBytes(producer_, i % 64));
    ExpectStopSign();
    EXPECT_TRUE(ring_.view().End() == Here());
    EXPECT_EQ(Here().sequence, at.sequence + 1);
  }
}

TEST_P(UnitRingProducer, StraightPathTouchesNoSeat) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  OpenStraightPath(producer, 8);
  AccessLog log;
  EXPECT_NE(ClaimStraight(producer, 0), nullptr);
  EXPECT_TRUE(log.sites().empty());
}

TEST_P(UnitRingProducer, LargestMessageFitsAndALargerOneDoesNot) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(PublishBytes(producer_, ring_.max_message()));
    ExpectStopSign();
    EXPECT_TRUE(producer_.Allows(ring_.max_message()));
    EXPECT_FALSE(producer_.Allows(ring_.max_message() + 1));
    EXPECT_FALSE(producer_.Allows(~size_t{0}));
  }
}

TEST_P(UnitRingProducer, EmptyMessagesFillTheRingExceptTheLastWordOfALap) {
  for (uint64_t i = 0; i < capacity_ / 4; ++i) ASSERT_TRUE(PublishBytes(producer_, 0));
  const uint64_t laps = (producer_.position() - (start_.position & ~(capacity_ - 1))) / capacity_;
  EXPECT_GE(laps, 2u);
  EXPECT_TRUE(Here() ==
              (Point{start_.position + capacity_ / 4 * 8 + laps * 8, start_.sequence + capacity_ / 4}));
}

TEST_P(UnitRingProducer, AFrameThatWouldEndWithTheLapIsPrecededByPadding) {
  LeaveToLapEnd(64);
  const Point at = Here();
  ASSERT_TRUE(PublishBytes(producer_, 56));
  EXPECT_EQ(ring_.WordAt(at.position), MakeFrameHeader(at.sequence, 56, /*padding=*/true));
  EXPECT_EQ(producer_.position(), at.position + 128);
  EXPECT_EQ(producer_.position() & (capacity_ - 1), 64u);
  ExpectStopSign();
  ASSERT_TRUE(PublishBytes(producer_, 8));
  EXPECT_TRUE(ring_.view().Walk(at) == Here());
}

TEST_P(UnitRingProducer, AFrameThatWouldCrossTheEndIsPrecededByPadding) {
  for (const uint64_t left : {8, 16, 64, 256}) {
    LeaveToLapEnd(left);
    const Point at = Here();
    ASSERT_TRUE(PublishBytes(producer_, left - 8 + 1));
    EXPECT_EQ(ring_.WordAt(at.position), MakeFrameHeader(at.sequence, left - 8, /*padding=*/true));
    EXPECT_TRUE(Here() == (Point{at.position + left + FrameBytes(left - 7), at.sequence + 1}));
    ExpectStopSign();
  }
}

TEST_P(UnitRingProducer, PaddingStaysPublishedWhenItsClaimIsAborted) {
  LeaveToLapEnd(64);
  const Point at = Here();
  bool wake = false;
  ASSERT_NE(producer_.ClaimSlow(57, &wake), nullptr);
  EXPECT_TRUE(Here() == (Point{at.position + 64, at.sequence}));
  ExpectStopSign();
  ASSERT_TRUE(PublishBytes(producer_, 0));  // a smaller message
  EXPECT_TRUE(ring_.view().Walk(at) == (Point{at.position + 72, at.sequence + 1}));
}

TEST_P(UnitRingProducer, AbortedClaimLeavesNothing) {
  const Point at = Here();
  bool wake = false;
  for (int i = 0; i < 100; ++i) ASSERT_NE(ClaimAnyway(producer_, 100, &wake), nullptr);
  EXPECT_TRUE(Here() == at);
  EXPECT_TRUE(ring_.view().End() == at);
  EXPECT_FALSE(wake);
}

TEST_P(UnitRingProducer, CommittingLessThanClaimedGivesTheRestBack) {
  bool wake = false;
  for (const uint64_t used : {uint64_t{0}, uint64_t{1}, uint64_t{100}, ring_.max_message()}) {
    std::byte* const data = ClaimAnyway(producer_, ring_.max_message(), &wake);
    ASSERT_NE(data, nullptr);
    const std::vector<std::byte> scribble(ring_.max_message(), std::byte{0xff});
    RealAtomics::CopyIn(data, scribble.data(), scribble.size());
    const Point at = Here();
    producer_.Commit(used);
    EXPECT_TRUE(Here() == (Point{at.position + FrameBytes(used), at.sequence + 1}));
    ExpectStopSign();
    EXPECT_TRUE(ring_.view().End() == Here());
  }
}

TEST_P(UnitRingProducer, RequestsAWakeOnlyIfASleeperIsAnnounced) {
  uint32_t& sleepers = ring_.seats_control().sleeper.sleepers;
  uint32_t& epoch = ring_.control().wake.epoch;
  for (const bool asym : {true, false}) {
    auto producer = ring_.Attach(Here(), asym);
    bool ignored = false;
    OpenStraightPath(producer, 8);
    ASSERT_NE(ClaimStraight(producer, 8), nullptr);
    EXPECT_EQ(producer.Commit(8), !asym)
        << "without asymmetric barriers every publish is followed by a fence";
    EXPECT_FALSE(producer.AfterCommit());
    sleepers = 1;
    const uint32_t before = epoch;
    ASSERT_NE(ClaimAnyway(producer, 8, &ignored), nullptr);
    EXPECT_TRUE(producer.Commit(8));
    EXPECT_EQ(epoch, before);
    EXPECT_TRUE(producer.AfterCommit());
    EXPECT_EQ(epoch, before + 1);
    EXPECT_EQ(sleepers, 0u);
    EXPECT_FALSE(producer.AfterCommit()) << "one wake for one announcement";
    EXPECT_EQ(epoch, before + 1);
    producer_ = ring_.Attach({producer.position(), producer.sequence()});
  }
}

TEST_P(UnitRingProducer, FencesBeforeItLoadsAnnouncementsOfSleepersThatFenceThemselves) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach(start_, /*asym=*/false);
  ASSERT_TRUE(PublishBytes(producer, 8));
  ring.seats_control().sleeper.sleepers = 1;
  AccessLog log;
  EXPECT_TRUE(producer.AfterCommit());
  EXPECT_EQ(log.sites(), (std::vector<Site>{Site::P5, Site::P6, Site::P7, Site::P8}));
}

TEST_P(UnitRingProducer, PaddingRequestsAWakeToo) {
  LeaveToLapEnd(8);
  ring_.seats_control().sleeper.sleepers = 1;
  bool wake = false;
  ASSERT_NE(producer_.ClaimSlow(8, &wake), nullptr);
  EXPECT_TRUE(wake);
}

// ---- room ------------------------------------------------------------------------------------------------

TEST_P(UnitRingProducer, WithoutLosslessSeatsIsNeverFull) {
  Seat(0, SeatPhase::kLive, start_.position, kDeliveryLossy);
  Seat(1, SeatPhase::kEvicted, start_.position);
  Seat(2, SeatPhase::kFree, start_.position);
  EXPECT_GE(PublishUntilFull(), 3 * capacity_);
}

TEST_P(UnitRingProducer, ReservedOnlyGrowsAndMovesInChunks) {
  uint64_t last = room().reserved;
  int moves = 0;
  while (producer_.position() - start_.position < 4 * capacity_) {
    ASSERT_TRUE(PublishBytes(producer_, (producer_.sequence() * 7) % ring_.max_message()));
    const int64_t step = Ahead(room().reserved, last);
    ASSERT_GE(step, 0);
    if (step > 0) ++moves;
    EXPECT_EQ(room().reserved % ring_.chunk(), 0u);
    EXPECT_GE(Ahead(room().intent, room().reserved), 0);
    last = room().reserved;
  }
  EXPECT_LE(moves, 4 * 64 + 8);
}

// The producer made the room for a message of the usual size after the message before it. So the claim needs
// no more room.
TEST_P(UnitRingProducer, MakesRoomAfterTheLastMessageThatFits) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  ring.seat(0).identity.state = MakeSeatState(1, SeatPhase::kLive, kDeliveryLossless);
  ring.seats_control().join = {1, 1};
  auto producer = ring.Attach();
  const uint64_t& reserved = ring.control().room.reserved;
  int made = 0;
  for (uint64_t i = 0; i < capacity_ / 4; ++i) {
    ring.seat(0).words.position = producer.position();  // the consumer does not lag
    const uint64_t at = producer.position(), reserved_before = reserved;
    AccessLog log;
    bool wake = false;
    ASSERT_NE(ClaimAnyway(producer, 8, &wake), nullptr);
    const bool padded = producer.position() != at;
    if (i > 0) {
      EXPECT_TRUE(padded || log.sites().empty()) << i;
      EXPECT_EQ(reserved, reserved_before) << i;
    }
    if (producer.Commit(8)) {
      EXPECT_FALSE(producer.AfterCommit());
      EXPECT_EQ(reserved, reserved_before) << "sleepers first";
      producer.PrepareNext();
    }
    made += reserved != reserved_before;
    const uint64_t next_end = producer.position() + FrameBytes(8) + 8;
    EXPECT_LT(Ahead(reserved, next_end + ring.chunk()), int64_t{8 + 16}) << "no more than the next one needs";
  }
  EXPECT_GT(made, 64);
}

TEST_P(UnitRingProducer, IfThereIsNoRoomAfterAMessageTheNextOneScansAgain) {
  Seat(0, SeatPhase::kLive, start_.position);
  ASSERT_GE(PublishUntilFull(), capacity_ - 32);
  const Point full = Here();
  ring_.seat(0).words.position = full.position;
  ASSERT_TRUE(PublishBytes(producer_, 8));
  EXPECT_EQ(Here().sequence, full.sequence + 1);
  EXPECT_GE(PublishUntilFull(), capacity_ - 48);
}

TEST_P(UnitRingProducer, OneSeatIsNeverOvertaken) {
  Seat(0, SeatPhase::kLive, start_.position);
  const uint64_t published = PublishUntilFull();
  EXPECT_LE(published, capacity_);
  EXPECT_GE(published, capacity_ - 32) << "up to the last frame and stop sign that fit";
  EXPECT_LE(Ahead(room().reserved, start_.position + capacity_), 0);
  int blockers = 0;
  producer_.HoldingBack([&](const Blocker& blocker) {
    ++blockers;
    EXPECT_EQ(blocker.index, 0u);
    EXPECT_EQ(PhaseOf(blocker.state), SeatPhase::kLive);
  });
  EXPECT_EQ(blockers, 1);
}

TEST_P(UnitRingProducer, EveryBoundaryOfTheSlowestSeatIsRespected) {
  Seat(0, SeatPhase::kLive, start_.position);
  Point seat = start_;
  for (int i = 0; i < 40; ++i) {
    PublishUntilFull();
    ASSERT_LE(Ahead(room().reserved, seat.position + capacity_), 0);
    ASSERT_TRUE(ring_.view().Walk(seat) == Here()) << "everything from there on is whole";
    seat = ring_.view().Walk(seat, seat.sequence + 1).value();
    ring_.seat(0).words.position = seat.position;
  }
}

TEST_P(UnitRingProducer, SlowestOfManySeatsDecides) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(PublishBytes(producer_, 24));
  Seat(1, SeatPhase::kLive, start_.position + 32 * 9);
  Seat(3, SeatPhase::kLive, start_.position + 32 * 2);
  Seat(6, SeatPhase::kLive, producer_.position());
  PublishUntilFull();
  const auto Blockers = [&] {
    std::vector<uint32_t> blockers;
    producer_.HoldingBack([&](const Blocker& blocker) { blockers.push_back(blocker.index); });
    return blockers;
  };
  EXPECT_EQ(Blockers(), (std::vector<uint32_t>{3}));
  EXPECT_LE(Ahead(room().reserved, start_.position + 32 * 2 + capacity_), 0);
  ring_.seat(3).words.position = producer_.position();
  PublishUntilFull();
  EXPECT_EQ(Blockers(), (std::vector<uint32_t>{1}));
  EXPECT_LE(Ahead(room().reserved, start_.position + 32 * 9 + capacity_), 0);
}

TEST_P(UnitRingProducer, AFullRingContinuesWhenRoomIsFreed) {
  Seat(0, SeatPhase::kLive, start_.position);
  PublishUntilFull();
  const Point at = Here();
  bool wake = false;
  EXPECT_EQ(producer_.ClaimSlow(ring_.max_message(), &wake), nullptr);
  EXPECT_TRUE(Here() == at) << "a refused claim publishes nothing, not even padding";
  ring_.seat(0).identity.state = MakeSeatState(1, SeatPhase::kFree, 0);
  EXPECT_GE(PublishUntilFull(), capacity_);
}

TEST_P(UnitRingProducer, ASmallClaimMayFitWhereALargeOneDoesNot) {
  Seat(0, SeatPhase::kLive, start_.position);
  while (capacity_ - (producer_.position() - start_.position) > ring_.max_message()) {
    ASSERT_TRUE(PublishBytes(producer_, 8));
  }
  bool wake = false;
  uint64_t reserved = room().reserved;
  const auto left = [&] { return start_.position + capacity_ - producer_.position(); };
  while (left() > 24) {
    EXPECT_EQ(producer_.ClaimSlow(ring_.max_message(), &wake), nullptr);
    EXPECT_GE(Ahead(room().reserved, reserved), 0);
    reserved = room().reserved;
    ASSERT_TRUE(PublishBytes(producer_, left() % 16 == 8 ? 8 : 0)) << left();
  }
  ASSERT_TRUE(PublishBytes(producer_, 8)) << "exact fit with the stop sign";
  EXPECT_FALSE(PublishBytes(producer_, 0)) << "8 bytes are left: no place for another stop sign";
}

TEST_P(UnitRingProducer, AJoiningSeatHoldsBackUntilItsPositionIsGivenUp) {
  Seat(0, SeatPhase::kJoining, start_.position);
  EXPECT_LE(PublishUntilFull(), capacity_);
  // If the producer gave a joiner's position up before it saw the seat, it passes the seat over and does not
  // evict the joiner.
  Seat(0, SeatPhase::kFree, 0);
  PublishUntilFull();
  Seat(0, SeatPhase::kJoining, start_.position);
  EXPECT_GE(PublishUntilFull(), capacity_);
  EXPECT_EQ(PhaseOfSeat(0), SeatPhase::kJoining);
  EXPECT_EQ(ring_.control().counters.evictions, 0u);
}

TEST_P(UnitRingProducer, LiveSeatOutOfRangeIsEvictedAndCounted) {
  Seat(0, SeatPhase::kLive, producer_.position() + 4 * ring_.chunk());
  EXPECT_GE(PublishUntilFull(), 3 * capacity_) << "it holds nobody back";
  EXPECT_EQ(ring_.seat(0).identity.state, MakeSeatState(1, SeatPhase::kEvicted, kDeliveryLossless,
                                                        EvictedBy::kProducer, EvictedWhy::kNonsense));
  EXPECT_EQ(ring_.control().counters.evictions, 1u);
}

TEST_P(UnitRingProducer, EveryInvalidSeatIsEvicted) {
  while (producer_.position() - start_.position < capacity_ + 64) ASSERT_TRUE(PublishBytes(producer_, 24));
  const uint64_t tail = producer_.position();
  const uint64_t positions[] = {tail + 4 * ring_.chunk(), tail - capacity_ - 8, tail - 4, tail + (1ull << 63),
                                tail + (1ull << 62)};
  for (uint32_t i = 0; i < 5; ++i) Seat(i, SeatPhase::kLive, positions[i]);
  Seat(5, SeatPhase::kLive, tail);
  int blockers = 0;
  while (PublishBytes(producer_, 8)) {
  }
  producer_.HoldingBack([&](const Blocker& blocker) { blockers += blocker.index == 5 ? 1 : 100; });
  EXPECT_EQ(blockers, 1);
  for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(PhaseOfSeat(i), SeatPhase::kEvicted) << i;
  EXPECT_EQ(ring_.control().counters.evictions, 5u);
}

TEST_P(UnitRingProducer, HostileCountOfSeatsIsClamped) {
  ring_.seats_control().join.seats_used = ~0u;  // AddressSanitizer would report a seat beyond the table
  EXPECT_GE(PublishUntilFull(), 3 * capacity_);
}

TEST_P(UnitRingProducer, EvictionFreesRoomAndKeepsTheReason) {
  Seat(0, SeatPhase::kLive, start_.position);
  PublishUntilFull();
  uint64_t seen = 0;
  producer_.HoldingBack([&](const Blocker& blocker) { seen = blocker.state; });
  ASSERT_TRUE(producer_.Evict(0, seen, EvictedWhy::kHeldBack));
  const uint64_t state = ring_.seat(0).identity.state;
  EXPECT_EQ(state, MakeSeatState(1, SeatPhase::kEvicted, kDeliveryLossless, EvictedBy::kProducer,
                                 EvictedWhy::kHeldBack));
  EXPECT_EQ(ring_.seat(0).identity.evicted_sequence, producer_.sequence());
  EXPECT_EQ(ring_.control().counters.evictions, 1u);
  EXPECT_GE(PublishUntilFull(), capacity_);
}

TEST_P(UnitRingProducer, EvictionOfAHolderThatChangedDoesNothing) {
  Seat(0, SeatPhase::kLive, start_.position);
  const uint64_t next_holder = MakeSeatState(2, SeatPhase::kLive, kDeliveryLossless);
  const uint64_t seen = ring_.seat(0).identity.state;
  ring_.seat(0).identity.state = next_holder;
  EXPECT_FALSE(producer_.Evict(0, seen, EvictedWhy::kHeldBack));
  EXPECT_EQ(ring_.seat(0).identity.state, next_holder);
  EXPECT_EQ(ring_.control().counters.evictions, 0u);
}

// ---- skipping the scan of seats --------------------------------------------------------------------------

class UnitRingScanSkipping : public ::testing::TestWithParam<Origin> {
 protected:
  HeapRing<HookedAtomics> ring_{GetParam().capacity, GetParam().start};
  RingProducer<HookedAtomics> producer_ = ring_.Attach();
  // Publishes n chunks. Returns how often the seats were scanned.
  long ScansIn(uint64_t chunks) {
    AccessLog log;
    const uint64_t from = producer_.position();
    while (producer_.position() - from < chunks * ring_.chunk()) {
      if (!PublishBytes(producer_, 24)) break;
    }
    return log.Count(Site::R8);
  }
};
INSTANTIATE_TEST_SUITE_P(, UnitRingScanSkipping, ::testing::ValuesIn(testing::Origins()),
                         testing::OriginName());

TEST_P(UnitRingScanSkipping, OneScanServesUntilAConsumerJoins) {
  EXPECT_EQ(ScansIn(40), 1);
  EXPECT_EQ(ScansIn(40), 0);
  const auto consumer = ring_.Lossless(0);
  ASSERT_TRUE(consumer.Live());
  EXPECT_EQ(ScansIn(10), 1) << "after the join";
  EXPECT_EQ(ScansIn(40), 0) << "all of that is in reach of the last scan";
}

TEST_P(UnitRingScanSkipping, ScansAgainWhenTheLastMinimumIsReached) {
  auto consumer = ring_.Lossless(0);
  EXPECT_EQ(ScansIn(60), 1);
  consumer.SkipTo({producer_.position(), producer_.sequence()});
  consumer.StorePosition();
  EXPECT_EQ(ScansIn(60), 1) << "one scan sees where the seat is now, and serves the next lap";
}

TEST_P(UnitRingScanSkipping, ForgottenScanIsRepeated) {
  EXPECT_EQ(ScansIn(4), 1);
  producer_.ForgetScan();
  EXPECT_EQ(ScansIn(4), 1);
}

TEST_P(UnitRingScanSkipping, NeverOvertakesASeatThatJoinedUnseen) {
  EXPECT_EQ(ScansIn(10), 1);
  auto consumer = ring_.Lossless(0, StartAt::kOldest);
  const uint64_t at = consumer.at().position;
  for (int i = 0; i < 10; ++i) ScansIn(64);
  EXPECT_LE(Ahead(ring_.control().room.reserved, at + ring_.capacity()), 0);
}

TEST_P(UnitRingScanSkipping, OneFullFenceServesFourChunks) {
  AccessLog log;
  const uint64_t from = producer_.position();
  while (producer_.position() - from < 40 * ring_.chunk()) ASSERT_TRUE(PublishBytes(producer_, 0));
  EXPECT_GE(log.Count(Site::R6), 40) << "R moves as before";
  EXPECT_LE(log.Count(Site::R2), 11);
  EXPECT_LE(log.Count(Site::R3), 11);
}

// A consumer joins at many places in a chunk, whatever the producer has announced at that time. The producer
// must not pass it.
TEST_P(UnitRingScanSkipping, NeverOvertakesAConsumerThatJoinedAfterTheAnnouncement) {
  ScansIn(3 * kMarks);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(PublishBytes(producer_, 8));
    auto consumer = ring_.Lossless(0, StartAt::kOldest);
    const uint64_t at = consumer.at().position;
    while (PublishBytes(producer_, 8)) {
      ASSERT_LE(Ahead(ring_.control().room.reserved, at + ring_.capacity()), 0) << i;
    }
    ring_.seat(0).identity.state = MakeSeatState(1, SeatPhase::kFree, 0);
  }
}

TEST_P(UnitRingScanSkipping, StoresIntentBeforeTheScanAndReservedBeforeTheBytes) {
  AccessLog log;
  bool wake = false;
  ASSERT_NE(producer_.ClaimSlow(8, &wake), nullptr);
  std::vector<Site> expected{Site::P3, Site::P4, Site::R1, Site::R2, Site::R3};
  expected.insert(expected.end(), kGroups, Site::R12);
  expected.insert(expected.end(),
                  {Site::R8, Site::R6, Site::R7, Site::K1, Site::K2, Site::K3, Site::K9, Site::K4});
  EXPECT_EQ(log.sites(), expected) << "the tail pair first: R must not leave it behind by more than the ring";
}

TEST_P(UnitRingScanSkipping, ReadsTheStateOfASeatBeforeItsPosition) {
  const auto consumer = ring_.Lossless(0);
  ASSERT_TRUE(consumer.Live());
  AccessLog log;
  bool wake = false;
  ASSERT_NE(producer_.ClaimSlow(8, &wake), nullptr);
  EXPECT_EQ(log.Count(Site::R4), 1);
  EXPECT_EQ(log.Count(Site::R5), 1);
  const auto& sites = log.sites();
  EXPECT_LT(std::find(sites.begin(), sites.end(), Site::R4), std::find(sites.begin(), sites.end(), Site::R5));
}

// ---- marks -----------------------------------------------------------------------------------------------

TEST_P(UnitRingProducer, MarksNeverLieAboveTheTail) {
  while (producer_.position() - start_.position < 2 * capacity_) {
    bool wake = false;
    ASSERT_NE(ClaimAnyway(producer_, (producer_.sequence() * 5) % 200, &wake), nullptr);
    for (const Mark& mark : ring_.control().marks) {
      if (mark.position == ~uint64_t{0}) continue;
      EXPECT_LE(Ahead(mark.position, ring_.control().tail.position), 0);
    }
    producer_.Commit(0);
  }
}

TEST_P(UnitRingProducer, MarkIsRecordedOnceAChunk) {
  HeapRing<HookedAtomics> ring(capacity_, start_);
  auto producer = ring.Attach();
  AccessLog log;
  const uint64_t from = producer.position();
  while (producer.position() - from < 32 * ring.chunk()) ASSERT_TRUE(PublishBytes(producer, 0));
  EXPECT_GE(log.Count(Site::K4), 32);
  EXPECT_LE(log.Count(Site::K4), 34);
}

// ---- strand ----------------------------------------------------------------------------------------------

TEST_P(UnitRingProducer, AStrandedProducerStoresNothingMore) {
  ASSERT_TRUE(PublishBytes(producer_, 8));
  bool wake = false;
  ASSERT_NE(ClaimAnyway(producer_, 8, &wake), nullptr);
  const RingControl before = ring_.control();
  const std::vector<std::byte> bytes(ring_.data(), ring_.data() + capacity_);

  RingControl control{};
  SeatsControl seats{};
  millrace::internal::Seat seat{};
  alignas(8) std::byte data[64] = {};
  producer_.Strand({&control, data, kMinCapacity, 0}, {&seats, &seat, 0});
  EXPECT_FALSE(producer_.Commit(8)) << "a claim that was open when the process forked";
  for (const bool batch : {false, true}) {
    if (batch) {
      producer_.BeginBatch();
      producer_.AbortBatch();
    }
    for (const size_t n : {size_t{0}, size_t{1}, ring_.max_message()}) {
      EXPECT_EQ(ClaimStraight(producer_, n), nullptr);
      EXPECT_FALSE(producer_.Fits(n));
      EXPECT_FALSE(producer_.Holds(n));
      EXPECT_EQ(producer_.ClaimReady(n), nullptr);
    }
  }
  EXPECT_EQ(std::memcmp(&before, &ring_.control(), sizeof before), 0);
  EXPECT_EQ(std::memcmp(bytes.data(), ring_.data(), capacity_), 0);
}

// ---- take-over -------------------------------------------------------------------------------------------

class UnitRingTakeOverPoint : public UnitRingProducer {
 protected:
  void SetUp() override {
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(PublishBytes(producer_, 8 * (i % 6)));
  }
  std::optional<Point> Find() { return FindTakeOverPoint<RealAtomics>(ring_.memory()); }
  // Continues from `at` for more than a lap, and checks every message from there.
  void GoOn(Point at) {
    producer_ = ring_.Attach(at);
    const uint64_t reserved = room().reserved;
    ASSERT_TRUE(PublishBytes(producer_, 8));
    EXPECT_TRUE(ring_.view().Walk(at) == Here());
    EXPECT_GE(Ahead(room().reserved, reserved), 0);
    ExpectStopSign();
    EXPECT_GE(PublishUntilFull(), capacity_);
    EXPECT_TRUE(ring_.view().End() == Here());
  }
};
INSTANTIATE_TEST_SUITE_P(, UnitRingTakeOverPoint, ::testing::ValuesIn(testing::Origins()),
                         testing::OriginName());

TEST_P(UnitRingTakeOverPoint, OfAnUnwrittenRingIsItsStart) {
  HeapRing<> fresh(capacity_, start_);
  EXPECT_TRUE(FindTakeOverPoint<RealAtomics>(fresh.memory()) == start_);
}

TEST_P(UnitRingTakeOverPoint, IsTheTailOfAProducerThatDetached) {
  const Point at = Here();
  ASSERT_TRUE(Find() == at);
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, AfterAKillWithAnOpenClaim) {
  const Point at = Here();
  bool wake = false;
  std::byte* const data = ClaimAnyway(producer_, ring_.max_message(), &wake);
  ASSERT_NE(data, nullptr);
  const std::vector<std::byte> garbage(ring_.max_message(), std::byte{0xff});
  RealAtomics::CopyIn(data, garbage.data(), garbage.size());
  ASSERT_TRUE(Find() == at) << "an uncommitted claim never happened";
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, AfterAKillBetweenStopSignAndHeader) {
  const Point at = Here();
  bool wake = false;
  ASSERT_NE(ClaimAnyway(producer_, 24, &wake), nullptr);
  ring_.WordAt(at.position + 32) = 0;
  ASSERT_TRUE(Find() == at);
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, AfterAKillBetweenHeaderAndTail) {
  const Point before = Here();
  ASSERT_TRUE(PublishBytes(producer_, 24));
  const Point at = Here();
  ring_.control().tail = {before.position, before.sequence};
  ASSERT_TRUE(Find() == at) << "what was visible stays published";
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, AfterAKillBetweenTailSequenceAndTailPosition) {
  const Point before = Here();
  ASSERT_TRUE(PublishBytes(producer_, 24));
  const Point at = Here();
  ring_.control().tail = {before.position, at.sequence};
  ASSERT_TRUE(Find() == at);
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, AfterAKillBetweenPaddingAndItsMessage) {
  LeaveToLapEnd(16);
  const Point before = Here();
  bool wake = false;
  ASSERT_NE(producer_.ClaimSlow(24, &wake), nullptr);
  const Point at = Here();
  ASSERT_TRUE(Find() == at);
  // Padding is visible, the tail pair has not moved.
  ring_.control().tail = {before.position, before.sequence};
  ASSERT_TRUE(Find() == at);
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, DiscardsABatchWhoseFirstHeaderWasNotWritten) {
  const Point at = Here();
  ring_.control().room.reserved = at.position + 8 * ring_.chunk();
  for (uint64_t p = at.position + 16; p < at.position + 160; p += 16) {  // the inner frames are plain bytes
    ring_.WordAt(p) = MakeFrameHeader(at.sequence + (p - at.position) / 16, 8);
  }
  ASSERT_TRUE(Find() == at);
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, AfterAKillWhileMakingRoom) {
  const Point at = Here();
  room().intent = at.position + 8 * ring_.chunk();  // the intent is stored, R is not yet
  ASSERT_TRUE(Find() == at);
  room().reserved = room().intent;  // R is stored, the mark is not yet
  Mark& mark = ring_.control().marks[at.position / ring_.chunk() % kMarks];
  mark.position = ~uint64_t{0};  // the mark is half written
  ASSERT_TRUE(Find() == at);
  GoOn(at);
}

TEST_P(UnitRingTakeOverPoint, VoidsMarksAboveIt) {
  const Point at = Here();
  Mark& above = ring_.control().marks[(at.position / ring_.chunk() + 2) % kMarks];
  Mark& on = ring_.control().marks[(at.position / ring_.chunk() + 3) % kMarks];
  above.position = at.position + 2 * ring_.chunk();
  on.position = at.position;
  ASSERT_TRUE(Find() == at);
  EXPECT_EQ(above.position, ~uint64_t{0});
  EXPECT_EQ(on.position, at.position);
}

TEST_P(UnitRingTakeOverPoint, KeepsReservedAndTheLimitOfTheDeadProducer) {
  bool wake = false;
  ASSERT_NE(ClaimAnyway(producer_, ring_.max_message(), &wake), nullptr);
  const uint64_t reserved = room().reserved;
  ASSERT_TRUE(Find());
  producer_ = ring_.Attach(*Find());
  EXPECT_EQ(room().reserved, reserved);
  GoOn(*Find());
}

TEST_P(UnitRingTakeOverPoint, RefusesContentsThatNoProducerLeaves) {
  const Point at = Here();
  const uint64_t good = room().reserved;
  room().reserved = at.position - 8;  // R is below the end
  EXPECT_FALSE(Find());
  room().reserved = at.position + capacity_ + 8;  // R is so far above that the end itself was given up
  EXPECT_FALSE(Find());
  room().reserved = good;
  for (const uint64_t wrong :
       {uint64_t{1}, MakeFrameHeader(at.sequence + 1, 8), MakeFrameHeader(at.sequence, 8, true),
        MakeFrameHeader(at.sequence, ring_.max_message() + 1), ~uint64_t{0}}) {
    ring_.WordAt(at.position) = wrong;
    // If the sequences of header and tail pair differ, the header counts: see "Tail pair".
    if ((wrong >> 32) == static_cast<uint32_t>(at.sequence + 1) && wrong != ~uint64_t{0}) continue;
    EXPECT_FALSE(Find()) << wrong;
  }
}

}  // namespace
}  // namespace millrace::internal
