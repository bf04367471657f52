#include "tests/checker/scenarios.h"

#include "tests/checker/programs.h"

namespace millrace::checker {

using namespace internal;  // NOLINT: the checker is about nothing else

namespace {

// ---- producers -------------------------------------------------------------------------------------------

void AwaitGates(int n) {
  for (int i = 0; i < n; ++i) machine->AwaitLock(&world->gates[i]);
}

// `kGates`: waits until that many consumers have joined.
template <uint32_t kMessages, WhenFull kWhen = WhenFull::kBlock, bool kClose = true, int kGates = 0>
void Producer() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(kGates);
  p.Publish(kMessages, kWhen);
  if (kClose) p.Close();
  machine->Unlock(&world->producer_lock);
}

// Closes only after so many consumers have got everything: closing would wake who sleeps beside a message.
template <uint32_t kMessages, int kGates>
void PatientProducer() {
  ProducerProgram p(1);
  p.Begin();
  p.Publish(kMessages, WhenFull::kBlock);
  AwaitGates(kGates);
  p.Close();
  machine->Unlock(&world->producer_lock);
}

// Single messages, a batch that is given up, and one that is not.
template <uint32_t kSingles, uint32_t kBatched, int kGates>
void Batcher() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(kGates);
  p.Publish(kSingles, WhenFull::kBlock);
  p.PublishBatch(kBatched - 1, /*abort=*/true);  // shorter: its headers are those of the next one
  p.PublishBatch(kBatched);
  p.Close();
  machine->Unlock(&world->producer_lock);
}

template <uint32_t kMessages, bool kAsym, WhenFull kWhen = WhenFull::kBlock, int kGates = 0>
void Successor() {
  ProducerProgram p(2);
  p.TakeOver(kAsym);
  p.Publish(kMessages, kWhen);
  AwaitGates(kGates);
  p.Close();
  machine->Unlock(&world->producer_lock);
}

// ---- consumers -------------------------------------------------------------------------------------------

void OpenGate() {
  for (KernelLock& gate : world->gates) {
    if (gate.holder == static_cast<int>(machine->self())) machine->Unlock(&gate);
  }
}

// Consumers that join one after the other and begin to read once all have: each waits for the one before it,
// and all for the last, which opens gate `kLast`.
template <Reading kReading, int kGate, int kLast>
void Seated() {
  ConsumerProgram c(kReading);
  if (kGate > 0) machine->AwaitFree(&world->gates[kGate - 1]);
  if (!c.Open(StartAt::kEnd)) return;
  OpenGate();
  machine->AwaitFree(&world->gates[kLast]);
  c.ReceiveAll();
  c.CheckCounts();
  c.Leave();
}
template <uint32_t kMessages, int kLast>
void Opener() {
  ProducerProgram p(1);
  p.Begin();
  machine->AwaitFree(&world->gates[kLast]);
  p.Publish(kMessages, WhenFull::kBlock);
  p.Close();
  machine->Unlock(&world->producer_lock);
}

template <Reading kReading, StartAt kStart = StartAt::kOldest>
void Consumer() {
  ConsumerProgram c(kReading);
  const bool joined = c.Open(kStart);
  OpenGate();
  if (!joined) return;
  const Ended ended = c.ReceiveAll();
  machine->Expect(
      ended != Ended::kEvicted || kReading == Reading::kInPlaceAsked || kReading == Reading::kLosslessCopy,
      "evicted, although nobody may evict it");
  c.CheckCounts();
  c.Leave();
}

// Opens its gate when everything up to a sequence was read.
template <Reading kReading, uint64_t kUpTo>
void Attentive() {
  ConsumerProgram c(kReading);
  if (!c.Open(StartAt::kOldest)) return;
  while (c.ring().at().sequence < kUpTo) machine->Expect(c.Receive() == Ended::kNot, "the ring ended early");
  OpenGate();
  c.ReceiveAll();
  c.CheckCounts();
  c.Leave();
}

// Reads so many messages and leaves for good.
template <Reading kReading, uint32_t kMessages>
void Leaver() {
  ConsumerProgram c(kReading);
  const bool joined = c.Open(StartAt::kOldest);
  OpenGate();
  if (!joined) return;
  for (uint32_t i = 0; i < kMessages && c.Receive() == Ended::kNot; ++i) {
  }
  c.CheckCounts();
  c.Leave();
}

