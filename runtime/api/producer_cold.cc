// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/producer_cold.h"

#include <algorithm>
#include <limits>

#include "millrace/internal/parking.h"
#include "millrace/internal/words.h"
#include "runtime/api/park_ops.h"
#include "runtime/api/stranded.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/group.h"
#include "runtime/segment/objects.h"
#include "runtime/segment/seat.h"

namespace millrace::internal {
namespace {

using W = Words<RealAtomics>;

// Bounds how often a full ring makes the producer query the kernel about its seats.
constexpr int64_t kProbeEveryNs = 250'000;
constexpr int64_t kRoomLinkCheckEveryNs = 50'000'000;
constexpr int64_t kWordCheckEveryNs = 1'000'000;

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

ProducerHot::ProducerHot(std::unique_ptr<ProducerCold> c) : cold(std::move(c)) {
  const segment::ProducerAttachment& a = cold->attached;
  const RingMemory memory = a.memory();
  const CounterWords& counters = memory.control->counters;
  cold->base_bytes = W::Peek(counters.bytes);
  cold->base_dropped = W::Peek(counters.dropped);
  cold->base_blocked = W::Peek(counters.blocked);
  cold->base_blocked_ns = W::Peek(counters.blocked_ns);
  cold->base_wakes = W::Peek(counters.wakes);
  cold->base_abandoned = W::Peek(counters.abandoned);
  ring.Attach(memory, a.table(), a.at, a.asym, os::WallClockWithoutSystemCall());
  // A child forked before this finds no hot half. A child forked after it finds a complete one.
  const os::ForkGuard guard;
  cold->hot = this;
}

ProducerHot::~ProducerHot() {
  if (cold->forked || cold->closed) return;
  ring.StoreTail();
  cold->FlushCounters(*this);
  segment::NoteLeaving(cold->attached.memory());
}

void ProducerCold::InForkedChild() noexcept {
  forked = true;
  attached.ring.Abandon();
  attached.seats.Abandon();
  attached.producer_lock.Abandon();
  attached.alive_lock.Abandon();
  if (hot != nullptr) hot->ring.Strand(StrandedProducerRing(), StrandedSeats());
}

void ProducerCold::FlushCounters(const ProducerHot& c) {
  CounterWords& counters = c.ring.control().counters;
  W::Note(counters.bytes, base_bytes + c.ring.payload_bytes());
  W::Note(counters.dropped, base_dropped + dropped);
  W::Note(counters.blocked, base_blocked + blocked);
  W::Note(counters.blocked_ns, base_blocked_ns + static_cast<uint64_t>(blocked_ns));
  W::Note(counters.wakes, base_wakes + wakes);
  W::Note(counters.abandoned, base_abandoned + abandoned);
}

void ProducerCold::NoteActivity(const ProducerHot& c, Activity kind) {
  CounterWords& counters = c.ring.control().counters;
  if (activity == Activity::kNone) W::Note(counters.since_ns, static_cast<uint64_t>(os::MonotonicNs()));
  W::Note(counters.wanted_end, c.ring.wanted_end());
  W::Note(counters.activity, MakeActivity(attached.epoch, kind));
  activity = kind;
}

ProducerCold::AwaitsConsumers::AwaitsConsumers(ProducerCold& cold, const ProducerHot& hot, size_t consumers)
    : counters_(hot.ring.control().counters), epoch_(cold.attached.epoch) {
  const uint64_t sequence = hot.ring.sequence();
  if (cold.awaited != consumers || cold.awaited_at != sequence) cold.awaited_since_ns = os::MonotonicNs();
  cold.awaited = consumers;
  cold.awaited_at = sequence;
  cold.activity = Activity::kNone;
  W::Note(counters_.since_ns, static_cast<uint64_t>(cold.awaited_since_ns));
  W::Note(counters_.activity, MakeActivity(epoch_, Activity::kWaitsForConsumers, consumers));
}
ProducerCold::AwaitsConsumers::~AwaitsConsumers() {
  W::Note(counters_.activity, MakeActivity(epoch_, Activity::kNone));
}

bool ProducerCold::WakeSleepers(ProducerHot& c) {
  if (!c.ring.AfterCommit()) return false;
  os::FutexWakeAll(&c.ring.control().wake.epoch);
  ++wakes;
  return true;
}

bool ProducerCold::Removed() {
  return attached.ring_watch.Look(&attached.ring_probe) == segment::Fate::kRemoved ||
         attached.seats_watch.Look(&attached.seats_probe) == segment::Fate::kRemoved;
}

Sent ProducerCold::Refusal(const ProducerHot& c) {
  if (forked) return Sent::kForked;
  if (closed) return Sent::kClosed;
  // The word is only a hint: the link count decides, so a corrupted word cannot stop the producer.
  if (!removed && W::LoadRemoved(c.ring.control().room)) {
    const int64_t now = os::MonotonicNs();
    if (now - last_word_check_ns > kWordCheckEveryNs) {
      removed = Removed();
      last_word_check_ns = now;
    }
  }
  if (attached.ring.Faulted() || attached.seats.Faulted())
    removed = true;  // truncated, as the SIGBUS guard noticed
  return removed ? Sent::kRemoved : Sent::kOk;
}

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

// Polls for room before sleeping. Consumers that keep reading free a chunk or two at a time; while they do,
// the producer need not sleep, and they need no system call to wake it.
bool ProducerCold::SpinForRoom(ProducerHot& c, int64_t budget_ns, size_t n, std::byte** data, Sent* why) {
  constexpr int kPausesPerLook = 8;
  const int64_t end = os::MonotonicNs() + budget_ns;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) CpuPause();
    *data = c.TryForRoom(n, why);
    if (*data != nullptr || *why != Sent::kFull) {
      spin.CaughtIt();
      return true;
    }
  } while (os::MonotonicNs() < end && !c.interrupted.load(std::memory_order_relaxed));
  return false;
}

