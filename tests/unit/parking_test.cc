// SPDX-License-Identifier: Apache-2.0
#include "millrace/internal/parking.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/support/heap_ring.h"
#include "tests/support/hooked_atomics.h"
#include "tests/support/origins.h"

namespace millrace::internal {
namespace {

using testing::AccessLog;
using testing::HeapRing;
using testing::Hook;
using testing::HookedAtomics;
using testing::PublishBytes;

constexpr int64_t kLong = 3'600'000'000'000;
constexpr uint64_t kAsym = uint64_t{1} << 32 | kFlagAsym;
constexpr uint64_t kSym = uint64_t{1} << 32;

// A system whose calls do what the test sets.
struct FakeSystem {
  std::function<bool(uint32_t word, uint32_t seen)>
      sleep;  // true: timed out. Unset: sleeps like on a futex that is never woken
  bool barrier_works = true;
  int barriers = 0, waits = 0, wakes = 0;
  int64_t bound = 0;
  uint32_t seen = 0;
  const uint32_t* word = nullptr;
};
FakeSystem* fake;

const ParkOps kFake{[](const uint32_t* word, uint32_t seen, int64_t timeout_ns) {
                      ++fake->waits;
                      fake->word = word;
                      fake->bound = timeout_ns;
                      fake->seen = seen;
                      if (*word != seen) return false;
                      return fake->sleep ? fake->sleep(*word, seen) : true;
                    },
                    [](const uint32_t*) { ++fake->wakes; },
                    [] {
                      ++fake->barriers;
                      HookedAtomics::Tell(Site::W3);
                      return fake->barrier_works;
                    },
                    [] { return int64_t{0}; }};

class UnitParking : public ::testing::TestWithParam<testing::Origin> {
 protected:
  void SetUp() override {
    fake = &system_;
    ring_.control().room.flags = kAsym;
    ring_.control().wake.epoch = ~0u;  // the epoch wraps at the next wake
  }
  template <class Pending, class Missed>
  Parked Park(Pending pending, Missed missed, int64_t at_most_ns = kLong) {
    waited_.control = &ring_.control();
    waited_.sleepers = &sleeper();
    return ParkConsumer<HookedAtomics>(waited_, nullptr, 0, kFake, at_most_ns, pending, missed);
  }
  Parked ParkReader(int64_t at_most_ns = kLong) {
    return Park([&] { return consumer_.SomethingThere(); }, [&] { return consumer_.MissedWake(); },
                at_most_ns);
  }
  SleeperWords& sleeper() { return ring_.seats_control().sleeper; }
  bool PublishAndWake() {
    bool wake = false;
    EXPECT_TRUE(testing::Publish(producer_, std::vector<std::byte>(8), &wake));
    return wake && producer_.AfterCommit();
  }
  static bool Nothing() { return false; }

