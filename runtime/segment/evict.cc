// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/evict.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/mapped_ring.h"

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
  const absl::StatusOr<MappedRing> ring =
      MappedRing::Open(paths, MappedRing::Ring::kWritable, Extent::kWhole);
  if (!ring.ok()) return ring.status();
  const internal::RingView<internal::RealAtomics> view(ring->memory());
  internal::RingControl& control = *ring->memory().control;
  const internal::SeatTable table = ring->table();
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
