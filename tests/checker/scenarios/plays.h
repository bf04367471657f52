// SPDX-License-Identifier: Apache-2.0
// The programs of the threads in scenarios, from their first step to their last.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_PLAYS_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_PLAYS_H_

#include "tests/checker/scenarios/programs.h"

namespace millrace::checker {

using internal::MakeFrameHeader;
using internal::StartAt;

// ---- producers -------------------------------------------------------------------------------------------

inline void AwaitGates(int n) {
  for (int i = 0; i < n; ++i) machine->AwaitLock(&world->gates[i]);
}

// Waits until `kGates` consumers have joined, then publishes.
template <uint32_t kMessages, WhenFull kWhen = WhenFull::kBlock, bool kClose = true, int kGates = 0>
void Producer() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(kGates);
  p.Publish(kMessages, kWhen);
  if (kClose) p.Close();
  machine->Unlock(&world->producer_lock);
}

// Closes only after `kGates` consumers have received everything. An earlier close would wake a consumer that
// sleeps beside a message.
template <uint32_t kMessages, int kGates>
void PatientProducer() {
  ProducerProgram p(1);
  p.Begin();
  p.Publish(kMessages, WhenFull::kBlock);
  AwaitGates(kGates);
  p.Close();
  machine->Unlock(&world->producer_lock);
}

// Publishes single messages, a batch that is given up, and a batch that is committed.
template <uint32_t kSingles, uint32_t kBatched, int kGates>
void Batcher() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(kGates);
  p.Publish(kSingles, WhenFull::kBlock);
  p.PublishBatch(kBatched - 1, /*abort=*/true);  // shorter: its headers are those of the next batch
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

inline void OpenGate() {
  for (KernelLock& gate : world->gates) {
    if (gate.holder == static_cast<int>(machine->self())) machine->Unlock(&gate);
  }
}

// Consumers that join one after the other and begin to read when all have joined. Each waits for the one
// before it. All wait for the last, which opens gate `kLast`.
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

// Opens its gate when every message below sequence `kUpTo` was read.
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

// Reads `kMessages` messages and leaves for good.
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

// Reads a ring that was written over. It may call the ring damaged, but may not believe the bytes.
inline void Suspicious() {
  ConsumerProgram c(Reading::kObserver);
  const bool joined = c.Open(StartAt::kOldest);
  OpenGate();
  if (!joined) return;
  for (int i = 0; i < 3; ++i) c.Receive(/*wait=*/false);
}
inline void Scribbler() {
  AwaitGates(1);
  // A message as long as the ring allows, and longer than the ring's maximum.
  auto& header = *reinterpret_cast<uint64_t*>(world->bytes().data);
  A::Store(header, MakeFrameHeader(0, 504), std::memory_order_release, Site::P2);
}

// Reads a few messages, leaves, and joins again for the rest.
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

// Leaves a seat that it never used, and joins again after gate 1 opens, at the end.
inline void Rejoiner() {
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
inline void Recaller() {
  ProducerProgram p(1);
  p.Begin();
  machine->AwaitFree(&world->gates[0]);
  p.Publish(2, WhenFull::kBlock);
  machine->Unlock(&world->gates[1]);
}
inline void Recalled() {
  machine->AwaitFree(&world->gates[1]);
  Successor<2, true>();
}

// Polls `kLooks` times and never waits.
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

// ---- ends that no word announces, and peers that write what they should not -------------------------------

// Unlinks the ring, as runtime/segment/unlink.cc does.
inline void Remover() {
  internal::RingControl& control = world->bytes().control;
  W::StoreRemoved(control.room);
  WakeEverybody(control);
  machine->Unlock(&world->gates[kName]);
  WakeEverybody(control);
}
// Polls during the unlink, and once more after it.
inline void PollsDuringUnlink() {
  ConsumerProgram c(Reading::kInPlace);
  c.WatchName();
  if (!c.Open(StartAt::kOldest)) return;
  for (int i = 0; i < 2; ++i) c.Receive(/*wait=*/false);
  machine->AwaitFree(&world->gates[kName]);
  // The producer may publish during the first look, and the second one receives that message.
  Ended ended = Ended::kNot;
  for (int looks = 0; ended != Ended::kRemoved && looks < 3; ++looks) ended = c.Receive(/*wait=*/false);
  machine->Expect(ended == Ended::kRemoved, "polls a ring without a name and is not informed");
  c.CheckCounts();
  c.Leave();
}
// Polls `kLooks` times, or until it learns that the producer is gone.
template <uint32_t kLooks>
void PollsUntilGone() {
  ConsumerProgram c(Reading::kInPlace);
  c.WatchProducer();
  if (!c.Open(StartAt::kOldest)) return;
  for (uint32_t i = 0; i < kLooks && c.Receive(/*wait=*/false) != Ended::kGone; ++i) {
  }
  c.CheckCounts();
  c.Leave();
}
// A peer that may write .seats moves the position of the first seat by `kBytes`. Before its holder has joined,
// that has no effect.
template <uint64_t kBytes>
void Meddler() {
  A::Store(world->bytes().seats[0].words.position, world->shape().start.position + kBytes,
           std::memory_order_relaxed, Site::X);
}

// ---- scripted: cases that need one particular order of events before the interesting one ------------------

// Reads one message at a time and stores its position after each. After `kFirst` messages it waits for the
// cue.
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
// Joins and is killed immediately.
inline void Stillborn() {
  ConsumerProgram c(Reading::kInPlace);
  if (!c.Open(StartAt::kOldest)) return;
  machine->Perish();
}
// Together with MarksSecond: the full ring gets very little room. A mark recorded late in its chunk is then
// still intact when a mark early in the chunk replaces it.
inline void MarksFirst() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(1);
  p.Publish(1, WhenFull::kBlock);
  machine->Unlock(&world->producer_lock);
}
inline void MarksSecond() {
  ProducerProgram p(2);
  p.TakeOver(/*asym=*/true);
  p.Publish(1, WhenFull::kBlock);
  machine->Unlock(&world->gates[2]);
  p.Publish(1, WhenFull::kBlock);
  p.Close();
}
// Fills the ring likewise, but R moves twice while the producer is in one chunk. The second time makes no
// mark.
inline void Crammer() {
  ProducerProgram p(1);
  p.Begin();
  AwaitGates(2);
  p.Publish(4, WhenFull::kBlock);
  machine->Unlock(&world->gates[2]);
  p.Publish(3, WhenFull::kBlock);
  p.Close();
}

// Publishes `kMessages` messages and gives the cue (gate 2). SuccessorAfterCue begins after the cue.
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

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_PLAYS_H_
