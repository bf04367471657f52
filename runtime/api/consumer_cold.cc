// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/consumer_cold.h"

#include <algorithm>
#include <limits>
#include <new>

#include "millrace/internal/words.h"
#include "runtime/api/event_signal.h"
#include "runtime/api/park_ops.h"
#include "runtime/api/wait_set_impl.h"
#include "runtime/segment/group.h"
#include "runtime/segment/inspect.h"
#include "runtime/segment/objects.h"

namespace millrace::internal {
namespace {

using W = Words<RealAtomics>;

// Shorter than the longest sleep, so that each such sleep ends with a look (the coarse clock lags).
constexpr int64_t kLookAroundEveryNs = 950'000'000;
constexpr int64_t kLookAroundDuringRemovalNs = 10'000'000;  // poll: the remover may have been killed
constexpr int64_t kProducerLookEveryNs = 10'000'000;        // a look takes two system calls
constexpr int64_t kSpinSliceNs = 50'000;  // Wait::kSpin checks everything else once per slice

}  // namespace

ConsumerHot::ConsumerHot(std::unique_ptr<ConsumerCold> c) : cold(std::move(c)) {
  segment::ConsumerAttachment& a = cold->attached;
  const RingMemory memory = a.memory();
  ConsumerSeat seat;
  if (cold->observer()) {
    seat = {&cold->scratch.seat, &cold->scratch.room_waiting, &cold->scratch.room_epoch, 0, false};
  } else {
    const SeatTable table = a.table();
    seat = {&table.seats[a.seat], &table.control->room_waiting, &table.control->room_epoch, a.live_state,
            cold->lossless()};
  }
  ring.Attach(memory, seat, a.begin.at, a.begin.wanted, cold->options.on_overrun == Overrun::kResumeNewest,
              cold->in_place());
  cold->next_look_around_ns = os::CoarseMonotonicNs() + kLookAroundEveryNs;
  is_group_member = cold->delivery.kind() == Delivery::Kind::kGroup;
  if (is_group_member) {
    cold->group_reader.Attach(memory, a.table(), seat, a.group, cold->options.messages_per_lease,
                              a.begin.at.sequence - a.begin.wanted, !cold->options.copy);
  }
  // A child forked before this finds no hot half. A child forked after it finds a complete one.
  const os::ForkGuard guard;
  cold->hot = this;
}

ConsumerHot::~ConsumerHot() {
  if (cold->wait_set != nullptr) cold->wait_set->Forget(*this);
  if (cold->forked) return;
  if (!cold->observer()) Leave();
  if (cold->signal != nullptr) cold->signal->Leave(cold->attached);
}

void ConsumerHot::Leave() {
  bool wake = !is_group_member && ring.StorePosition();
  if (is_group_member) cold->group_reader.NoteProgress();
  segment::LeaveSeat(cold->attached);
  wake |= is_group_member ? cold->group_reader.OfferRoom() : ring.OfferRoom();
  if (wake) os::FutexWakeAll(&ring.seat().room_epoch->epoch);
}

void ConsumerCold::InForkedChild() noexcept {
  forked = true;
  attached.ring.Abandon();
  attached.seats.Abandon();
  attached.seat_lock.Abandon();
  if (hot == nullptr) return;
  hot->ring.Strand(StrandedConsumerRing(), StrandedSeat());
  if (hot->is_group_member) group_reader.Strand(StrandedConsumerRing(), StrandedSeats(), StrandedSeat());
}

SleeperWords* ConsumerCold::sleepers() const {
  return observer() ? nullptr : &attached.table().control->sleeper;
}

std::byte* ConsumerCold::CopyBuffer(size_t bytes) {
  if (buffer != nullptr && bytes <= buffer_bytes) return reinterpret_cast<std::byte*>(buffer.get());
  constexpr size_t kLeast = 4096;
  const size_t needed = (bytes + 7) & ~size_t{7};
  for (const size_t size : {std::max({needed, buffer_bytes * 2, kLeast}), needed}) {
    auto* const made = new (std::nothrow) uint64_t[size / sizeof(uint64_t)];
    if (made == nullptr) continue;
    buffer.reset(made);
    buffer_bytes = size;
    return reinterpret_cast<std::byte*>(made);
  }
  refused_bytes = needed;
  return nullptr;
}

void ConsumerCold::LookAround() {
  const int64_t now = os::CoarseMonotonicNs();
  // The word is only a hint. Whether the ring still has its name decides.
  const bool removing = W::LoadRemoved(control().room);
  if (now < next_look_around_ns && (!removing || removed_word_checked)) return;
  next_look_around_ns = now + (removing ? kLookAroundDuringRemovalNs : kLookAroundEveryNs);
  removed_word_checked = removing;
  const segment::Fate fate = attached.ring_watch.Look(&attached.ring_probe);
  removed |= fate == segment::Fate::kRemoved;
  cut |= fate == segment::Fate::kCut || hot->ring.Missing(Place());
}

bool ConsumerCold::ProducerGone(uint64_t state) {
  if (!options.report_producer_gone || EpochOf(state) == gone_epoch) return false;
  const int64_t now = os::CoarseMonotonicNs();
  if (now < next_producer_look_ns) return false;
  next_producer_look_ns = now + kProducerLookEveryNs;
  if (!segment::ProducerIsGone(control(), state, attached.ring_probe, attached.paths)) return false;
  // A message in a living member's lease may still reach this member.
  return !(hot->is_group_member && group_reader.OthersHold());
}

int64_t ConsumerCold::LongestSleep() const {
  // No wake reports the death of a member or of a producer. A member's death only matters while other members
  // hold leases.
  const bool others_hold = hot->is_group_member && group_reader.OthersHold();
  const bool must_ask = others_hold || options.report_producer_gone;
  return attached.private_ring && !must_ask ? kPrivateSleepBoundNs : kSleepBoundNs;
}

int64_t ConsumerCold::SleepBound() {
  const int64_t longest = LongestSleep();
  if (!observer()) return longest;
  const uint64_t sequence = hot->ring.at().sequence;
  const int64_t now = os::MonotonicNs();
  if (idle_since_ns == 0 || sequence != idle_at_sequence) {
    idle_at_sequence = sequence;
    idle_since_ns = now;
  }
  return ObserverSleepBound(now - idle_since_ns, longest);
}

void ConsumerHot::StorePosition() noexcept {
  if (ring.StorePosition()) os::FutexWakeAll(&ring.seat().room_epoch->epoch);
}

Read ConsumerCold::ReadCopy(Lent* lent) {
  return hot->ring.NextCopy(lent, [this](size_t bytes) { return CopyBuffer(bytes); });
}

Read ConsumerCold::ReadLosslessCopy(Lent* lent) {
  const Read read = hot->ring.NextSlow(lent);
  if (read != Read::kMessage) return read;
  std::byte* const copy = CopyBuffer(lent->bytes);
  const Read copied = copy == nullptr ? Read::kNoMemory : hot->ring.CopyChecked(*lent, copy);
  if (copied != Read::kMessage) hot->ring.Undeliver(*lent);
  lent->data = copy;
  return copied;
}

bool ConsumerCold::Adopt() {
  bool adopted = false;
  group_reader.ForEachLease([&](uint32_t seat, uint64_t) {
    adopted = segment::AdoptFrom(attached, group_reader, seat) == Adopted::kMine;
    return !adopted;
  });
  return adopted;
}

void ConsumerCold::GiveRoom(bool offer) {
  if (offer && group_reader.OfferRoom()) os::FutexWakeAll(&hot->ring.seat().room_epoch->epoch);
}

Read ConsumerCold::ReadGroup(Handed* handed) {
  const auto copy_buffer = [this](size_t bytes) { return CopyBuffer(bytes); };
  if (!group_reader.Ack()) return Read::kEvicted;
  if (!group_reader.holds_lease() && group_reader.DueToLook()) {
    group_reader.NoteProgress();
    Adopt();
  }
  Read read = group_reader.Next(handed, copy_buffer);
  if (read == Read::kEmpty) {
    group_reader.NoteProgress();
    if (Adopt()) read = group_reader.Next(handed, copy_buffer);
  }
  GiveRoom(read == Read::kMessage ? group_reader.OwesRoom() : true);
  return read;
}

Read ConsumerCold::ReadOne(Lent* lent) {
  if (in_place()) return hot->ring.NextSlow(lent);
  return lossless() ? ReadLosslessCopy(lent) : ReadCopy(lent);
}

Got ConsumerCold::WhyEmpty(uint64_t state) {
  if (!hot->is_group_member && !hot->ring.PositionStored()) hot->StorePosition();
  // A message in a living member's lease may still reach this member.
  if (IsClosed(state) && !options.follow_reopen && !(hot->is_group_member && group_reader.OthersHold())) {
    if (hot->is_group_member && last_why != Got::kClosed)
      os::FutexWakeAll(&control().wake.epoch);  // other members wait for this too; once is enough
    return Got::kClosed;
  }
  if (!removed) LookAround();
  const Got end = removed               ? Got::kRemoved
                  : cut                 ? Got::kDamaged
                  : ProducerGone(state) ? Got::kProducerGone
                                        : Got::kEmpty;
  if (end == Got::kEmpty) return end;
  // A message published between the look at the ring and this check is read first.
  // protocol/consume.md "Other ends".
  if (MessageThere()) {
    next_producer_look_ns = 0;
    return Got::kEmpty;
  }
  if (end == Got::kProducerGone) gone_epoch = EpochOf(state);
  return end;
}

Received ConsumerHot::TryNextSlow() noexcept {
  return cold->signal == nullptr ? Find() : cold->FindAndSettleSignal();
}

Received ConsumerHot::Find() noexcept {
  if (cold->forked) return cold->last_why = Got::kForked;
  if (!is_group_member && ring.OwesPosition()) StorePosition();
  const uint64_t state =
      W::LoadState(cold->control().room);  // before the header: protocol/consume.md "End of a closed ring"
  Lent lent;
  uint32_t deliveries = 1;
  Read read = Read::kEmpty;
  if (is_group_member) {
    Handed handed{};
    read = cold->ReadGroup(&handed);
    lent = handed.lent;
    deliveries = static_cast<uint32_t>(handed.deliveries);
  } else {
    read = cold->ReadOne(&lent);
    // Wait::kSpin is for latency, so it does not pause to raise the producer's throughput.
    if (read == Read::kEmpty && cold->options.wait != Wait::kSpin &&
        cold->drain_pause.After(ring.at(), cold->cpu_sharing.shared()))
      read = cold->ReadOne(&lent);
  }
  if (cold->attached.ring.Faulted() || cold->attached.seats.Faulted())
    read = Read::kDamaged;  // the SIGBUS guard noticed it
  // The member took a message that the caller will not get (SIGBUS guard). Poll and the next call must not
  // acknowledge it.
  if (is_group_member && read != Read::kMessage) cold->group_reader.Undeliver();
  switch (read) {
    case Read::kMessage:
      return ToReceived(lent, deliveries);
    case Read::kEvicted:
      return cold->last_why = Got::kEvicted;
    case Read::kDamaged:
      return cold->last_why = Got::kDamaged;
    case Read::kOvertaken:
      return cold->last_why = Got::kEmpty;
    case Read::kNoMemory:
      return cold->last_why = Got::kNoMemory;
    case Read::kEmpty:
      break;
  }
  cold->last_why = cold->WhyEmpty(state);
  if (cold->last_why == Got::kEmpty && !is_group_member) {
    // A program that polls calls again immediately. Treat it like a spinning Next: prefetch the lines of the
    // next message, and leave a pause between two looks at its header.
    ring.FetchNext();
    CpuPause();
  }
  return cold->last_why;
}

void ConsumerHot::Ack() noexcept {
  if (cold->forked) return;
  if (is_group_member)
    AckHandled();
  else
    StorePosition();
}

// If this member was evicted in the meantime, the next call reports it.
void ConsumerHot::AckHandled() noexcept {
  if (cold->forked || !cold->group_reader.Ack()) return;
  cold->GiveRoom(cold->group_reader.OwesRoom());
}

void ConsumerHot::Undeliver(uint64_t sequence, uint64_t lost) noexcept {
  if (is_group_member)
    cold->group_reader.Undeliver();
  else
    ring.Undeliver({nullptr, 0, sequence, lost});
}

Received ConsumerHot::WrongSize() noexcept { return cold->last_why = Got::kDamaged; }

uint64_t ConsumerCold::Place() const {
  return hot->is_group_member ? group_reader.position() : hot->ring.at().position;
}

bool ConsumerCold::MessageThere() const { return hot->ring.HeaderThereAt(Place()); }

bool ConsumerCold::SomethingThere() const {
  return hot->is_group_member ? group_reader.SomethingThere() : hot->ring.SomethingThere();
}

bool ConsumerCold::MissedWake() const {
  return hot->is_group_member ? group_reader.MissedWake() : hot->ring.MissedWake();
}

void ConsumerCold::CountLateWakeup() {
  hot->ring.CountLateWakeup();
  group_reader.CountLateWakeup();
}

bool ConsumerCold::Pending(uint64_t state) const {
  return SomethingThere() || W::LoadState(control().room) != state || removed ||
         (!removed_word_checked && W::LoadRemoved(control().room)) || !hot->ring.Live();
}

bool ConsumerCold::Spin(int64_t budget_ns, int64_t left_ns, uint64_t state) {
  // Poll the header many times between the slower checks, because a message that arrives during a clock read
  // has to wait [NOTES few-looks]. Poll fewer times if the budget is short or the CPU is shared.
  constexpr int kFewLooks = 32, kManyLooks = 256;
  constexpr int64_t kFewNs = 10'000;
  const int64_t start = os::MonotonicNs();
  const bool yields = options.wait == Wait::kAdaptive;
  const bool few_paid_for = std::min(budget_ns, left_ns) < kFewNs;
  const auto shared = [&] { return yields && cpu_sharing.shared(); };
  const auto there = [this] {
    if (hot->is_group_member) return group_reader.SomethingThere();
    hot->ring.FetchNext();
    return hot->ring.HeaderThere();
  };
  int64_t others = shared() ? cpu_sharing.AfterLooks(kFewLooks) : 0, spent = 0;
  do {
    const int looks = few_paid_for || shared() ? kFewLooks : kManyLooks;
    for (int i = 0; i < looks; ++i) {
      if (there()) return true;
      CpuPause();
    }
    if (Pending(state)) return true;
    if (yields) others += cpu_sharing.AfterLooks(looks);
    spent = os::MonotonicNs() - start;
  } while (spent - others < budget_ns && spent < left_ns &&
           !hot->interrupted.load(std::memory_order_relaxed));
  return false;
}

Parked ConsumerCold::Sleep(int64_t at_most_ns, uint64_t state) {
  waited.control = &control();
  waited.sleepers = sleepers();
  const auto pending = [&] {
    if (Pending(state) || hot->interrupted.load(std::memory_order_relaxed)) return true;
    waited.longest_ns = SleepBound();
    return false;
  };
  const int64_t before = os::MonotonicNs();
  const Parked parked = ParkConsumer<RealAtomics>(waited, FutexOf(hot->interrupted), 0, SystemParkOps(),
                                                  at_most_ns, pending, [&] { return MissedWake(); });
  const int64_t now = os::MonotonicNs();
  if (parked == Parked::kMissed) CountLateWakeup();
  if (parked != Parked::kPending) spin.AfterSleep(now - before);
  // The remover wakes its waiters again when it is done.
  if (parked == Parked::kWoken) removed_word_checked = false;
  return parked;
}

Received ConsumerHot::NextWaiting(int64_t timeout_ns) noexcept {
  if (interrupted.load(std::memory_order_relaxed)) return cold->last_why = Got::kInterrupted;
  Received received = TryNext();
  if (received.why() != Got::kEmpty) return received;
  const int64_t deadline = DeadlineAfter(timeout_ns);
  const Wait wait = cold->options.wait;
  for (bool idle = false;;) {  // after a sleep without a message, spinning would not catch one either
    const int64_t left = deadline - os::MonotonicNs();
    if (left <= 0) return cold->last_why = Got::kTimedOut;
    if (wait != Wait::kPark && !idle) {
      const int64_t budget = wait == Wait::kSpin ? kSpinSliceNs : cold->spin.ns();
      if (cold->Spin(budget, left, W::LoadState(cold->control().room))) {
        // Return immediately, and build the result where the caller wants it: every instruction after the
        // header is latency.
        Lent lent;
        const bool straight = ring.Next(&lent);
        if (wait == Wait::kAdaptive) cold->spin.CaughtIt();
        if (straight) return ToReceived(lent);
        received = TryNextSlow();
        if (received.why() != Got::kEmpty) return received;
      }
    }
    const uint64_t state = W::LoadState(cold->control().room);
    received = TryNext();
    if (received.why() != Got::kEmpty) return received;
    if (interrupted.load(std::memory_order_relaxed)) return cold->last_why = Got::kInterrupted;
    const int64_t left_to_sleep = deadline - os::MonotonicNs();
    if (wait == Wait::kSpin || left_to_sleep <= 0) continue;
    idle = cold->Sleep(left_to_sleep, state) == Parked::kTimedOut;
    received = TryNext();
    if (received.why() != Got::kEmpty) return received;
    if (interrupted.load(std::memory_order_relaxed)) return cold->last_why = Got::kInterrupted;
  }
}

}  // namespace millrace::internal
