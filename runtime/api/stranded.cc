#include "runtime/api/stranded.h"

namespace millrace::api {
namespace {

alignas(4096) internal::RingControl control;
alignas(8) std::byte data[64];
alignas(4096) internal::SeatsControl seats;
internal::Seat seat;

}  // namespace

internal::RingMemory StrandedRing() { return {&control, data, internal::kMinCapacity, 0}; }
internal::SeatTable StrandedSeats() { return {&seats, &seat, 0}; }
internal::ConsumerSeat StrandedSeat() { return {&seat, &seats.room_waiting, &seats.room_epoch, 0, false}; }

}  // namespace millrace::api
