// SPDX-License-Identifier: Apache-2.0
// The seats of a ring, and which of them belong to a group.
#ifndef MILLRACE_INTERNAL_RING_SEATS_H_
#define MILLRACE_INTERNAL_RING_SEATS_H_

#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// The seats of one ring. The count is that of the private copy of the header.
struct SeatTable {
  SeatsControl* control = nullptr;
  Seat* seats = nullptr;
  uint32_t count = 0;
};

// Identifies a group: its slot in the table, and the generation, because a slot holds one group after
// another.
struct GroupPlace {
  uint32_t index = 0;
  uint32_t generation = 0;
  bool operator==(const GroupPlace&) const = default;
};

// Returns the group of a seat's present or last holder, or nullopt if it has none. The seat's state makes
// these words visible [J2].
template <class A>
std::optional<GroupPlace> GroupOfSeat(const SeatIdentity& seat) {
  using W = Words<A>;
  const uint32_t group = W::Peek(seat.group);
  if (group == 0 || group > kGroups) return std::nullopt;
  return GroupPlace{group - 1, W::Peek(seat.group_generation)};
}

// Returns whether this group still exists. A retired group holds nothing back and gives out nothing.
template <class A>
bool GroupExists(const SeatTable& table, GroupPlace place) {
  using W = Words<A>;
  const GroupWords& group = table.control->groups[place.index];
  return (W::LoadGroupFlags(group) & kGroupUsed) != 0 && W::Peek(group.generation) == place.generation;
}

// Returns whether this seat holds a lease of a group that exists. Then only a member of that group may take
// the seat.
template <class A>
bool HoldsLease(const SeatTable& table, uint32_t seat) {
  using W = Words<A>;
  if (W::LoadLease(table.seats[seat].words) == kNoLease) return false;
  const std::optional<GroupPlace> place = GroupOfSeat<A>(table.seats[seat].identity);
  return place && GroupExists<A>(table, *place);
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_SEATS_H_
