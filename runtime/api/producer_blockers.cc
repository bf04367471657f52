// SPDX-License-Identifier: Apache-2.0
// What a producer does about blockers: empties the seats of the dead, retires dead groups, evicts the
// slowest. protocol/room.md "Making room", protocol/groups.md "The scan"
#include <algorithm>
#include <optional>

#include "millrace/internal/words.h"
#include "runtime/api/producer_cold.h"
#include "runtime/os/park.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/group.h"
#include "runtime/segment/seat.h"

namespace millrace::internal {
namespace {

// Bounds how often a full ring makes the producer query the kernel about its seats.
constexpr int64_t kProbeEveryNs = 250'000;

// Returns the group that is in the way, through its cursor or through a lease of one of its members. Returns
// nullopt for a lossless consumer.
std::optional<GroupPlace> GroupOf(const SeatTable& seats, const Blocker& blocker) {
  switch (blocker.kind) {
    case Blocker::Kind::kSeat:
      return std::nullopt;
    case Blocker::Kind::kGroup:
      return GroupPlace{blocker.index, static_cast<uint32_t>(blocker.state)};
    case Blocker::Kind::kLease:
      return GroupOfSeat<RealAtomics>(seats.seats[blocker.index].identity);
  }
  return std::nullopt;
}

using GroupInTheWay = ProducerCold::GroupInTheWay;

// The groups that are in the way, each with its lowest position.
class GroupsInTheWay {
 public:
  void Add(GroupPlace place, uint64_t position) {
    std::optional<GroupInTheWay>& group = groups_[place.index];
    if (!group || group->place != place || Ahead(position, group->position) < 0) group = {place, position};
  }
  template <class F>
  void ForEach(F f) const {
    for (const std::optional<GroupInTheWay>& group : groups_) {
      if (group) f(*group);
    }
  }

 private:
  std::optional<GroupInTheWay> groups_[kGroups];
};

}  // namespace

bool ProducerCold::EmptyDeadSeats(ProducerHot& c) {
  const int64_t now = os::MonotonicNs();
  if (now - last_probe_ns < kProbeEveryNs) return false;
  last_probe_ns = now;
  bool emptied = false;
  GroupsInTheWay groups;
  const SeatTable& seats = c.ring.seats();
  c.ring.HoldingBack([&](const Blocker& blocker) {
    if (const std::optional<GroupPlace> group = GroupOf(seats, blocker)) {
      groups.Add(*group, blocker.position);
    } else if (blocker.kind == Blocker::Kind::kSeat &&
               attached.seats_probe.Ask(kLockSeat + blocker.index) == os::LockState::kFree) {
      emptied |= segment::EmptyDeadSeat(attached, blocker.index);
    }
  });
  // A living group adopts the leases of its dead members. Retire only groups without a living member.
  groups.ForEach([&](const GroupInTheWay& group) { emptied |= RetireDeadGroup(group, now); });
  if (emptied) c.ring.ForgetScan();
  return emptied;
}

// Retires a group without a living member. A group whose dead members hold leases is retired only after
// evict_after, because until then a new member could get those messages.
bool ProducerCold::RetireDeadGroup(const GroupInTheWay& group, int64_t now) {
  HeldBack& held = groups_held_back[group.place.index];
  const bool patient =
      held.At(group.place.generation, group.position, now, MostBetweenLooks()) < options.evict_after.count();
  const os::ForkGuard guard(std::try_to_lock);
  const segment::Retired retired = segment::RetireDeadGroup(
      guard, attached, group.place, patient ? segment::Leases::kKeep : segment::Leases::kAbandon);
  if (retired.has_members) held.Forget();  // the time counts from the death of the last member
  abandoned += retired.abandoned;
  return retired.retired;
}

int64_t ProducerCold::MostBetweenLooks() const {
  constexpr int64_t kMostNs = 100'000'000;  // far above the interval of a producer that waits
  return std::clamp<int64_t>(options.evict_after.count() / 4, 1, kMostNs);
}

bool ProducerCold::EvictSlowest(ProducerHot& c, int64_t now) {
  if (options.on_full != OnFull::kEvictSlowest) return false;
  bool evicted = false;
  const auto judge = [&](HeldBack& held, uint32_t seat, uint64_t state, uint64_t position) {
    if (held.At(GenerationOf(state), position, now, MostBetweenLooks()) >= options.evict_after.count())
      evicted |= c.ring.Evict(seat, state, EvictedWhy::kHeldBack);
  };
  GroupsInTheWay groups;
  c.ring.HoldingBack([&](const Blocker& blocker) {
    const bool its_own =
        blocker.kind != Blocker::Kind::kGroup && PhaseOf(blocker.state) != SeatPhase::kEvicted;
    if (its_own) return judge(seats_held_back[blocker.index], blocker.index, blocker.state, blocker.position);
    // A lease that its group could adopt, or the group's cursor: this counts against the living members.
    if (const auto group = GroupOf(c.ring.seats(), blocker)) groups.Add(*group, blocker.position);
  });
  groups.ForEach([&](const GroupInTheWay& group) {
    c.ring.ForEachMember(group.place, [&](uint32_t seat, uint64_t state) {
      judge(members_held_back[seat], seat, state, group.position);
    });
  });
  if (evicted) segment::WakeEverybody(c.ring.control());  // a sleeping victim is informed now
  return evicted;
}

}  // namespace millrace::internal