// Reads what somebody wrote over the ring: it may call it damaged, it may not believe it.
void Suspicious() {
  ConsumerProgram c(Reading::kObserver);
  const bool joined = c.Open(StartAt::kOldest);
  OpenGate();
  if (!joined) return;
  for (int i = 0; i < 3; ++i) c.Receive(/*wait=*/false);
}
void Scribbler() {
  AwaitGates(1);
  // A message as long as the ring allows and longer than its maximum.
  auto& header = *reinterpret_cast<uint64_t*>(world->bytes().data);
  A::Store(header, MakeFrameHeader(0, 504), std::memory_order_release, Site::P2);
}

// Reads a few messages, leaves, and comes back for the rest.
template <Reading kReading, uint32_t kMessages>
void Returner() {
  for (int visit = 0; visit < 2; ++visit) {
    ConsumerProgram c(kReading);
    if (!c.Open(visit == 0 ? StartAt::kOldest : StartAt::kEnd)) return;
    if (visit == 0) {
      for (uint32_t i = 0; i < kMessages && c.Receive() == Ended::kNot; ++i) {
      }
    } else {
      c.ReceiveAll();
    }
    c.CheckCounts();
    c.Leave();
  }
}

// Leaves a seat that it never used, and comes back when it is told, at the end.
void Rejoiner() {
  for (int visit = 0; visit < 2; ++visit) {
    ConsumerProgram c(Reading::kInPlace);
    if (visit == 1) machine->AwaitFree(&world->gates[1]);
    if (!c.Open(StartAt::kEnd)) return;
    if (visit == 1) c.ReceiveAll();
    c.CheckCounts();
    c.Leave();
    OpenGate();
  }
}
void Recaller() {
  ProducerProgram p(1);
  p.Begin();
  machine->AwaitFree(&world->gates[0]);
  p.Publish(2, WhenFull::kBlock);
  machine->Unlock(&world->gates[1]);
}
void Recalled() {
  machine->AwaitFree(&world->gates[1]);
  Successor<2, true>();
}

// Looks a few times and never waits.
template <uint32_t kLooks, Reading kReading = Reading::kObserver, StartAt kStart = StartAt::kOldest>
void Onlooker() {
  ConsumerProgram c(kReading);
  if (!c.Open(kStart)) return;
  for (uint32_t i = 0; i < kLooks; ++i) {
    const Ended ended = c.Receive(/*wait=*/false);
    if (ended == Ended::kClosed || ended == Ended::kEvicted) break;
  }
  c.CheckCounts();
  c.Leave();
}

// ---- played by heart: cases that need one particular order of events before the interesting one -----------

// Reads one message at a time and says so at once; goes on after `kFirst` only when it is told.
template <uint32_t kFirst>
void Stepper() {
  ConsumerProgram c(Reading::kInPlace);
  const bool joined = c.Open(StartAt::kOldest);
  OpenGate();
  if (!joined) return;
  for (uint32_t i = 0; i < kFirst; ++i) {
    c.Receive();
    c.Settle();
  }
  machine->AwaitLock(&world->gates[2]);
  while (c.Receive() == Ended::kNot) c.Settle();
  c.CheckCounts();
  c.Leave();
}
// Joins and is killed at once.
void Stillborn() {
  ConsumerProgram c(Reading::kInPlace);
  if (!c.Open(StartAt::kOldest)) return;
  machine->Perish();
}
// Is filled to the brim, then gets room by so little that a mark late in its chunk is still intact when one
// early in the chunk takes its place.
void MarksFirst() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(1);
  p.Publish(1, WhenFull::kBlock);
  machine->Unlock(&world->producer_lock);
}
void MarksSecond() {
  ProducerProgram p(2);
  p.TakeOver(/*asym=*/true);
  p.Publish(1, WhenFull::kBlock);
  machine->Unlock(&world->gates[2]);
  p.Publish(1, WhenFull::kBlock);
  p.Close();
}
// The same, so that R moves twice while the producer stands in one chunk: the second time makes no mark.
void Crammer() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(2);
  p.Publish(4, WhenFull::kBlock);
  machine->Unlock(&world->gates[2]);
  p.Publish(2, WhenFull::kBlock);
  p.Close();
}

