// SPDX-License-Identifier: Apache-2.0
// Producer epochs: the words that a producer stores when its epoch begins and ends, and the wakes.
#ifndef MILLRACE_RUNTIME_SEGMENT_EPOCH_H_
#define MILLRACE_RUNTIME_SEGMENT_EPOCH_H_

#include <string>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_view.h"

namespace millrace::segment {

struct EpochFacts {
  internal::Point at;          // end of the published messages
  bool asym = false;           // this process registered for barriers
  bool alive_unknown = false;  // the producer could not lock byte 0 of .ring
  std::string label;
};

// Begins a producer epoch and returns its number. Stores the tail pair, then the flags, then the state; the
// caller publishes only afterwards. Does not wake. protocol/life_cycle.md "Take-over".
uint32_t BeginEpoch(const internal::RingMemory& memory, const EpochFacts& facts);

// Closes the epoch, after its last message, and wakes every consumer.
void CloseEpoch(const internal::RingMemory& memory, uint32_t epoch);

// Stores the time at which the producer leaves, which counts as use of the ring. CloseEpoch calls it.
void NoteLeaving(const internal::RingMemory& memory);

// Wakes every consumer, even those that did not announce that they sleep.
void WakeEverybody(internal::RingControl& control);
// Wakes a producer that waits for room, so that it checks again.
void WakeProducer(internal::SeatsControl& seats);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_EPOCH_H_
