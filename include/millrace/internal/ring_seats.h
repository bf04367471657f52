// The seats of a queue, and which of them belong to a group.
#ifndef MILLRACE_INTERNAL_RING_SEATS_H_
#define MILLRACE_INTERNAL_RING_SEATS_H_

#include <cstdint>
#include <optional>

#include "millrace/internal/layout.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

// The seats of one queue; the count is the private copy's.
struct SeatTable {
  SeatsControl* control = nullptr;
  Seat* seats = nullptr;
  uint32_t count = 0;
};

// Which group, and which of those that had its slot in the table one after the other.
struct GroupPlace {
  uint32_t index = 0;
  uint32_t generation = 0;
  bool operator==(const GroupPlace&) const = default;
};

// The group that a seat's present or last holder belongs to; nullopt: none. Seen with the seat's state [J2].
template <class A>
std::optional<GroupPlace> GroupOfSeat(const SeatIdentity& seat) {
  using W = Words<A>;
  const uint32_t group = W::Peek(seat.group);
  if (group == 0 || group > kGroups) return std::nullopt;
  return GroupPlace{group - 1, W::Peek(seat.group_generation)};
}

// Is there (still) this group? A retired one holds nothing back and gives out nothing.
template <class A>
bool GroupExists(const SeatTable& table, GroupPlace place) {
  using W = Words<A>;
  const GroupWords& group = table.control->groups[place.index];
  return (W::LoadGroupFlags(group) & kGroupUsed) != 0 && W::Peek(group.generation) == place.generation;
}

// Does this seat hold a message of a group that exists? Then only a member of that group may take it.
template <class A>
bool HoldsClaim(const SeatTable& table, uint32_t seat) {
  using W = Words<A>;
  if (W::LoadClaim(table.seats[seat].words) == kNoClaim) return false;
  const std::optional<GroupPlace> place = GroupOfSeat<A>(table.seats[seat].identity);
  return place && GroupExists<A>(table, *place);
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_SEATS_H_
