// SPDX-License-Identifier: Apache-2.0
// Taking over a ring whose producer closed or died: where the next producer continues.
//
// Purpose: protocol/life_cycle.md "Take-over". The caller holds the producer's lock. RingProducer::Attach
// then begins at the point that is found here.
#ifndef MILLRACE_INTERNAL_RING_TAKE_OVER_H_
#define MILLRACE_INTERNAL_RING_TAKE_OVER_H_

#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// Returns where the published frames of a ring without a producer end, for take-over. Voids the marks above
// that position. Returns nullopt if no producer leaves such contents.
template <class A>
std::optional<Point> FindTakeOverPoint(const RingMemory& memory) {
  using W = Words<A>;
  const std::optional<Point> end = RingView<A>(memory).End();
  if (!end) return std::nullopt;
  const uint64_t room = W::LoadReserved(memory.control->room) - end->position;
  if (room > memory.capacity) return std::nullopt;
  for (Mark& mark : memory.control->marks) {
    const uint64_t p = W::LoadMarkPosition(mark);
    if (p != ~uint64_t{0} && Ahead(p, end->position) > 0) W::VoidMark(mark);
  }
  return end;
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_TAKE_OVER_H_
