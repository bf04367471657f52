// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/stranded.h"

namespace millrace::internal {
namespace {

alignas(4096) RingControl producer_control, consumer_control;
alignas(8) std::byte producer_data[64], consumer_data[64];
alignas(4096) SeatsControl seats;
Seat seat;

}  // namespace

RingMemory StrandedProducerRing() { return {&producer_control, producer_data, kMinCapacity, 0}; }
RingMemory StrandedConsumerRing() { return {&consumer_control, consumer_data, kMinCapacity, 0}; }
SeatTable StrandedSeats() { return {&seats, &seat, 0}; }
ConsumerSeat StrandedSeat() { return {&seat, &seats.room_waiting, &seats.room_epoch, 0, false}; }

}  // namespace millrace::internal
