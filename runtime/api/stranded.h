// SPDX-License-Identifier: Apache-2.0
// Memory for the handles of a forked child: reads as zeros, and takes stray writes.
//
// The child has no mapping of the ring. Its handles point here instead, so that the straight path needs no
// check for a fork. A claim finds its limit reached, a header reads as "nothing there", and the slow path
// returns kForked.
#ifndef MILLRACE_RUNTIME_API_STRANDED_H_
#define MILLRACE_RUNTIME_API_STRANDED_H_

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/ring_view.h"

namespace millrace::internal {

RingMemory StrandedProducerRing();
RingMemory StrandedConsumerRing();  // never written: a header there reads 0
SeatTable StrandedSeats();
ConsumerSeat StrandedSeat();

// Stands in for the seat that an observer does not have. Each observer has its own, so that observers do not
// share a cache line.
struct ObserverScratch {
  Seat seat{};
  RoomWaitingWords room_waiting{};
  RoomEpochWords room_epoch{};
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_STRANDED_H_