  HeapRing<HookedAtomics> ring_{GetParam().capacity, GetParam().start};
  RingProducer<HookedAtomics> producer_ = ring_.Attach();
  RingConsumer<HookedAtomics> consumer_ = ring_.Lossless(0);
  FakeSystem system_;
  WaitedRing waited_;
};
INSTANTIATE_TEST_SUITE_P(, UnitParking, ::testing::ValuesIn(testing::Origins()), testing::OriginName());

// ---- a consumer ------------------------------------------------------------------------------------------

TEST_P(UnitParking, DoesNotSleepIfAMessageIsThere) {
  ASSERT_TRUE(PublishBytes(producer_, 8));
  EXPECT_EQ(ParkReader(), Parked::kPending);
  EXPECT_EQ(system_.waits, 0);
}

TEST_P(UnitParking, AnnouncesAndBarriersBeforeTheLastLook) {
  std::vector<Site> before_look;
  AccessLog log;
  bool looked = false;
  Park([&] { return before_look = log.sites(), looked = true, false; }, Nothing);
  EXPECT_TRUE(looked);
  EXPECT_EQ(before_look, (std::vector<Site>{Site::W1, Site::W5, Site::W2, Site::W3}));
  EXPECT_EQ(log.sites(), (std::vector<Site>{Site::W1, Site::W5, Site::W2, Site::W3, Site::W5}));
  EXPECT_EQ(system_.waits, 1);
  EXPECT_EQ(system_.seen, ~0u) << "the epoch from before the announcement";
  EXPECT_EQ(system_.word, &ring_.control().wake.epoch);
}

TEST_P(UnitParking, FencesItselfIfTheProducerDidNotRegister) {
  ring_.control().room.flags = kSym;
  AccessLog log;
  EXPECT_EQ(Park(Nothing, Nothing), Parked::kTimedOut);
  EXPECT_EQ(log.sites(), (std::vector<Site>{Site::W1, Site::W5, Site::W2, Site::W4, Site::W5}));
  EXPECT_EQ(system_.barriers, 0);
  EXPECT_EQ(system_.bound, kSleepBoundNs);
}

TEST_P(UnitParking, EverySleepIsBounded) {
  EXPECT_EQ(ParkReader(), Parked::kTimedOut);
  EXPECT_EQ(system_.bound, 50'000'000);
  EXPECT_EQ(ParkReader(7), Parked::kTimedOut);
  EXPECT_EQ(system_.bound, 7) << "but not longer than asked for";
  waited_.longest_ns = kPrivateSleepBoundNs;
  EXPECT_EQ(ParkReader(), Parked::kTimedOut);
  EXPECT_EQ(system_.bound, 1'000'000'000);
}

TEST_P(UnitParking, ObserverAnnouncesNothingAndSleepsShorter) {
  AccessLog log;
  WaitedRing ring{&ring_.control(), nullptr, ObserverSleepBound(0, kSleepBoundNs)};
  const auto park = [&](auto pending) {
    return ParkConsumer<HookedAtomics>(ring, nullptr, 0, kFake, kLong, pending, [] { return true; });
  };
  const Parked parked = park(Nothing);
  EXPECT_EQ(parked, Parked::kTimedOut) << "whoever cannot announce itself has missed nothing";
  EXPECT_EQ(system_.bound, 20'000'000);
  EXPECT_EQ(system_.barriers, 0);
  EXPECT_EQ(log.Count(Site::W2), 0);
  EXPECT_EQ(sleeper().sleepers, 0u);
  EXPECT_EQ(park([] { return true; }), Parked::kPending);
}

TEST_P(UnitParking, TheLastLookDecidesHowLongItSleeps) {
  for (SleeperWords* const sleepers : {&sleeper(), static_cast<SleeperWords*>(nullptr)}) {
    WaitedRing ring{&ring_.control(), sleepers};
    const auto look = [&] { return ring.longest_ns = 7, false; };
    EXPECT_EQ(ParkConsumer<HookedAtomics>(ring, nullptr, 0, kFake, kLong, look, Nothing), Parked::kTimedOut);
    EXPECT_EQ(system_.bound, 7);
  }
}

TEST(UnitObserverSleepBound, GrowsWithTheTimeWithoutMessages) {
  EXPECT_EQ(ObserverSleepBound(0, kPrivateSleepBoundNs), 20'000'000);
  EXPECT_EQ(ObserverSleepBound(80'000'000, kPrivateSleepBoundNs), 20'000'000);
  EXPECT_EQ(ObserverSleepBound(400'000'000, kPrivateSleepBoundNs), 100'000'000);
  EXPECT_EQ(ObserverSleepBound(400'000'000, kSleepBoundNs), 50'000'000);
  EXPECT_EQ(ObserverSleepBound(kLong, kPrivateSleepBoundNs), 1'000'000'000);
}

TEST_P(UnitParking, AnAnnouncementThatStandsNeedsNoBarrier) {
  for (const uint64_t flags : {kAsym, kSym}) {
    ring_.control().room.flags = flags;
    sleeper().sleepers = 0;
    EXPECT_EQ(ParkReader(), Parked::kTimedOut);
    const int barriers = system_.barriers;
    AccessLog log;
    for (int i = 0; i < 9; ++i) EXPECT_EQ(ParkReader(), Parked::kTimedOut);
    EXPECT_EQ(system_.barriers, barriers);
    EXPECT_EQ(log.Count(Site::W2) + log.Count(Site::W3) + log.Count(Site::W4), 0);
    EXPECT_EQ(system_.seen, ring_.control().wake.epoch);
    EXPECT_EQ(system_.bound, kSleepBoundNs);
    EXPECT_EQ(Park(Nothing, [] { return true; }), Parked::kMissed) << "a wake can be missed all the same";
  }
}

// A sleeper whose announcement was taken announces itself again, whatever else is announced. Another consumer
// may have stored that 1, and may not have made its barrier yet.
TEST_P(UnitParking, AnAnnouncementThatWasTakenIsMadeAgain) {
  const auto barriers_of_the_next_sleep = [&] {
    const int before = system_.barriers;
    EXPECT_EQ(Park(Nothing, Nothing), Parked::kTimedOut);
    return system_.barriers - before;
  };
  EXPECT_EQ(barriers_of_the_next_sleep(), 1);
  EXPECT_EQ(barriers_of_the_next_sleep(), 0);
  ASSERT_TRUE(PublishAndWake());
  sleeper().sleepers = 1;
  EXPECT_EQ(barriers_of_the_next_sleep(), 1) << "the epoch moved, and somebody else announced himself";
  EXPECT_EQ(barriers_of_the_next_sleep(), 0);
  sleeper().sleepers = 0;
  EXPECT_EQ(barriers_of_the_next_sleep(), 1) << "its producer was killed before it moved the epoch";
  ring_.control().room.flags = uint64_t{2} << 32 | kFlagAsym;
  EXPECT_EQ(barriers_of_the_next_sleep(), 1) << "another producer";
  system_.barrier_works = false;
  ++ring_.control().wake.epoch;
  EXPECT_EQ(barriers_of_the_next_sleep(), 1);
  EXPECT_EQ(barriers_of_the_next_sleep(), 1) << "a barrier that was refused orders nothing";
}

TEST_P(UnitParking, ACallEndsTheSleepOfOneRing) {
  static int waits;
  static uint32_t mine;
  waits = 0;
  mine = 0;
  ParkOps ops = kFake;
  ops.wait_any = [](const uint32_t* const* words, const uint32_t* seen, size_t n, int64_t) {
    ++waits;
    EXPECT_EQ(n, 2u);
    EXPECT_EQ(words[1], &mine);
    return *words[1] != seen[1] ? ParkResult::kWoken : ParkResult::kTimedOut;
  };
  WaitedRing ring{&ring_.control(), &sleeper(), kPrivateSleepBoundNs};
  const auto park = [&] { return ParkConsumer<HookedAtomics>(ring, &mine, 0, ops, kLong, Nothing, Nothing); };
  EXPECT_EQ(park(), Parked::kTimedOut);
  mine = 1;
  EXPECT_EQ(park(), Parked::kWoken);
  EXPECT_EQ(waits, 2);
  EXPECT_EQ(system_.waits, 0);
  ops.wait_any = [](const uint32_t* const*, const uint32_t*, size_t, int64_t) {
    return ParkResult::kRefused;
  };
  EXPECT_EQ(park(), Parked::kTimedOut);
  EXPECT_EQ(system_.bound, kSleepBoundNs) << "a system that waits for one word only hears it at this bound";
  EXPECT_EQ(system_.word, &ring_.control().wake.epoch);
}

TEST_P(UnitParking, ARefusedBarrierMeansShortSleepsThatMissNothing) {
  system_.barrier_works = false;
  EXPECT_EQ(Park(Nothing, [] { return true; }), Parked::kTimedOut);
  EXPECT_EQ(system_.bound, 1'000'000);
}

TEST_P(UnitParking, NewProducerEpochIsAnnouncedToAgain) {
  int looks = 0;
  const auto pending = [&] {
    // Taken over by a producer without membarrier.
    if (++looks == 1) ring_.control().room.flags = uint64_t{2} << 32;
    return false;
  };
  std::vector<Site> sites;
  {
    AccessLog log;
    EXPECT_EQ(Park(pending, Nothing), Parked::kTimedOut);
    sites = log.sites();
  }
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(sites, (std::vector<Site>{Site::W1, Site::W5, Site::W2, Site::W3, Site::W5, Site::W2, Site::W4,
                                      Site::W5}));
  EXPECT_EQ(system_.bound, kSleepBoundNs);
}

TEST_P(UnitParking, FlagsThatKeepChangingEndInAShortSleep) {
  uint64_t epoch = 1;
  const auto pending = [&] {
    ring_.control().room.flags = ++epoch << 32 | kFlagAsym;
    return false;
  };
  EXPECT_EQ(Park(pending, [] { return true; }), Parked::kTimedOut);
  EXPECT_EQ(system_.barriers, 8);
  EXPECT_EQ(system_.bound, 1'000'000);
}

TEST_P(UnitParking, PublicationDuringTheSleepWakes) {
  system_.sleep = [&](uint32_t, uint32_t seen) {
    EXPECT_TRUE(PublishAndWake());
    return ring_.control().wake.epoch == seen;
  };
  EXPECT_EQ(ParkReader(), Parked::kWoken);
  EXPECT_TRUE(consumer_.SomethingThere());
  EXPECT_EQ(sleeper().sleepers, 0u);
}

// The producer publishes at each step of the consumer. Either the consumer sees
// the message, or the producer wakes it.
TEST_P(UnitParking, PublicationBetweenAnyTwoStepsIsSeenOrWakes) {
  for (const uint64_t flags : {kAsym, kSym}) {
    producer_ = ring_.Attach({producer_.position(), producer_.sequence()}, flags == kAsym);
    ring_.control().room.flags = flags;
    for (int step = 0;; ++step) {
      int at = 0;
      Parked parked;
      bool woke = false;
      {
        Hook hook([&](Site site) {
          if (site != Site::X && at++ == step) woke = PublishAndWake();
        });
        parked = ParkReader();
      }
      if (at <= step) break;
      EXPECT_TRUE(parked == Parked::kPending || parked == Parked::kWoken ||
                  (parked == Parked::kTimedOut && woke))
          << step << " " << static_cast<int>(parked);
      EXPECT_NE(parked, Parked::kMissed) << step;
      consumer_.SkipTo({producer_.position(), producer_.sequence()});
      consumer_.StorePosition();
    }
  }
}

TEST_P(UnitParking, TwoPublicationsWithoutAWakeAreAMissedWake) {
  const auto publish = [&](int n, bool wake) {
    system_.sleep = [this, n, wake](uint32_t, uint32_t) {
      bool told = false;
      for (int i = 0; i < n; ++i) EXPECT_TRUE(PublishBytes(producer_, 8, &told));
      EXPECT_EQ(told, n > 0);
      if (wake) producer_.AfterCommit();
      return true;
    };
    const Parked parked = ParkReader();
    sleeper().sleepers = 0;
    consumer_.SkipTo({producer_.position(), producer_.sequence()});
    return parked;
  };
  EXPECT_EQ(publish(0, false), Parked::kTimedOut);
  EXPECT_EQ(publish(1, false), Parked::kTimedOut) << "it may still be on its way to the wake";
  EXPECT_EQ(publish(2, true), Parked::kTimedOut) << "the wake came just after the time-out";
  EXPECT_EQ(publish(2, false), Parked::kMissed);
  EXPECT_EQ(publish(9, false), Parked::kMissed);
}

TEST_P(UnitParking, AMissedWakeIsNotReportedForAnotherProducerEpoch) {
  system_.sleep = [&](uint32_t, uint32_t) {
    ring_.control().room.flags = uint64_t{2} << 32 | kFlagAsym;
    return true;
  };
  EXPECT_EQ(Park(Nothing, [] { return true; }), Parked::kTimedOut);
}

TEST_P(UnitParking, EpochIsReadAfterLookingForTwoPublications) {
  const auto missed = [&] {
    ++ring_.control().wake.epoch;  // the wake happens at the last moment
    return true;
  };
  EXPECT_EQ(Park(Nothing, missed), Parked::kTimedOut);
}

// ---- several rings ---------------------------------------------------------------------------------------

// The words of several rings, as their waiter sees them.
struct Words3 {
  RingControl control[3]{};
  SleeperWords sleepers[3]{};
  uint32_t mine = 0;
  WaitedRing rings[3];

  Words3() {
    for (int i = 0; i < 3; ++i) {
      control[i].room.flags = kAsym;
      control[i].wake.epoch = 10u + static_cast<uint32_t>(i);
      rings[i] = {&control[i], &sleepers[i]};
    }
  }
};

class UnitParkingMany : public ::testing::Test {
 protected:
  void SetUp() override {
    fake = &system_;
    ops_ = kFake;
    ops_.wait_any = [](const uint32_t* const* words, const uint32_t* seen, size_t n, int64_t timeout_ns) {
      ++many->waits;
      many->bound = timeout_ns;
      many->words.assign(words, words + n);
      many->seen.assign(seen, seen + n);
      return many->sleep ? many->sleep() : ParkResult::kTimedOut;
    };
    many = &waited_;
  }
  template <class Pending, class Missed>
  Parked Park(Pending pending, Missed missed) {
    return ParkConsumers<HookedAtomics>(w_.rings, 3, &w_.mine, 0, ops_, kLong, pending, missed);
  }
  struct Waited {
    int waits = 0;
    int64_t bound = 0;
    std::vector<const uint32_t*> words;
    std::vector<uint32_t> seen;
    std::function<ParkResult()> sleep;
  };
  static Waited* many;
  static bool None(size_t) { return false; }
  static bool All(size_t) { return true; }
  FakeSystem system_;
  Waited waited_;
  ParkOps ops_;
  Words3 w_;
};
UnitParkingMany::Waited* UnitParkingMany::many = nullptr;

TEST_F(UnitParkingMany, AnnouncesOnAllBeforeOneBarrierAndLooksAtAllAfterIt) {
  std::vector<std::vector<Site>> before_look;
  AccessLog log;
  EXPECT_EQ(Park([&](size_t) { return before_look.push_back(log.sites()), false; }, None), Parked::kTimedOut);
  using enum Site;
  ASSERT_EQ(before_look.size(), 3u);
  EXPECT_EQ(before_look[0], (std::vector<Site>{W1, W5, W1, W5, W1, W5, W2, W2, W2, W3}));
  EXPECT_EQ(system_.barriers, 1);
  EXPECT_EQ(waited_.words, (std::vector<const uint32_t*>{&w_.control[0].wake.epoch, &w_.control[1].wake.epoch,
                                                         &w_.control[2].wake.epoch, &w_.mine}));
  EXPECT_EQ(waited_.seen, (std::vector<uint32_t>{10, 11, 12, 0}));
  EXPECT_EQ(waited_.bound, 50'000'000);
}

TEST_F(UnitParkingMany, OnlyARingWhoseAnnouncementWasTakenIsAnnouncedAgain) {
  EXPECT_EQ(Park(None, None), Parked::kTimedOut);
  EXPECT_EQ(system_.barriers, 1);
  AccessLog log;
  EXPECT_EQ(Park(None, None), Parked::kTimedOut);
  EXPECT_EQ(system_.barriers, 1);
  w_.sleepers[1].sleepers = 0;
  ++w_.control[1].wake.epoch;
  EXPECT_EQ(Park(None, None), Parked::kTimedOut);
  EXPECT_EQ(system_.barriers, 2);
  EXPECT_EQ(log.Count(Site::W2), 1);
  EXPECT_EQ(w_.sleepers[1].sleepers, 1u);
}

TEST_F(UnitParkingMany, DoesNotSleepIfTheLastRingHasAMessage) {
  EXPECT_EQ(Park([](size_t i) { return i == 2; }, None), Parked::kPending);
  EXPECT_EQ(waited_.waits, 0);
}

TEST_F(UnitParkingMany, FencesTooIfAnyProducerDidNotRegister) {
  w_.control[1].room.flags = kSym;
  AccessLog log;
  EXPECT_EQ(Park(None, All), Parked::kMissed);
  EXPECT_EQ(system_.barriers, 1);
  EXPECT_EQ(log.Count(Site::W4), 1);
  for (const WaitedRing& ring : w_.rings) EXPECT_TRUE(ring.missed);
}

TEST_F(UnitParkingMany, ARefusedBarrierDoesNotMatterToRingsThatNeedNone) {
  system_.barrier_works = false;
  w_.control[1].room.flags = kSym;
  EXPECT_EQ(Park(None, All), Parked::kMissed);
  EXPECT_EQ(waited_.bound, 1'000'000) << "the smallest of the bounds";
  EXPECT_FALSE(w_.rings[0].missed);
  EXPECT_TRUE(w_.rings[1].missed);
  EXPECT_FALSE(w_.rings[2].missed);
}

TEST_F(UnitParkingMany, AnObservedRingIsCheckedAndBoundsTheSleep) {
  w_.rings[1].sleepers = nullptr;
  w_.rings[1].longest_ns = kObserverSleepBoundNs;
  EXPECT_EQ(Park([](size_t i) { return i == 1; }, None), Parked::kPending);
  EXPECT_EQ(Park(None, All), Parked::kMissed);
  EXPECT_EQ(waited_.bound, 20'000'000);
  EXPECT_EQ(w_.sleepers[1].sleepers, 0u);
  EXPECT_TRUE(w_.rings[0].missed);
  EXPECT_FALSE(w_.rings[1].missed) << "whoever cannot announce itself has missed nothing";
}

TEST_F(UnitParkingMany, OnlyTheRingWithANewProducerIsAnnouncedAgain) {
  std::vector<size_t> looks;
  AccessLog log;
  EXPECT_EQ(Park(
                [&](size_t i) {
                  if (looks.size() == 1) w_.control[1].room.flags = uint64_t{2} << 32;
                  looks.push_back(i);
                  return false;
                },
                None),
            Parked::kTimedOut);
  EXPECT_EQ(looks, (std::vector<size_t>{0, 1, 2, 1}));
  EXPECT_EQ(log.Count(Site::W2), 4);
  EXPECT_EQ(log.Count(Site::W4), 1);
  EXPECT_EQ(system_.barriers, 1);
}

TEST_F(UnitParkingMany, AMissedWakeIsReportedForItsRingOnly) {
  waited_.sleep = [&] {
    ++w_.control[0].wake.epoch;  // woken at the last moment
    return ParkResult::kTimedOut;
  };
  EXPECT_EQ(Park(None, [](size_t i) { return i != 2; }), Parked::kMissed);
  EXPECT_FALSE(w_.rings[0].missed);
  EXPECT_TRUE(w_.rings[1].missed);
  EXPECT_FALSE(w_.rings[2].missed);
}

TEST_F(UnitParkingMany, WithoutFutexWaitvItSleepsInShortSlices) {
  for (const bool refused : {false, true}) {
    if (refused)
      waited_.sleep = [] { return ParkResult::kRefused; };
    else
      ops_.wait_any = nullptr;
    static int64_t now;
    now = 0;
    ops_.now_ns = [] { return now; };
    int slices = 0;
    system_.sleep = [&](uint32_t, uint32_t) {
      EXPECT_EQ(system_.bound, 1'000'000);
      EXPECT_EQ(system_.word, &w_.mine) << "whoever calls changes no other word";
      now += system_.bound;
      if (++slices == 7) ++w_.control[2].wake.epoch;
      return true;
    };
    EXPECT_EQ(Park(None, All), Parked::kWoken) << "every epoch is compared after each slice";
    EXPECT_EQ(slices, 7);
    system_.sleep = [&](uint32_t, uint32_t) { return now += system_.bound, ++slices, true; };
    slices = 0;
    EXPECT_EQ(Park(None, None), Parked::kTimedOut);
    EXPECT_EQ(slices, 50);
    w_.mine = 1;
    EXPECT_EQ(Park(None, None), Parked::kWoken);
    w_.mine = 0;
  }
}

// ---- the producer ----------------------------------------------------------------------------------------

TEST_P(UnitParking, ProducerAnnouncesBeforeItsLastScan) {
  AccessLog log;
  std::vector<Site> before;
  ParkProducer<HookedAtomics>(ring_.seats_control(), kFake, 0, kLong,
                              [&] { return before = log.sites(), false; });
  EXPECT_EQ(before, (std::vector<Site>{Site::B1, Site::B2, Site::B3}));
  EXPECT_EQ(ring_.seats_control().room_waiting.waiting, 1u);
  EXPECT_EQ(system_.waits, 1);
  EXPECT_EQ(system_.bound, 250'000) << "a kill wakes nobody";
  EXPECT_EQ(system_.word, &ring_.seats_control().room_epoch.epoch);
}

TEST(UnitProducerSleepBound, GrowsWithTheTimeItIsBlocked) {
  EXPECT_EQ(ProducerSleepBound(0), 250'000);
  EXPECT_EQ(ProducerSleepBound(8'000'000), 1'000'000);
  EXPECT_EQ(ProducerSleepBound(kLong), 2'000'000);
}

TEST_P(UnitParking, ProducerDoesNotSleepWhenThereIsRoom) {
  ParkProducer<HookedAtomics>(ring_.seats_control(), kFake, 0, kLong, [] { return true; });
  EXPECT_EQ(system_.waits, 0);
  ParkProducer<HookedAtomics>(ring_.seats_control(), kFake, 0, 7, Nothing);
  EXPECT_EQ(system_.bound, 7);
}

TEST_P(UnitParking, RoomFreedBetweenAnyTwoStepsIsSeenOrWakes) {
  while (PublishBytes(producer_, 24)) {
  }
  for (int step = 0; step < 4; ++step) {
    int at = 0;
    bool woke = false, room = false;
    Lent lent;
    ASSERT_TRUE(consumer_.Next(&lent) || consumer_.NextSlow(&lent) == Read::kMessage);
    while (consumer_.at().position - ring_.seat(0).words.position < 4 * ring_.chunk()) {
      ASSERT_TRUE(consumer_.Next(&lent) || consumer_.NextSlow(&lent) == Read::kMessage);
    }
    const int waits = system_.waits;
    {
      Hook hook([&](Site site) {
        if (site != Site::X && at++ == step) woke = consumer_.StorePosition();
      });
      ParkProducer<HookedAtomics>(ring_.seats_control(), kFake, 0, kLong, [&] {
        bool ignored = false;
        return room = testing::ClaimAnyway(producer_, 24, &ignored) != nullptr;
      });
    }
    EXPECT_TRUE(room || woke || system_.waits == waits) << step;
    while (PublishBytes(producer_, 24)) {
    }
  }
}

// ---- spinning --------------------------------------------------------------------------------------------

TEST(UnitSpinBudget, GrowsIfSpinningSucceedsAndShrinksIfItDoesNot) {
  SpinBudget budget;
  const int64_t first = budget.ns();
  budget.AfterSleep(10'000'000);
  EXPECT_LT(budget.ns(), first);
  for (int i = 0; i < 20; ++i) budget.AfterSleep(10'000'000);
  const int64_t least = budget.ns();
  EXPECT_GT(least, 0);
  budget.CaughtIt();
  EXPECT_GT(budget.ns(), least);
  for (int i = 0; i < 20; ++i) budget.CaughtIt();
  const int64_t most = budget.ns();
  budget.CaughtIt();
  EXPECT_EQ(budget.ns(), most);
  for (int i = 0; i < 20; ++i) budget.AfterSleep(10'000'000);
  budget.AfterSleep(1);
  EXPECT_GT(budget.ns(), least) << "a short sleep would have been caught by a little more spinning";
}

}  // namespace
}  // namespace millrace::internal