void ProducerHot::Wake() noexcept {
  // For operators. Read the clock only where a system call was made anyway.
  if (cold->WakeSleepers(*this))
    W::Note(ring.control().counters.last_wake, MakeLastWake(os::WallNs(), ring.sequence()));
  if (ring.PrepareNext()) cold->FlushCounters(*this);
}

// A message besides the open batch is misuse (asserted in debug builds). Commit the batch, so that no
// consumer's stream breaks.
ProducerHot::Claimed ProducerHot::TryClaimSlow(size_t n) noexcept {
  if (ring.batch_open()) CommitBatch();
  Claimed claimed{};
  claimed.data = TryForRoom(n, &claimed.why);
  return claimed;
}

std::byte* ProducerHot::WaitClaimSlow(size_t n, int64_t timeout_ns, Sent* why) noexcept {
  if (ring.batch_open()) CommitBatch();
  return WaitForRoom(n, timeout_ns, why);
}

std::byte* ProducerHot::TryForRoom(size_t n, Sent* why) noexcept {
  *why = cold->Refusal(*this);
  if (*why != Sent::kOk) return nullptr;
  if (n > ring.max_message()) {
    *why = Sent::kTooLarge;
    return nullptr;
  }
  if (std::byte* const ready = ring.ClaimReady(n)) {
    if (cold->activity != Activity::kNone) cold->NoteActivity(*this, Activity::kNone);
    return ready;
  }
  cold->FlushCounters(*this);
  for (;;) {
    bool wake = false;
    std::byte* const data = ring.ClaimSlow(n, &wake);
    if (wake) cold->WakeSleepers(*this);  // for a padding, which is no message
    if (data != nullptr) {
      if (cold->activity != Activity::kNone) cold->NoteActivity(*this, Activity::kNone);
      return data;
    }
    if (!cold->EmptyDeadSeats(*this)) break;
  }
  cold->NoteActivity(*this, std::max(cold->activity, Activity::kFull));
  *why = Sent::kFull;
  return nullptr;
}