Machine::Role Plain(const char* name, void (*body)()) {
  Machine::Role role;
  role.name = name;
  role.body = body;
  return role;
}
Machine::Role First(void (*body)(), bool registered) {
  Machine::Role role = Plain("producer", body);
  role.registered = registered;
  role.born_with = &world->producer_lock;
  return role;
}
Machine::Role Next(void (*body)(), bool registered) {
  Machine::Role role = Plain("successor", body);
  role.registered = registered;
  return role;
}
Machine::Role Gated(Machine::Role role, int gate) {
  role.born_with = &world->gates[gate];
  return role;
}
// Publishes so many and goes on after its cue was given, or gives it.
template <uint32_t kMessages>
void CueingProducer() {
  ProducerProgram p(1);
  p.Begin();
  p.Publish(kMessages, WhenFull::kGiveUp);
  machine->Unlock(&world->gates[2]);
  p.Close();
}
template <uint32_t kMessages>
void SuccessorAfterCue() {
  machine->AwaitFree(&world->gates[2]);
  Successor<kMessages, true>();
}
template <uint32_t kMessages>
void CueingFirst() {
  ProducerProgram p(1);
  p.Begin();
  p.Publish(kMessages, WhenFull::kBlock);
  machine->Unlock(&world->gates[2]);
}

Machine::Role Pausing(Machine::Role role, Site site) {
  role.pauses_at = site;
  role.until = &world->gates[2];
  return role;
}
Machine::Role Registered(Machine::Role role) {
  role.registered = true;
  return role;
}
Machine::Role GivesCue(Machine::Role role) {
  role.registered = true;
  return Gated(role, 2);
}
Machine::Role Mortal(Machine::Role role) {
  role.may_die = true;
  return role;
}
Machine::Role Stoppable(Machine::Role role) {
  role.may_stop = true;
  return role;
}

constexpr uint64_t kNearEnd = 304;  // of the first lap: the third message is preceded by padding

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
       {2},
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
       {{8, 0}, 2024, {8, 2024, 8}, true, 2048},
       {First(&MarksFirst, true), GivesCue(Next(&MarksSecond, true)),
        Gated(Plain("lossless", &Stepper<0>), 0), Plain("observer", &Onlooker<1>)},
       {2},
       wild});
  add({"marks-weak",
       "the same without preemptions, but with every weak-memory choice",
       {{8, 0}, 2024, {8, 2024, 8}, true, 2048},
       {First(&MarksFirst, true), GivesCue(Next(&MarksSecond, true)),
        Gated(Plain("lossless", &Stepper<0>), 0), Plain("observer", &Onlooker<1>)},
       {0, Stale::kFree},
       wild});
  add({"crammed",
       "R moves without a mark being made",
       {{0, 0}, 1992, {0, 16, 8, 1992, 0, 24}, true, 2048},
       {GivesCue(Plain("producer", &Crammer)), Gated(Plain("lossy", &Consumer<R::kLossy>), 0),
        Gated(Plain("lossless", &Stepper<1>), 1)},
       {2},
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
  add({"join-counted",
       "two are stopped while they join, between their counts, and the ring is lapped meanwhile",
       {{0, 0}, 240, {232, 200, 216}, true},
       {GivesCue(Plain("producer", &CueingProducer<5>)),
        Pausing(Plain("joiner", &Consumer<R::kInPlace, StartAt::kEnd>), Site::J6),
        Pausing(Plain("lossy", &Onlooker<1, R::kLossy, StartAt::kEnd>), Site::J6)},
       {3},
       wild});
  add({"join-two",
       "two join one after the other and leave again",
       {{0, 0}, 240, {232, 200, 216}, true},
       {First(&Producer<5>, true), Plain("joiner", &Consumer<R::kInPlace, StartAt::kEnd>),
        Plain("returner", &Returner<R::kInPlace, 1>)},
       {2},
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
       {2, Stale::kCounts, 1, 0, 0},
       deadly,
       Sleeps::kAfterDeath});
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
       {2},
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

}  // namespace millrace::checker
