// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/inspect.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"
#include "runtime/segment/text.h"

namespace millrace::segment {
namespace {

using internal::Point;
using A = internal::RealAtomics;
using View = internal::RingView<A>;
using W = internal::Words<A>;

// Bound on the messages that one inspection walks after the tail pair, so that a hostile ring costs no more
// than a few milliseconds. A producer leaves a few thousand messages there. Only a producer stopped or killed
// while it commits a batch leaves more.
constexpr uint64_t kMostWalked = 16384;

struct Pid {
  std::optional<pid_t> pid;
  bool foreign = false;
};

Pid PidIn(uint32_t pid, uint64_t pid_namespace) {
  if (pid == 0) return {};
  if (pid_namespace == 0 || pid_namespace != os::PidNamespace()) return {std::nullopt, true};
  return {static_cast<pid_t>(pid), false};
}

std::string DeliveryName(uint8_t delivery) {
  switch (delivery) {
    case internal::kDeliveryLossless:
      return "lossless";
    case internal::kDeliveryLossy:
      return "lossy";
    case internal::kDeliveryGroup:
      return "group";
    default:
      return "unknown";
  }
}

uint64_t NotBehind(uint64_t end, uint64_t place) {
  return static_cast<uint64_t>(std::max<int64_t>(0, internal::Ahead(end, place)));
}

uint64_t SinceNs(uint64_t then_ns, uint64_t now_ns) { return now_ns > then_ns ? now_ns - then_ns : 0; }

// Returns the age of the newest mark for which `passes` returns true.
template <class Passes>
std::optional<uint64_t> AgeOfNewestMark(const View& view, Passes passes) {
  const uint64_t tail = W::LoadTailPosition(view.control().tail);
  std::optional<uint64_t> best, time;
  for (uint32_t i = 0; i < internal::kMarks; ++i) {
    uint64_t marked_ns = 0;
    const std::optional<Point> mark = view.ReadMark(i, tail, &marked_ns);
    if (!mark || !passes(*mark)) continue;
    if (best && internal::Ahead(mark->position, *best) <= 0) continue;
    best = mark->position;
    time = marked_ns;
  }
  if (!time || *time == 0) return std::nullopt;
  return SinceNs(*time, os::WallNs());
}

// Returns an upper bound on the age of the message at `position`: the age of the newest mark at or below it.
std::optional<uint64_t> AgeOf(const View& view, uint64_t position) {
  return AgeOfNewestMark(
      view, [position](const Point& mark) { return internal::Ahead(mark.position, position) <= 0; });
}

// Sets the age of the newest message. The age is exact if no message was published after the last one that
// woke a consumer. Otherwise that wake, and each mark with a message after it, are upper bounds of the age.
void AddLastMessage(RingInfo& info, const internal::CounterWords& counters, const View& view,
                    const Point& end) {
  if (end.sequence == 0) return;
  const uint64_t wake = W::Peek(counters.last_wake);
  info.last_message_exact =
      wake != 0 && info.next_sequence_exact &&
      (wake & internal::kLastWakeSequence) == (end.sequence & internal::kLastWakeSequence);
  std::optional<uint64_t> age;
  if (!info.last_message_exact)
    age = AgeOfNewestMark(
        view, [&](const Point& mark) { return internal::Ahead(mark.sequence, end.sequence) < 0; });
  if (wake != 0) {
    const uint64_t of_wake = SinceNs(internal::LastWakeNs(wake), os::WallNs());
    age = std::min(age.value_or(of_wake), of_wake);
  }
  info.last_message_ns = age;
}

// What the producer of this epoch is waiting for or cannot do now, as its own words say.
struct Activity {
  internal::Activity kind = internal::Activity::kNone;
  uint32_t consumers = 0;
  uint64_t wanted_end = 0;
  std::optional<uint64_t> ns;
};

Activity ActivityOf(const internal::CounterWords& counters, const ProducerInfo& producer) {
  constexpr int kTries = 8;
  for (int i = 0; i < kTries && producer.alive && !producer.closed; ++i) {
    const uint64_t word = W::Peek(counters.activity);
    const uint64_t since_ns = W::Peek(counters.since_ns), wanted_end = W::Peek(counters.wanted_end);
    if (W::Peek(counters.activity) != word) continue;
    if (internal::EpochOf(word) != producer.epoch) return {};  // word of an earlier epoch
    return {internal::ActivityOf(word), internal::AwaitedConsumers(word), wanted_end,
            SinceNs(since_ns, static_cast<uint64_t>(os::MonotonicNs()))};
  }
  return {};
}

// Collects how much of the ring is held, and whether a blocker leaves no room for the claim that the producer
// wants.
class Hold {
 public:
  Hold(const Activity& activity, uint64_t capacity, const Point& end)
      : wants_(activity.kind == internal::Activity::kFull ||
               activity.kind == internal::Activity::kWaitsForRoom),
        wanted_end_(activity.wanted_end),
        capacity_(capacity),
        end_(end.position) {}
  // Adds a blocker of everything from `position` on. Returns true if it is in the producer's way.
  bool Add(uint64_t position) {
    bytes_ = std::max(bytes_.value_or(0), std::min(NotBehind(end_, position), capacity_));
    const bool in_the_way = wants_ && internal::Ahead(wanted_end_, position + capacity_) > 0;
    any_in_the_way_ |= in_the_way;
    return in_the_way;
  }
  std::optional<uint64_t> bytes() const { return bytes_; }
  bool any_in_the_way() const { return any_in_the_way_; }