std::byte* ProducerHot::ClaimInBatch(size_t n, int64_t timeout_ns, bool in_parts, Sent* why) noexcept {
  *why = cold->Refusal(*this);
  if (*why == Sent::kOk && !ring.batch_open()) *why = Sent::kBadArgument;  // the batch was ended by misuse
  if (*why == Sent::kOk && n > ring.max_message()) *why = Sent::kTooLarge;
  if (*why != Sent::kOk) return nullptr;
  const auto publish_part = [this] {
    CommitBatch();
    ring.BeginBatch();
  };
  if (!ring.BatchHasRoomFor(n)) {
    if (!in_parts) {
      *why = Sent::kTooLarge;
      return nullptr;
    }
    publish_part();
  }
  std::byte* const data = TryForRoom(n, why);
  if (data != nullptr || *why != Sent::kFull) return data;
  if (in_parts && ring.batched() != 0) publish_part();  // consumers need not wait for room too
  return timeout_ns <= 0 ? nullptr : WaitForRoom(n, timeout_ns, why);
}

Sent ProducerHot::WhyNoBatch() const noexcept {
  if (cold->forked) return Sent::kForked;
  return cold->closed ? Sent::kClosed : Sent::kBadArgument;
}

Sent ProducerHot::AddToBatchSlow(const void* message, size_t n, int64_t timeout_ns, bool in_parts) noexcept {
  Sent why = Sent::kOk;
  std::byte* const data = ClaimInBatch(n, timeout_ns, in_parts, &why);
  if (data == nullptr) return why;
  RealAtomics::CopyIn(data, message, n);
  ring.AddToBatch(n);
  return Sent::kOk;
}

Sent ProducerHot::TryPublishSlow(const void* message, size_t n) noexcept {
  const Claimed claimed = TryClaimSlow(n);
  if (claimed.data == nullptr) return claimed.why;
  RealAtomics::CopyIn(claimed.data, message, n);
  Commit(n);
  return Sent::kOk;
}

std::byte* ProducerHot::WaitForRoom(size_t n, int64_t timeout_ns, Sent* why) noexcept {
  if (interrupted.load(std::memory_order_relaxed)) {
    *why = Sent::kInterrupted;
    return nullptr;
  }
  if (ring.Allows(n) && ring.Fits(n)) {
    *why = Sent::kOk;
    return ring.Place();
  }
  std::byte* data = TryForRoom(n, why);
  if (data != nullptr || *why != Sent::kFull) return data;
  if (cold->options.on_full == OnFull::kDropNew) {
    ++cold->dropped;
    cold->FlushCounters(*this);
    *why = Sent::kDropped;
    return nullptr;
  }
  ++cold->blocked;
  cold->NoteActivity(*this, Activity::kWaitsForRoom);
  const int64_t start = os::MonotonicNs();
  const int64_t deadline = DeadlineAfter(timeout_ns);
  for (;;) {
    const int64_t now = os::MonotonicNs();
    if (interrupted.load(std::memory_order_relaxed))
      *why = Sent::kInterrupted;
    else if (now >= deadline)
      *why = Sent::kTimedOut;
    if (*why != Sent::kFull) break;
    if (now - cold->last_link_check_ns > kRoomLinkCheckEveryNs) {
      cold->last_link_check_ns = now;
      cold->removed = cold->removed || cold->Removed();
    }
    if (cold->EvictSlowest(*this, now)) {
      data = TryForRoom(n, why);
      if (data != nullptr || *why != Sent::kFull) break;
    }
    if (cold->SpinForRoom(*this, std::min(cold->spin.ns(), deadline - now), n, &data, why)) break;
    const int64_t before = os::MonotonicNs();
    ParkProducer<RealAtomics>(*ring.seats().control, SystemParkOps(), now - start, deadline - now, [&] {
      data = TryForRoom(n, why);
      return data != nullptr || *why != Sent::kFull || interrupted.load(std::memory_order_relaxed);
    });
    cold->spin.AfterSleep(os::MonotonicNs() - before);
    if (data != nullptr || *why != Sent::kFull) break;
  }
  if (cold->activity == Activity::kWaitsForRoom) cold->NoteActivity(*this, Activity::kFull);
  cold->blocked_ns += os::MonotonicNs() - start;
  cold->FlushCounters(*this);
  return data;
}

}  // namespace millrace::internal
