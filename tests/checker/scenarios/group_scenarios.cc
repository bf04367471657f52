// SPDX-License-Identifier: Apache-2.0
// The cases with groups.
#include "tests/checker/scenarios/group_plays.h"
#include "tests/checker/scenarios/roles.h"

namespace millrace::checker {

namespace {

using R = Reading;
using Orphan = Shape::Orphan;

// A ring that two messages fill. The cursors of `groups` groups are at the first message.
Shape Narrow(uint32_t groups = 1) {
  Shape shape{{0, 0}, 240, {232, 200, 216}};
  shape.groups = groups;
  return shape;
}
// Frames of 16 bytes, two in a chunk. Padding precedes the second frame.
Shape Crowded() {
  Shape shape{{2048 - 24, 0}, 112, {8}, true, 2048};
  shape.groups = 1;
  return shape;
}
Shape With(Shape shape, Orphan orphan, uint32_t seat, uint32_t published) {
  shape.orphan = orphan;
  shape.orphan_seat = seat;
  shape.published = published;
  return shape;
}
Machine::Role Born(const char* name, void (*body)(), uint32_t seat) {
  Machine::Role role = Plain(name, body);
  role.born_with = &world->seat_locks[seat];
  return role;
}

}  // namespace

void AddGroupScenarios(std::vector<Scenario>* all) {
  const Bounds wild = {kAny};
  const Bounds deadly = {kAny, Stale::kCounts, 1};
  const auto add = [&](Scenario s) { all->push_back(std::move(s)); };

  Shape near_end{{kNearEnd, 0}, 112, {96, 40, 112, 64}};
  near_end.groups = 1;
  add({"group-two",
       "two members share four messages, padding in between",
       near_end,
       {First(&Producer<4, WhenFull::kBlock, true, 2>, true), Gated(Plain("member", &Member<R::kInPlace>), 0),
        Gated(Plain("other", &Member<R::kLosslessCopy>), 1)},
       {2},
       wild});
  add({"group-room",
       "a ring too small for what is published: the producer waits for cursor and leases",
       Narrow(),
       {First(&Producer<4, WhenFull::kBlock, true, 2>, true), Gated(Plain("member", &Member<R::kInPlace>), 0),
        Gated(Plain("other", &Member<R::kInPlace>), 1)},
       {2},
       wild});
  add({"group-leases",
       "several messages in one lease",
       Crowded(),
       {First(&Producer<4, WhenFull::kBlock, true, 2>, true),
        Gated(Plain("member", &Member<R::kInPlace, 2>), 0),
        Gated(Plain("other", &Member<R::kInPlace, 2>), 1)},
       {2},
       wild});
  add({"group-mixed",
       "a lossless consumer beside a member",
       Narrow(),
       {First(&Producer<4, WhenFull::kBlock, true, 2>, true), Gated(Plain("member", &Member<R::kInPlace>), 0),
        Gated(Plain("lossless", &Consumer<R::kInPlace>), 1)},
       {2},
       wild});
  add({"group-crash",
       "a member dies anywhere: the other gets what it held",
       Narrow(),
       {First(&Producer<3, WhenFull::kBlock, true, 2>, true),
        Mortal(Gated(Plain("mortal", &Member<R::kInPlace>), 0)),
        Gated(Plain("other", &Member<R::kInPlace>), 1)},
       {1, Stale::kCounts, 1},
       deadly,
       Sleeps::kAfterDeath});
  add({"group-crash-leases",
       "a member that takes several messages at once dies anywhere",
       Crowded(),
       {First(&Producer<3, WhenFull::kBlock, true, 2>, true),
        Mortal(Gated(Plain("mortal", &Member<R::kInPlace, 3>), 0)),
        Gated(Plain("other", &Member<R::kInPlace, 2>), 1)},
       {1, Stale::kCounts, 1},
       deadly,
       Sleeps::kAfterDeath});
  add({"group-evict",
       "members that hold the producer back are evicted while they read in place, and read on",
       Narrow(),
       {First(&Producer<4, WhenFull::kEvict, true, 2>, true),
        Gated(Plain("member", &Member<R::kInPlaceAsked>), 0),
        Gated(Plain("other", &Member<R::kLosslessCopy>), 1)},
       {2},
       wild});
  add({"group-operator",
       "a member is evicted by hand at any time, and lives",
       Narrow(),
       {First(&Producer<3, WhenFull::kBlock, true, 2>, true),
        Gated(Plain("member", &Member<R::kInPlaceAsked>), 0),
        Gated(Plain("other", &Member<R::kInPlaceAsked>), 1), Plain("operator", &Operator<0>)},
       {1},
       wild});
  add({"group-operator-leases",
       "the same while it takes several messages at once",
       Crowded(),
       {First(&Producer<2, WhenFull::kBlock, true, 2>, true),
        Gated(Plain("member", &Member<R::kInPlaceAsked, 2>), 0),
        Gated(Plain("other", &Member<R::kInPlaceAsked, 2>), 1), Plain("operator", &Operator<0>)},
       {1},
       wild});
  add({"group-adopt",
       "the message of a dead member is adopted while the producer looks for room",
       With(Narrow(), Orphan::kDead, 2, 2),
       {First(&Producer<2>, true), Plain("member", &Member<R::kInPlace>)},
       {2},
       wild,
       Sleeps::kAfterEarlyDeath});
  add({"group-adopt-two",
       "two members at once adopt from one that was evicted and stands still",
       With(Narrow(), Orphan::kEvicted, 2, 2),
       {First(&Producer<2>, true), Plain("member", &Member<R::kInPlace>),
        Plain("other", &Member<R::kInPlace>), Born("evicted", &Standstill, 2)},
       {1},
       wild,
       Sleeps::kAfterEarlyDeath});
  add({"group-adopter-dies",
       "who adopts dies in turn, anywhere",
       With(Narrow(), Orphan::kEvicted, 2, 2),
       {First(&Producer<1>, true), Mortal(Plain("mortal", &Member<R::kInPlace>)),
        Plain("other", &Member<R::kInPlace>), Born("evicted", &Standstill, 2)},
       {1, Stale::kCounts, 1},
       deadly,
       Sleeps::kAfterEarlyDeath});
  add({"group-inherit",
       "a member sits down on the message of a dead one",
       With(Narrow(), Orphan::kDead, 0, 2),
       {First(&Producer<2>, true), Plain("heir", &Member<R::kInPlace>), Plain("other", &Member<R::kInPlace>)},
       {1},
       wild,
       Sleeps::kAfterEarlyDeath});
  add({"group-late",
       "a member adopts into a seat that no scan has looked at",
       With(Narrow(), Orphan::kEvicted, 0, 2),
       {First(&Producer<2>, true), Plain("late", &Member<R::kInPlace>), Born("evicted", &Standstill, 0)},
       {2},
       wild,
       Sleeps::kAfterEarlyDeath});
  add({"group-lost",
       "the lease of an evicted member that had lost is adopted while its place is overwritten",
       With(Narrow(), Orphan::kLate, 2, 2),
       {First(&Producer<2>, true), Plain("member", &Member<R::kInPlace>), Born("late", &LateLease, 2)},
       {2},
       wild,
       Sleeps::kAfterEarlyDeath});
  add({"group-close",
       "a message moves from seat to seat while a member asks whether the group is done",
       With(Narrow(), Orphan::kEvicted, 2, 1),
       {First(&Producer<0>, true), Plain("member", &Member<R::kInPlace>),
        Plain("other", &Member<R::kInPlace>), Born("evicted", &Standstill, 2)},
       {2},
       wild,
       Sleeps::kAfterEarlyDeath});
  Shape none{{0, 0}, 240, {232, 200, 216}};
  none.joins_groups = true;
  add({"group-create",
       "a group is created while the producer runs",
       none,
       {First(&Producer<4>, true), Plain("creator", &Creator<R::kInPlace, StartAt::kOldest>)},
       {2},
       wild});
  add({"group-create-two",
       "two members at once create the group",
       none,
       {First(&Producer<3>, true), Plain("creator", &Creator<R::kInPlace, StartAt::kEnd>),
        Plain("other", &Creator<R::kInPlace, StartAt::kOldest>)},
       {1},
       wild});
  add({"group-stranger",
       "a member of another group sits down where one is adopted from",
       With(Narrow(2), Orphan::kLost, 0, 1),
       {First(&Producer<0>, true), Plain("member", &Member<R::kInPlace>),
        Plain("stranger", &Member<R::kInPlace, 1, 1>), Born("loser", &Quitter<true>, 0)},
       {2},
       wild,
       Sleeps::kAfterEarlyDeath});
  add({"group-retire",
       "the only member dies anywhere, its group is retired, and another member comes",
       Narrow(),
       {First(&Producer<4, WhenFull::kBlock, true, 1>, true),
        Mortal(Gated(Plain("mortal", &Member<R::kInPlace>), 0)),
        Plain("late", &Creator<R::kInPlace, StartAt::kEnd>)},
       {1, Stale::kCounts, 1},
       deadly,
       Sleeps::kAfterDeath});
  add({"group-leave",
       "members leave, one with a message in hand; the last one retires the group",
       Narrow(),
       {First(&Producer<3, WhenFull::kBlock, true, 2>, true), Gated(Plain("leaver", &Glancer<2, false>), 0),
        Gated(Plain("other", &Glancer<3, true>), 1), Plain("late", &Creator<R::kInPlace, StartAt::kEnd>)},
       {1},
       wild});
  add({"group-slot",
       "a slot is used again while an evicted member of its last group lives",
       Narrow(),
       {First(&Producer<1, WhenFull::kBlock, false>, true), Gated(Plain("zombie", &Glancer<1, true>), 0),
        Gated(Plain("operator", &OperatorFirst<0>), 1),
        Plain("creator", &NewcomerAfter<R::kInPlace, StartAt::kOldest>)},
       {2},
       wild,
       Sleeps::kAfterEarlyDeath});
  Machine::Role looker = First(&Looker<1, 3>, true);
  looker.and_with = &world->gates[2];
  add({"group-finish",
       "an evicted member is done with its message while it is being adopted, and its place is overwritten",
       With(Narrow(), Orphan::kEvicted, 2, 2),
       {looker, Pausing(Plain("member", &Member<R::kInPlace>), Site::G3),
        Born("evicted", &Quitter<false>, 2)},
       {2},
       wild,
       Sleeps::kAfterEarlyDeath});
  Shape pair{{0, 0}, 112, {8}, true, 2048};
  pair.groups = 1;
  pair.published = 2;
  add({"group-end",
       "a member that takes two messages at once is evicted before it moves the cursor, does so, and dies",
       pair,
       {First(&Producer<0>, true), Mortal(Pausing(Plain("member", &Member<R::kInPlaceAsked, 2>), Site::G3)),
        GivesCue(Plain("operator", &CueingOperator<0>)), Plain("other", &Member<R::kInPlaceAsked, 2>)},
       {1, Stale::kCounts, 1},
       deadly,
       Sleeps::kAfterDeath});
  add({"group-ask",
       "a member asks whether the group is done when another dies and a third adopts, and keeps what it "
       "adopts",
       With(Narrow(), Orphan::kDead, 2, 1),
       {First(&Producer<0>, true), GivesCue(Plain("asks", &Glancer<1, true, R::kInPlace>)),
        Plain("holder", &Holder<R::kInPlace>), Mortal(Born("mortal", &HoldsOn, 2))},
       {2, Stale::kCounts, 1},
       deadly,
       Sleeps::kAfterEarlyDeath});
  add({"group-owned",
       "a member is evicted with two messages in hand, of which it has told nobody",
       pair,
       {First(&Producer<0>, true), Plain("member", &Holder<R::kInPlaceAsked, 2>),
        GivesCue(Plain("operator", &CueingOperator<0>)), Plain("other", &Member<R::kInPlaceAsked, 2>)},
       {1},
       wild});
  add({"group-adopter-stops",
       "who adopts stops for good and is evicted in turn: a third adopts",
       With(Narrow(), Orphan::kEvicted, 2, 1),
       {First(&Producer<0>, true),
        WhileReading(Stoppable(Gated(Plain("stops", &Member<R::kInPlaceAsked>), 0))),
        Plain("third", &MemberAfter<R::kInPlaceAsked, 0>), Plain("operator", &OperatorFirst<0>),
        Born("evicted", &Standstill, 2)},
       {0, Stale::kCounts, 0, 1},
       {kAny, Stale::kCounts, 0, 1},
       Sleeps::kAllGetOn});
  add({"group-adopter-hangs",
       "the same, where it adopts from a dead member and may have the lock of its seat",
       With(Narrow(), Orphan::kDead, 2, 1),
       {First(&Producer<0>, true),
        WhileReading(Stoppable(Gated(Plain("stops", &Member<R::kInPlaceAsked>), 0))),
        Plain("third", &MemberAfter<R::kInPlaceAsked, 0>), Plain("operator", &OperatorFirst<0>)},
       {0, Stale::kCounts, 0, 1},
       {kAny, Stale::kCounts, 0, 1},
       Sleeps::kAllGetOn});
  Shape far{{1024, 0}, 240, {232, 200, 216}};
  far.joins_groups = true;
  add({"group-create-far",
       "the first scan of a producer meets a group that is being created",
       far,
       {First(&Producer<2>, true), Plain("creator", &Creator<R::kInPlace, StartAt::kEnd>)},
       {2},
       wild});
  add({"group-last",
       "the last member leaves, and what it has read is overwritten",
       Narrow(),
       {First(&Producer<4, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("leaver", &Glancer<2, true, R::kInPlace>), 0)},
       {2},
       wild});
  Machine::Role ahead = First(&Looker<3, 3>, true);
  ahead.and_with = &world->gates[2];
  add({"group-create-late",
       "a creator is slow between the choice of its first message and saying so",
       none,
       {ahead, Pausing(Plain("creator", &Creator<R::kInPlace, StartAt::kOldest>), Site::G11)},
       {2},
       wild});
  Shape wraps{{(1ull << 32) - 512 + kNearEnd - 8, (1ull << 32) - 2}, 240, {232, 200, 216}};
  wraps.groups = 1;
  add({"group-wrap",
       "cursor and leases pass 2^32",
       wraps,
       {First(&Producer<4, WhenFull::kBlock, true, 2>, true), Gated(Plain("member", &Member<R::kInPlace>), 0),
        Gated(Plain("other", &Member<R::kInPlace, 2>), 1)},
       {1},
       wild});
  add({"group-hang",
       "a message that hangs two members in a row still arrives",
       Narrow(),
       {First(&Producer<3, WhenFull::kEvict>, true), WhileReading(Stoppable(Plain("first", &Survivor))),
        WhileReading(Stoppable(Plain("second", &Survivor))), Plain("third", &Survivor)},
       {1, Stale::kCounts, 0, 2},
       {kAny, Stale::kCounts, 0, 2},
       Sleeps::kAllGetOn});
}

}  // namespace millrace::checker