 private:
  const bool wants_;
  const uint64_t wanted_end_, capacity_, end_;
  std::optional<uint64_t> bytes_;
  bool any_in_the_way_ = false;
};

// Returns the position from which on a seat holds the ring, or nullopt if it holds nothing.
std::optional<uint64_t> HeldBy(const internal::SeatTable& table, uint32_t index, uint64_t state) {
  const internal::SeatWords& words = table.seats[index].words;
  if (internal::DeliveryOf(state) == internal::kDeliveryLossless) {
    if (internal::PhaseOf(state) == internal::SeatPhase::kEvicted) return std::nullopt;
    return W::LoadSeatPosition(words);
  }
  if (internal::DeliveryOf(state) != internal::kDeliveryGroup || !internal::HoldsLease<A>(table, index))
    return std::nullopt;
  const uint64_t lease = W::LoadLease(words);
  if (lease == internal::kNoLease) return std::nullopt;
  return internal::LeasePosition(lease);
}

// Sets the lag of a group member to that of the message it has leased. A member without a lease has no
// lag.
void InspectMember(SeatInfo& info, const internal::Seat& seat, const internal::SeatTable& table,
                   const Point& end, const View& view) {
  if (const auto place = internal::GroupOfSeat<A>(seat.identity))
    info.group = LabelOf(table.control->groups[place->index].name);
  const uint64_t lease = W::LoadLease(seat.words);
  const uint64_t position = internal::LeasePosition(lease) & ~uint64_t{7};
  if (lease == internal::kNoLease || end.position - position > view.capacity()) return;
  info.lag_bytes = end.position - position;
  info.lag_messages = NotBehind(end.sequence, view.SequenceAt(position, end));
  info.lag_ns = AgeOf(view, position);
}

SeatInfo InspectSeat(const internal::SeatTable& table, uint32_t index, uint64_t state, const Point& end,
                     const View& view, os::LockProbe& probe, Hold& hold) {
  const internal::Seat& seat = table.seats[index];
  SeatInfo info;
  info.seat = index;
  info.generation = internal::GenerationOf(state);
  info.label = LabelOf(seat.identity.label);
  info.delivery = DeliveryName(internal::DeliveryOf(state));
  const Pid pid = PidIn(W::Peek(seat.identity.pid), W::Peek(seat.identity.pid_namespace));
  info.pid = pid.pid;
  info.pid_foreign = pid.foreign;
  info.alive = probe.Ask(internal::kLockSeat + index) != os::LockState::kFree;
  info.evicted = internal::PhaseOf(state) == internal::SeatPhase::kEvicted;
  info.stopped = info.alive && info.pid && os::LooksStopped(static_cast<uint32_t>(*info.pid));
  if (const auto from = HeldBy(table, index, state)) info.holds_back = hold.Add(*from);
  info.received = W::Peek(seat.words.received);
  info.lost = W::Peek(seat.words.lost);
  if (internal::DeliveryOf(state) == internal::kDeliveryGroup) {
    info.lag_ns = 0;
    InspectMember(info, seat, table, end, view);
    return info;
  }
  const uint64_t position = W::LoadSeatPosition(seat.words);
  // We read the end before the seat, so the consumer may already be past that end.
  info.lag_bytes = NotBehind(end.position, position);
  info.lag_messages = NotBehind(end.sequence, W::Peek(seat.words.sequence));
  info.lag_ns = info.lag_bytes == 0 ? std::optional<uint64_t>(0) : AgeOf(view, position);
  return info;
}

void AddGroups(RingInfo& info, const internal::SeatTable& table, const Point& end, const View& view,
               Hold& hold) {
  for (uint32_t g = 0; g < internal::kGroups; ++g) {
    const internal::GroupWords& words = table.control->groups[g];
    const uint32_t flags = W::LoadGroupFlags(words);
    if ((flags & internal::kGroupUsed) == 0) continue;
    GroupInfo group;
    group.name = LabelOf(words.name);
    group.durable = (flags & internal::kGroupDurable) != 0;
    const uint64_t cursor = W::LoadCursor(words) & ~uint64_t{7};
    group.holds_back = hold.Add(cursor);
    group.lag_bytes = NotBehind(end.position, cursor);
    if (group.lag_bytes != 0) group.lag_messages = NotBehind(end.sequence, view.SequenceAt(cursor, end));
    for (const SeatInfo& seat : info.consumers) {
      const auto place = internal::GroupOfSeat<A>(table.seats[seat.seat].identity);
      if (place != internal::GroupPlace{g, W::Peek(words.generation)}) continue;
      group.members += seat.alive && !seat.evicted;
      group.in_hand += W::LoadLease(table.seats[seat.seat].words) != internal::kNoLease;
    }
    info.groups.push_back(std::move(group));
  }
}

// Adds consumers and groups. Returns true if the ring has a durable group, which keeps its place. Fails if no
// descriptor is free.
absl::StatusOr<bool> AddConsumers(RingInfo& info, MappedRing& ring, const Point& end, const View& view,
                                  Hold& hold, NewestTime& traces) {
  absl::StatusOr<SeatsObject> seats = OpenSeats(ring.paths, /*write=*/false, ring.header);
  if (os::NoDescriptorFree(seats.status())) return seats.status();
  if (!seats.ok()) {
    // kOther: this process cannot look now, for example because no memory is free.
    if (ErrorOf(seats.status()) == Error::kNoPermission || ErrorOf(seats.status()) == Error::kOther)
      info.seats_readable = false;
    else if (info.damage.empty())
      info.damage = std::string(seats.status().message());
    return false;
  }
  if (!ring.MapSeats(*std::move(seats), os::Pages::kOnAccess).ok()) {
    info.seats_readable = false;
    return false;
  }
  info.bytes += ring.seats_header.file_bytes;
  const internal::SeatTable table = ring.table();
  const uint32_t used = std::min(W::LoadSeatsUsed(table.control->join), table.count);
  for (uint32_t i = 0; i < used; ++i) {
    const uint64_t state = W::LoadSeatState(table.seats[i].identity);
    traces.Add(W::Peek(table.seats[i].identity.since_ns));
    traces.Add(W::Peek(table.seats[i].words.left_ns));
    if (internal::PhaseOf(state) == internal::SeatPhase::kFree) continue;
    info.consumers.push_back(InspectSeat(table, i, state, end, view, ring.seats_probe, hold));
  }
  AddGroups(info, table, end, view, hold);
  return std::any_of(info.groups.begin(), info.groups.end(),
                     [](const GroupInfo& group) { return group.durable; });
}

void AddActivity(RingInfo& info, const Activity& activity, const Hold& hold) {
  using enum internal::Activity;
  info.producer_stopped =
      info.producer.alive && info.producer.pid && os::LooksStopped(static_cast<uint32_t>(*info.producer.pid));
  if (activity.kind == kWaitsForRoom) info.waits_for = "room";
  if (activity.kind == kWaitsForConsumers) {
    info.waits_for = "consumers";
    info.awaited_consumers = activity.consumers;
  }
  if (!info.waits_for.empty()) info.waits_ns = activity.ns;
  if (hold.any_in_the_way()) info.full_ns = activity.ns;
  info.held_bytes = hold.bytes();
}

std::string StateOf(const RingInfo& info) {
  if (!info.damage.empty()) return "damaged";
  if (info.producer.epoch == 0) return "never_used";
  if (info.producer.closed) return "closed";
  return info.producer.alive ? "live" : "producer_gone";
}

// Adds the times of use that the ring itself records.
void AddTraces(NewestTime& used, const internal::RingHeader& header, const View& view) {
  const internal::RingControl& control = view.control();
  used.Add(header.created_ns);
  used.Add(W::Peek(control.producer.since_ns));
  used.Add(W::Peek(control.producer.left_ns));
  used.Add(internal::LastWakeNs(W::Peek(control.counters.last_wake)));
  const uint64_t tail = W::LoadTailPosition(control.tail);
  for (uint32_t i = 0; i < internal::kMarks; ++i) {
    uint64_t marked_ns = 0;
    if (view.ReadMark(i, tail, &marked_ns)) used.Add(marked_ns);
  }
}

// Returns why a damaged ring counts as used, or "" if none of its locks is held.
std::string WhyDamagedInUse(const Paths& paths, LocksOfUsers seats) {
  if (seats == LocksOfUsers::kOurs) return "";
  const absl::StatusOr<bool> held = AnyLockHeld(paths);
  if (!held.ok()) return absl::StrCat("damaged, and its locks are unknown (", held.status().message(), ")");
  return *held ? "damaged, but a process holds one of its locks" : "";
}

// Decides whether a ring is stale and stores the reason. Locks must prove that it is unused; only then does
// its age count. protocol/life_cycle.md "Stale".
void JudgeStale(RingInfo& info, const Paths& paths, bool durable_group, uint64_t idle_ns,
                LocksOfUsers seats) {
  const bool consumer_alive =
      seats == LocksOfUsers::kTheirs &&
      std::any_of(info.consumers.begin(), info.consumers.end(), [](const SeatInfo& s) { return s.alive; });
  const std::string damaged_in_use = info.damage.empty() ? "" : WhyDamagedInUse(paths, seats);
  if (info.keep)
    info.stale_why = "kept";
  else if (seats == LocksOfUsers::kTheirs && info.producer.alive)
    info.stale_why = "its producer is alive";
  else if (!damaged_in_use.empty())
    info.stale_why = damaged_in_use;
  else if (!info.seats_readable)
    info.stale_why = "its consumers are unknown (its .seats cannot be read)";
  else if (consumer_alive)
    info.stale_why = "a consumer is alive";
  else if (info.producer.epoch == 0)
    info.stale_why = "it never had a producer";
  else if (durable_group)
    info.stale_why = "a durable group keeps its position in it";
  else if (UsedSince(info.used_ns, idle_ns))
    info.stale_why = info.used_ns != 0 ? "used within the grace time"
                                       : "its times are in the future (the clock was set back): used at an "
                                         "unknown time";
  else
    info.stale = true, info.stale_why = "no producer and no consumer is alive";
}

// Decides whether a damaged ring is stale. Its contents cannot be trusted, so only its locks and the times of
// the file decide.
void JudgeDamagedStale(RingInfo& info, const Paths& paths, uint64_t idle_ns, LocksOfUsers seats) {
  if (const std::string in_use = WhyDamagedInUse(paths, seats); !in_use.empty())
    info.stale_why = in_use;
  else if (UsedSince(info.used_ns, idle_ns))
    info.stale_why = "damaged, and changed within the grace time";
  else
    info.stale = true, info.stale_why = "damaged, and no process holds any of its locks";
}

void AddOtherOwners(RingInfo& info, const Paths& paths) {
  if (const auto seats = os::FactsOfName(paths.seats)) {
    info.seats_mode = seats->mode & 07777;
    info.seats_uid = seats->uid;
  }
  if (const auto lock = os::FactsOfName(paths.lock)) info.lock_uid = lock->uid;
}

RingInfo Undescribed(const Paths& paths, const absl::Status& why) {
  RingInfo info;
  info.name = paths.name;
  info.damage = std::string(why.message());
  info.state = "damaged";
  if (const auto facts = os::FactsOfName(paths.ring)) {
    NewestTime used;
    used.Add(facts->modified_ns);
    info.used_ns = used.Of(facts);
    info.bytes = facts->bytes;
    info.mode = facts->mode & 07777;
    info.uid = facts->uid;
    info.gid = facts->gid;
  }
  AddOtherOwners(info, paths);
  return info;
}

// Queries the producer's lock on .lock. Returns kUnknown for a process that cannot read .lock, and if .lock
// does not belong to the ring's owner. Opens .lock by name each time, because a ring can get a new .lock.
os::LockState ProducerByLock(const Paths& paths, const std::optional<os::FileFacts>& ring) {
  const absl::StatusOr<os::Fd> fd = os::OpenExisting(paths.lock, /*write=*/false);
  if (!fd.ok() || !ring) return os::LockState::kUnknown;
  const absl::StatusOr<os::FileFacts> facts = os::FactsOf(fd->get(), paths.lock);
  if (!facts.ok() || facts->uid != ring->uid) return os::LockState::kUnknown;
  if (!HasMagic(*fd, paths.lock, internal::kLockMagic).value_or(false)) return os::LockState::kUnknown;
  const absl::StatusOr<bool> locked = os::IsLocked(*fd, paths.lock, internal::kLockProducer);
  if (!locked.ok()) return os::LockState::kUnknown;
  return *locked ? os::LockState::kHeld : os::LockState::kFree;
}

// Returns the state of the lock of the producer that stored `state`.
os::LockState ProducerLock(const internal::RingControl& control, uint64_t state, os::LockProbe& ring_probe,
                           const Paths& paths) {
  const os::LockState by_ring = ring_probe.Ask(internal::kLockProducer);
  if (by_ring != os::LockState::kFree || !internal::IsOpen(state)) return by_ring;
  // Flags of the next epoch belong to a successor that took this producer's lock and died before it was open.
  const uint64_t flags = W::LoadFlags(control.room);
  const bool could_not_lock =
      internal::EpochOf(flags) == internal::EpochOf(state) && (flags & internal::kFlagAliveUnknown) != 0;
  return could_not_lock ? ProducerByLock(paths, ring_probe.Facts()) : by_ring;
}

}  // namespace

// Tolerance for times in the future: a producer may have read a coarse clock and rounded up.
constexpr uint64_t kCoarse = 1'000'000'000;

void NewestTime::Add(uint64_t realtime_ns) {
  if (realtime_ns > now_ns_ + kCoarse)
    future_ = true;
  else
    newest_ns_ = std::max(newest_ns_, realtime_ns);
}

uint64_t NewestTime::Of(const std::optional<os::FileFacts>& file) const {
  if (!future_ || !file) return future_ ? 0 : newest_ns_;
  return file->changed_ns > now_ns_ + kCoarse ? 0 : std::max(newest_ns_, file->changed_ns);
}

bool UsedSince(uint64_t newest_ns, uint64_t idle_ns) {
  const uint64_t now = os::WallNs();
  return idle_ns != 0 && (newest_ns == 0 || newest_ns > now || now - newest_ns < idle_ns);
}

absl::StatusOr<bool> AnyLockHeld(const Paths& paths) {
  const absl::StatusOr<bool> lock = os::IsLocked(paths.lock, internal::kLockProducer);
  if (!lock.ok() || *lock) return lock;
  const absl::StatusOr<bool> ring = os::IsLocked(paths.ring, internal::kLockProducer);
  if (!ring.ok() || *ring) return ring;
  return os::IsLocked(paths.seats, internal::kLockSeat, internal::kLockSeatsEnd - internal::kLockSeat);
}

bool ProducerIsGone(const internal::RingControl& control, uint64_t state, os::LockProbe& ring_probe,
                    const Paths& paths) {
  return internal::EpochOf(state) != 0 && internal::IsOpen(state) &&
         ProducerLock(control, state, ring_probe, paths) == os::LockState::kFree &&
         W::LoadState(control.room) == state;
}

ProducerInfo InspectProducer(const internal::RingControl& control, os::LockProbe& ring_probe,
                             const Paths& paths) {
  ProducerInfo info;
  const uint64_t state = W::LoadState(control.room);
  info.epoch = internal::EpochOf(state);
  info.closed = internal::IsClosed(state);
  info.epoch_first_sequence = W::Peek(control.room.epoch_first_sequence);
  const os::LockState lock = ProducerLock(control, state, ring_probe, paths);
  info.alive_unknown = lock == os::LockState::kUnknown;
  info.alive = lock == os::LockState::kHeld || info.alive_unknown;
  if (info.epoch == 0) return info;
  const internal::ProducerIdentity& who = control.producer;
  const Pid pid = PidIn(W::Peek(who.pid), W::Peek(who.pid_namespace));
  info.pid = pid.pid;
  info.pid_foreign = pid.foreign;
  info.label = LabelOf(who.label);
  return info;
}

std::optional<RingInfo> InspectUnreadable(const Paths& paths, const absl::Status& why) {
  const Error error = ErrorOf(why);
  if (error == Error::kNotFound || error == Error::kNotARing) return std::nullopt;
  const auto is_file = [](const std::string& path) {
    const auto facts = os::FactsOfName(path);
    return facts && facts->regular;
  };
  // We cannot read the magic, so accept a file only if all three files of a queue are there.
  if (error == Error::kNoPermission && !(is_file(paths.ring) && is_file(paths.seats) && is_file(paths.lock)))
    return std::nullopt;
  RingInfo info = Undescribed(paths, why);
  info.state = "unreadable";
  info.stale_why = "it cannot be read";
  return info;
}

absl::StatusOr<RingInfo> Inspect(const Paths& paths, uint64_t idle_ns, LocksOfUsers seats) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/false);
  if (!ring.ok()) {
    switch (ErrorOf(ring.status())) {
      case Error::kTruncated:
      case Error::kBadLengths:
      case Error::kLayoutVersion: {
        RingInfo info = Undescribed(paths, ring.status());
        JudgeDamagedStale(info, paths, idle_ns, seats);
        return info;
      }
      default:
        return ring.status();
    }
  }
  const os::FileFacts facts = ring->facts;
  std::string schema = ring->schema();
  absl::StatusOr<MappedRing> mapped =
      MappedRing::Map(paths, *std::move(ring), Extent::kWhole, os::Pages::kOnAccess);
  if (!mapped.ok()) return mapped.status();
  const internal::RingHeader& header = mapped->header;
  const internal::RingMemory memory = mapped->memory();
  const internal::RingControl& control = *memory.control;
  const View view(memory);

  RingInfo info;
  info.name = paths.name;
  info.incarnation = HexOf(header.incarnation);
  info.schema = std::move(schema);
  info.capacity = header.capacity;
  info.max_message = header.max_message;
  info.bytes = header.file_bytes;
  info.created_ns = header.created_ns;
  info.seats = header.seats;
  info.mode = facts.mode & 07777;
  info.uid = facts.uid;
  info.gid = facts.gid;
  AddOtherOwners(info, paths);
  info.keep = (W::Peek(control.room.attributes) & internal::kAttributeKeep) != 0;
  info.dropped = W::Peek(control.counters.dropped);
  info.blocked = W::Peek(control.counters.blocked);
  info.blocked_time = Nanos(static_cast<int64_t>(W::Peek(control.counters.blocked_ns)));
  info.evictions = W::Peek(control.counters.evictions) + W::Peek(control.counters.tool_evictions);
  info.wakes = W::Peek(control.counters.wakes);
  info.abandoned = W::Peek(control.counters.abandoned);
  info.payload_bytes = W::Peek(control.counters.bytes);

  SeenEnd seen = LookForEnd(memory, kMostWalked);
  info.damage = std::move(seen.damage);
  const Point end = seen.at;
  info.next_sequence = end.sequence;
  info.next_sequence_exact = seen.exact;
  info.oldest_sequence = view.OldestMark().value_or(end).sequence;
  info.producer = InspectProducer(control, mapped->ring_probe, paths);
  const Activity activity = ActivityOf(control.counters, info.producer);
  Hold hold(activity, view.capacity(), end);
  NewestTime used;
  const absl::StatusOr<bool> durable_group = AddConsumers(info, *mapped, end, view, hold, used);
  if (!durable_group.ok()) return durable_group.status();
  AddActivity(info, activity, hold);
  AddLastMessage(info, control.counters, view, end);
  info.state = StateOf(info);
  AddTraces(used, header, view);
  info.used_ns = used.Of(facts);
  JudgeStale(info, paths, *durable_group, idle_ns, seats);
  return info;
}

}  // namespace millrace::segment
