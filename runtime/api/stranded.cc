#include "runtime/api/stranded.h"

namespace millrace::api {
namespace {

alignas(4096) internal::RingControl producer_control, consumer_control;
alignas(8) std::byte producer_data[64], consumer_data[64];
alignas(4096) internal::SeatsControl seats;
internal::Seat seat;

}  // namespace

internal::RingMemory StrandedProducerRing() {
  return {&producer_control, producer_data, internal::kMinCapacity, 0};
}
internal::RingMemory StrandedConsumerRing() {
  return {&consumer_control, consumer_data, internal::kMinCapacity, 0};
}
internal::SeatTable StrandedSeats() { return {&seats, &seat, 0}; }
internal::ConsumerSeat StrandedSeat() { return {&seat, &seats.room_waiting, &seats.room_epoch, 0, false}; }

}  // namespace millrace::api
