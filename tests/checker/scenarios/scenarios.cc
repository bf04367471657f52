// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/scenarios/scenarios.h"

#include "tests/checker/scenarios/mutation.h"
#include "tests/checker/scenarios/plays.h"
#include "tests/checker/scenarios/roles.h"

namespace millrace::checker {

namespace {

std::vector<Scenario> Make() {
  using R = Reading;
  std::vector<Scenario> all;
  const Bounds wild = {kAny};
  const Bounds deadly = {kAny, Stale::kCounts, 1};
  const auto add = [&](Scenario s) { all.push_back(std::move(s)); };

  add({"wake",
       "one message, one sleeper, membarrier: nobody sleeps for ever",
       {{0, 0}, 112, {16}, true},
       {First(&PatientProducer<1, 1>, true), Gated(Plain("consumer", &Attentive<R::kInPlace, 1>), 0)},
       {3},
       wild});
  add({"wake-fenced",
       "the same with a producer that fences",
       {{0, 0}, 112, {16}, false},
       {First(&PatientProducer<1, 1>, false), Gated(Plain("consumer", &Attentive<R::kInPlace, 1>), 0)},
       {3},
       wild});
  add({"wake-late",
       "sleeps that end by themselves at any time are no late wake-ups",
       {{0, 0}, 112, {16, 24}, true},
       {First(&Producer<2>, true), Plain("consumer", &Consumer<R::kInPlace, StartAt::kEnd>)},
       {3, Stale::kCounts, 0, 0, 1},
       {kAny, Stale::kCounts, 0, 0, 3}});
  add({"close",
       "the end of a ring hides nothing and wakes everybody",
       {{0, 0}, 112, {16}, true},
       {First(&Producer<1>, true), Plain("consumer", &Consumer<R::kInPlace, StartAt::kEnd>)},
       {3},
       wild});
  add({"sleepers",
       "two consumers asleep at once, few messages",
       {{0, 0}, 112, {16, 8, 24}, true},
       {First(&PatientProducer<3, 2>, true), Gated(Plain("lossless", &Attentive<R::kInPlace, 3>), 0),
        Gated(Plain("lossy", &Attentive<R::kLossy, 3>), 1)},
       {2},
       wild});
  add({"sleepers-again",
       "the same, and one sleep ends by itself: the next one relies on the announcement of the last",
       {{0, 0}, 112, {16, 8, 24}, true},
       {First(&PatientProducer<3, 2>, true), Gated(Plain("lossless", &Attentive<R::kInPlace, 3>), 0),
        Gated(Plain("lossy", &Attentive<R::kLossy, 3>), 1)},
       {2, Stale::kCounts, 0, 0, 1},
       {kAny, Stale::kCounts, 0, 0, 3}});
  add({"two",
       "lossless and lossy side by side, four messages, padding in between",
       {{kNearEnd, 0}, 112, {96, 40, 112, 64}, true},
       {First(&Producer<4, WhenFull::kBlock, true, 2>, true),
        Gated(Plain("lossless", &Consumer<R::kInPlace>), 0), Gated(Plain("lossy", &Consumer<R::kLossy>), 1)},
       {2},
       wild});
  add({"small",
       "1 producer, 2 consumers, a ring of a few frames with padding, 4 messages: every weak-memory choice",
       {{2048 - 24, 0}, 112, {8}, true, 2048},
       {First(&Opener<4, 1>, true), Gated(Plain("lossless", &Seated<R::kInPlace, 0, 1>), 0),
        Gated(Plain("lossy", &Seated<R::kLossy, 1, 1>), 1)},
       {2, Stale::kFree},
       wild});
  add({"small-preempted",
       "the same, to more preemptions; stale reads count like them",
       {{2048 - 24, 0}, 112, {8}, true, 2048},
       {First(&Opener<4, 1>, true), Gated(Plain("lossless", &Seated<R::kInPlace, 0, 1>), 0),
        Gated(Plain("lossy", &Seated<R::kLossy, 1, 1>), 1)},
       {3},
       wild});
  add({"small-crash",
       "the same, and one of the three is killed anywhere",
       {{2048 - 24, 0}, 112, {8}, true, 2048},
       {Mortal(First(&Opener<4, 1>, true)), Mortal(Gated(Plain("lossless", &Seated<R::kInPlace, 0, 1>), 0)),
        Mortal(Gated(Plain("lossy", &Seated<R::kLossy, 1, 1>), 1))},
       {1, Stale::kFree, 1},
       deadly,
       Sleeps::kAfterDeath});
  add({"batch",
       "a batch with padding inside: all of it is there or nothing",
       {{kNearEnd + 96, 0}, 112, {40, 24, 16, 8}, true},
       {First(&Batcher<1, 3, 1>, true), Gated(Plain("lossless", &Consumer<R::kInPlace>), 0),
        Plain("observer", &Onlooker<3>)},
       {2},
       wild});
  add({"batch-room",
       "a batch waits for room without showing a part of itself",
       {{0, 0}, 240, {232, 200, 24, 16}, true},
       {First(&Batcher<2, 2, 1>, true), Gated(Plain("consumer", &Consumer<R::kInPlace>), 0)},
       {3},
       wild});
  add({"batch-take-over",
       "death anywhere in a batch: the successor goes on before it or after it",
       {{kNearEnd + 96, 0}, 112, {40, 24, 16, 8}, true},
       {Mortal(First(&Batcher<1, 3, 0>, true)), Next(&Successor<1, true>, true),
        Plain("observer", &Onlooker<3>)},
       {1, Stale::kCounts, 1},
       deadly});
  add({"room",
       "a ring too small for what is published: the producer waits for the slowest",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<4, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("consumer", &Consumer<R::kInPlace>), 0)},
       {3},
       wild});
  add({"room-two",
       "the same with two lossless consumers, one of which copies",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<4, WhenFull::kBlock, true, 2>, true),
        Gated(Plain("consumer", &Consumer<R::kInPlace>), 0),
        Gated(Plain("copier", &Consumer<R::kLosslessCopy>), 1)},
       {1},
       wild});
  add({"lapped",
       "an observer that is overrun: counted, never torn",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<6>, true), Plain("observer", &Onlooker<4>)},
       {3},
       wild});
  add({"lossy",
       "a lossy consumer that sleeps and is overrun",
       {{0, 0}, 240, {232, 40, 200, 16, 216}, true},
       {First(&Producer<7, WhenFull::kBlock, true, 1>, true), Gated(Plain("lossy", &Consumer<R::kLossy>), 0)},
       {2},
       wild});
  add({"marks",
       "observers that choose a mark while marks are rewritten",
       {{0, 0}, 240, {232, 200, 216, 24}, true},
       {First(&Producer<6>, true), Plain("observer", &Onlooker<2>), Plain("late", &Onlooker<2>)},
       {2},
       wild});
  add({"marks-late",
       "a mark late in its chunk is rewritten by one early in it, while R moves by little",
       {{8, 0}, 2008, {8, 2000, 8}, true, 2048},
       {First(&MarksFirst, true), GivesCue(Next(&MarksSecond, true)),
        Gated(Plain("lossless", &Stepper<0>), 0), Plain("observer", &Onlooker<1>)},
       {2},
       wild});
  add({"marks-weak",
       "the same without preemptions, but with every weak-memory choice",
       {{8, 0}, 2008, {8, 2000, 8}, true, 2048},
       {First(&MarksFirst, true), GivesCue(Next(&MarksSecond, true)),
        Gated(Plain("lossless", &Stepper<0>), 0), Plain("observer", &Onlooker<1>)},
       {0, Stale::kFree},
       wild});
  add({"crammed",
       "R moves without a mark being made",
       {{0, 0}, 1984, {8, 8, 8, 1984, 0, 8, 16}, true, 2048},
       {GivesCue(Plain("producer", &Crammer)), Gated(Plain("lossy", &Consumer<R::kLossy>), 0),
        Gated(Plain("lossless", &Stepper<1>), 1)},
       {1},
       wild});
  add({"hostile",
       "a frame longer than any message may be",
       {{0, 0}, 112, {96}, true, kLeastCapacity, /*hostile=*/true},
       {Plain("scribbler", &Scribbler), Gated(Plain("observer", &Suspicious), 0)},
       {2},
       wild});
  add({"leave",
       "a consumer leaves a full ring: the producer is told",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<4, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("leaver", &Leaver<R::kInPlace, 1>), 0)},
       {3},
       wild});
  add({"join",
       "a lossless consumer joins a running ring at the oldest message",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5>, true), Plain("joiner", &Consumer<R::kInPlace>)},
       {2},
       wild});
  add({"join-announced",
       "a lossless consumer joins at the oldest message while room is granted that was announced before",
       {{0, 0}, 240, {16, 8, 200, 216, 8, 8, 8}, true},
       {First(&Producer<7>, true), Plain("joiner", &Consumer<R::kInPlace>)},
       {2},
       wild});
  add({"join-end",
       "another joins at the end",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5>, true), Plain("joiner", &Consumer<R::kInPlace, StartAt::kEnd>)},
       {2},
       wild});
  add({"rejoin",
       "a consumer leaves and comes back at the end of a ring that its old place would hold up",
       {{0, 0}, 240, {232, 200, 216}, true},
       {Registered(Gated(Plain("producer", &Recaller), 1)), Gated(Plain("rejoiner", &Rejoiner), 0),
        Next(&Recalled, true)},
       {1, Stale::kFree},
       wild});
  add({"join-overtaken",
       "a joiner is overtaken before it is seen, across 2^31, and chooses again while a successor scans",
       {{(1ull << 31) - 512, (1ull << 31) - 1}, 240, {232, 200, 216}, true},
       {GivesCue(Plain("producer", &CueingFirst<3>)), Next(&SuccessorAfterCue<1>, true),
        Pausing(Plain("joiner", &Consumer<R::kInPlace, StartAt::kEnd>), Site::J1)},
       {3},
       wild});
  add({"join-lost",
       "a joiner whose place is gone by the time it is seen, while a successor scans",
       {{0, 0}, 240, {232, 200, 216}, true},
       {GivesCue(Plain("producer", &CueingFirst<3>)), Next(&SuccessorAfterCue<2>, true),
        Pausing(Plain("joiner", &Consumer<R::kInPlace, StartAt::kEnd>), Site::J2)},
       {2},
       wild});
  add({"join-counted",
       "two are stopped while they join, between their counts, and the ring is lapped meanwhile",
       {{0, 0}, 240, {232, 200, 216}, true},
       {GivesCue(Plain("producer", &CueingProducer<5>)),
        Pausing(Plain("joiner", &Consumer<R::kInPlace, StartAt::kEnd>), Site::J6),
        Pausing(Plain("lossy", &Onlooker<1, R::kLossy, StartAt::kEnd>), Site::J6)},
       {2},
       wild});
  add({"join-two",
       "two join one after the other and leave again",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5>, true), Plain("joiner", &Consumer<R::kInPlace, StartAt::kEnd>),
        Plain("returner", &Returner<R::kInPlace, 1>)},
       {1},
       wild});
  add({"take-over",
       "the producer dies anywhere, another goes on; the consumer loses nothing",
       {{kNearEnd, 0}, 112, {96, 40, 104, 64}, true},
       {Mortal(First(&Producer<3, WhenFull::kBlock, false>, true)), Next(&Successor<2, true>, true),
        Plain("consumer", &Consumer<R::kInPlace>)},
       {2, Stale::kCounts, 1, 0, 0},
       deadly});
  add({"take-over-asym",
       "from a producer that fences to one that registered",
       {{0, 0}, 112, {16, 24}, false},
       {Mortal(First(&Producer<1, WhenFull::kBlock, false>, false)),
        Next(&Successor<1, true, WhenFull::kBlock, 1>, true),
        Gated(Plain("consumer", &Attentive<R::kInPlace, 1>), 0)},
       {2, Stale::kCounts, 1, 0, 0},
       deadly});
  add({"take-over-fence",
       "from a producer that registered to one that fences",
       {{0, 0}, 112, {16, 24}, true},
       {Mortal(First(&Producer<1, WhenFull::kBlock, false>, true)),
        Next(&Successor<1, false, WhenFull::kBlock, 1>, false),
        Gated(Plain("consumer", &Attentive<R::kInPlace, 1>), 0)},
       {2, Stale::kCounts, 1, 0, 0},
       deadly});
  add({"take-over-lapped",
       "the producer dies on a ring that it laps, while others look on and join",
       {{0, 0}, 240, {232, 200, 216}, true},
       {Mortal(First(&Producer<4, WhenFull::kBlock, false>, true)), Next(&Successor<3, true>, true),
        Plain("observer", &Onlooker<3>)},
       {2, Stale::kCounts, 1, 0, 0},
       deadly});
  add({"reclaim",
       "a lossless consumer dies anywhere: its seat stops nobody",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<4, WhenFull::kBlock, true, 1>, true),
        Mortal(Gated(Plain("mortal", &Consumer<R::kInPlace>), 0))},
       {2, Stale::kCounts, 1, 0, 0},
       deadly,
       Sleeps::kAfterDeath});
  add({"reseat",
       "a dead consumer's seat is reclaimed while another takes it",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5>, true), Mortal(Plain("mortal", &Consumer<R::kInPlace>)),
        Plain("next", &Consumer<R::kInPlace, StartAt::kEnd>)},
       {1, Stale::kCounts, 1, 0, 0},
       deadly,
       Sleeps::kAfterDeath});
  add({"reseat-left",
       "a scan takes the new position of a seat for that of a holder who has just left it",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("leaver", &Leaver<R::kInPlace, 2>), 0),
        Plain("next", &Consumer<R::kInPlace, StartAt::kEnd>)},
       {2},
       wild});
  add({"reseat-sure",
       "a seat whose holder is dead is emptied while another takes it",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kBlock, true, 1>, true), Gated(Plain("stillborn", &Stillborn), 0),
        Plain("next", &Consumer<R::kInPlace, StartAt::kEnd>)},
       {2},
       wild,
       Sleeps::kAfterDeath});
  add({"orphan",
       "the producer dies for good: the consumer reads what there is and notices",
       {{0, 0}, 112, {16, 24}, true},
       {Mortal(First(&Producer<3>, true)), Plain("consumer", &Consumer<R::kInPlace, StartAt::kEnd>)},
       {3, Stale::kCounts, 1, 0, 0},
       deadly,
       Sleeps::kAfterDeath});
  add({"evict",
       "a consumer that holds the producer back is evicted while it reads in place",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kEvict, true, 1>, true),
        Gated(Plain("evicted", &Consumer<R::kInPlaceAsked>), 0)},
       {3},
       wild});
  add({"evict-copy",
       "the same for one that copies",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kEvict, true, 1>, true),
        Gated(Plain("evicted", &Consumer<R::kLosslessCopy>), 0)},
       {3},
       wild});
  add({"evict-late",
       "a consumer that copies is evicted while it joins",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<4, WhenFull::kEvict>, true), Plain("evicted", &Consumer<R::kLosslessCopy>)},
       {2},
       wild});
  add({"evict-join",
       "a joiner is evicted, and another seat is not",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kEvict>, true),
        Plain("evicted", &Consumer<R::kInPlaceAsked, StartAt::kEnd>),
        Plain("evicted2", &Consumer<R::kLosslessCopy>)},
       {1},
       wild});
  add({"evict-leave",
       "a consumer that holds the producer back leaves, and another takes its seat, while it is being "
       "evicted",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<4, WhenFull::kEvict, true, 1>, true),
        Gated(Plain("leaver", &Leaver<R::kInPlaceAsked, 1>), 0),
        Plain("next", &Consumer<R::kLosslessCopy, StartAt::kEnd>)},
       {2},
       wild});
  Shape meddled{{0, 0}, 240, {232, 200, 216}, true};
  meddled.meddled = true;
  add({"seat-moved",
       "a peer moves the position of a consumer that copies: R refuses a copy that was overwritten",
       meddled,
       {First(&Producer<3, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("copier", &Consumer<R::kLosslessCopy>), 0), Plain("meddler", &Meddler<240>)},
       {2},
       wild});
  add({"unlink-half",
       "a consumer that only polls looks half-way through an unlink: it learns the end all the same",
       {{0, 0}, 112, {16}, true},
       {First(&Producer<1, WhenFull::kBlock, false>, true), Plain("consumer", &PollsDuringUnlink),
        Gated(Plain("remover", &Remover), kName)},
       {2},
       wild});
  add({"gone",
       "the producer dies anywhere: a consumer that asks for it reads its last message first",
       {{0, 0}, 112, {16}, true},
       {Mortal(First(&Producer<1, WhenFull::kBlock, false>, true)), Next(&Successor<1, true>, true),
        Plain("consumer", &PollsUntilGone<3>)},
       {2, Stale::kCounts, 1, 0, 0},
       deadly});
  add({"drop",
       "a producer that never waits beside a consumer that is stopped for ever",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kGiveUp, true, 1>, true),
        Stoppable(Gated(Plain("stopped", &Consumer<R::kInPlace>), 0)), Plain("observer", &Onlooker<3>)},
       {2, Stale::kCounts, 0, 1, 0},
       {kAny, Stale::kCounts, 0, 1, 0},
       Sleeps::kAfterDeath});
  add({"stopped",
       "a producer stopped for ever anywhere: whoever only looks gets on",
       {{0, 0}, 240, {232, 200, 216}, true},
       {Stoppable(First(&Producer<5>, true)), Plain("observer", &Onlooker<3>),
        Plain("late", &Onlooker<2, R::kLossy, StartAt::kEnd>)},
       {2, Stale::kCounts, 0, 1, 0},
       {kAny, Stale::kCounts, 0, 1, 0},
       Sleeps::kAfterDeath});
  add({"wrap-32",
       "positions and sequences pass 2^32",
       {{(1ull << 32) - 512 + kNearEnd - 8, (1ull << 32) - 2}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("lossless", &Consumer<R::kInPlace>), 0), Plain("observer", &Onlooker<3>)},
       {1},
       wild});
  add({"wrap-31",
       "positions and sequences pass 2^31",
       {{(1ull << 31) - 512 + kNearEnd - 8, (1ull << 31) - 2}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("lossless", &Consumer<R::kInPlace>), 0), Plain("observer", &Onlooker<3>)},
       {1},
       wild});
  add({"wrap-64",
       "positions and sequences pass 2^64",
       {{0ull - 512 + kNearEnd - 8, 0ull - 2}, 240, {232, 200, 216}, true},
       {First(&Producer<5, WhenFull::kBlock, true, 1>, true),
        Gated(Plain("lossless", &Consumer<R::kInPlace>), 0), Plain("observer", &Onlooker<3>)},
       {1},
       wild});
  AddGroupScenarios(&all);
  return all;
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario>* const all = new std::vector<Scenario>(Make());
  return *all;
}

const Scenario* FindScenario(const std::string& name) {
  for (const Scenario& s : Scenarios()) {
    if (name == s.name) return &s;
  }
  return nullptr;
}

Case CaseOf(const Scenario& scenario) {
  const auto start_over = [roles = scenario.roles] {
    world->Reset();
    ForgetMutationState();
    std::vector<Machine::Role> now = roles;
    if (Slipped(Slip::kNotRegistered)) {
      for (Machine::Role& role : now) role.registered = false;
    }
    return now;
  };
  return {.build = [shape = scenario.shape] { world->Build(shape); },
          .start_over = start_over,
          .exhaustive = scenario.exhaustive,
          .wild = scenario.wild,
          .sleeps = scenario.sleeps};
}

}  // namespace millrace::checker
