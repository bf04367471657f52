// The words that say who the producer is, written at the start of each producer epoch; and waking everybody.
#ifndef MILLRACE_RUNTIME_SEGMENT_EPOCH_H_
#define MILLRACE_RUNTIME_SEGMENT_EPOCH_H_

#include <string>

#include "millrace/internal/ring_producer.h"
#include "millrace/internal/ring_view.h"

namespace millrace::segment {

struct EpochFacts {
  internal::Point at;  // end of what is published
  bool asym = false;   // this process registered for barriers
  bool alive_unknown = false;
  std::string label;
};

// PROTOCOL.md "Take-over": flags before state before the first publish; tail made whole. Does
// not wake. Returns the epoch.
uint32_t BeginEpoch(const internal::RingMemory& memory, const EpochFacts& facts);

// Closes the epoch: everything published is complete.
void CloseEpoch(const internal::RingMemory& memory, uint32_t epoch);

// Stores when the producer left: that counts as use of the ring. Closing does so too.
void NoteLeaving(const internal::RingMemory& memory);

// Wakes every consumer, whether or not it announced itself.
void WakeEverybody(internal::RingControl& control);
// Wakes a producer that waits for room, to look again.
void WakeProducer(internal::SeatsControl& seats);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_EPOCH_H_
