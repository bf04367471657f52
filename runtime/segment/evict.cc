// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/evict.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using internal::SeatPhase;
using W = internal::Words<internal::RealAtomics>;

absl::Status NoSuchSeat(const Paths& paths, uint32_t seat, uint32_t generation, const std::string& found) {
  return os::Failure(Error::kNotFound, absl::StrCat("evict \"", paths.name, "\" seat ", seat, "#", generation,
                                                    ": ", found, "; see shmctl stat ", paths.name));
}

}  // namespace

absl::Status EvictSeat(const Paths& paths, uint32_t seat, uint32_t generation) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/true);
  if (!ring.ok()) return ring.status();
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring->header);
  if (!seats.ok()) return seats.status();
  auto seats_map =
      os::Mapping::ForWriting(seats->fd.get(), seats->header.file_bytes, os::Pages::kOnAccess, paths.seats);
  if (!seats_map.ok()) return seats_map.status();
  auto ring_map =
      os::Mapping::ForWriting(ring->fd.get(), ring->header.file_bytes, os::Pages::kOnAccess, paths.ring);
  if (!ring_map.ok()) return ring_map.status();
  const internal::RingView<internal::RealAtomics> view(MemoryOf(*ring_map, ring->header));
  internal::RingControl& control = *MemoryOf(*ring_map, ring->header).control;
  const internal::SeatTable table = TableOf(*seats_map, seats->header);
  if (seat >= table.count)
    return NoSuchSeat(paths, seat, generation, absl::StrCat("the ring has ", table.count, " seats"));
  internal::SeatIdentity& identity = table.seats[seat].identity;
  constexpr int kTries = 8;  // The state may change from joining to live between our load and our exchange.
  for (int i = 0; i < kTries; ++i) {
    const uint64_t state = W::LoadSeatState(identity);
    const SeatPhase phase = internal::PhaseOf(state);
    if (internal::GenerationOf(state) != generation) {
      return NoSuchSeat(paths, seat, generation,
                        absl::StrCat("that seat is at generation ", internal::GenerationOf(state), " now"));
    }
    if (phase != SeatPhase::kJoining && phase != SeatPhase::kLive) {
      return NoSuchSeat(paths, seat, generation, "no consumer has that seat");
    }
    const auto end = view.End();
    W::Note(identity.evicted_sequence, end ? end->sequence : W::LoadTailSequence(control.tail));
    if (W::Evict(identity, state,
                 internal::MakeSeatState(generation, SeatPhase::kEvicted, internal::DeliveryOf(state),
                                         internal::EvictedBy::kTool, internal::EvictedWhy::kRequest))) {
      W::CountToolEviction(control.counters);
      WakeProducer(*table.control);
      WakeEverybody(control);
      return absl::OkStatus();
    }
  }
  return NoSuchSeat(paths, seat, generation, "its state keeps changing");
}

}  // namespace millrace::segment
