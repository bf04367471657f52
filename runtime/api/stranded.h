// Memory for the handles of a forked child: zeros to read, room to scribble.
//
// The child has no mapping of the ring. Its handles are pointed here, so that the straight path needs no
// check: a claim finds its limit reached, a header reads as "nothing there", and the slow path answers
// kForked.
#ifndef MILLRACE_RUNTIME_API_STRANDED_H_
#define MILLRACE_RUNTIME_API_STRANDED_H_

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_producer.h"
#include "millrace/internal/ring_view.h"

namespace millrace::api {

internal::RingMemory StrandedProducerRing();
internal::RingMemory StrandedConsumerRing();  // never written: a header there reads 0
internal::SeatTable StrandedSeats();
internal::ConsumerSeat StrandedSeat();

// The seat of an observer, which has none: its own scratch, so that observers do not share a cache line.
struct ObserverScratch {
  internal::Seat seat{};
  internal::RoomWaitingWords room_waiting{};
  internal::RoomEpochWords room_epoch{};
};

}  // namespace millrace::api

#endif  // MILLRACE_RUNTIME_API_STRANDED_H_
