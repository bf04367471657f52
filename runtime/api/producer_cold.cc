// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/producer_cold.h"

#include "millrace/internal/words.h"
#include "runtime/api/stranded.h"
#include "runtime/os/park.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/objects.h"

namespace millrace::internal {
namespace {

using W = Words<RealAtomics>;

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

void ProducerCold::LookAtNames(int64_t now_ns, int64_t period_ns) {
  if (removed || !name_watch.Due(now_ns, period_ns)) return;
  removed = attached.ring_watch.Look(&attached.ring_probe) == segment::Fate::kRemoved ||
            attached.seats_watch.Look(&attached.seats_probe) == segment::Fate::kRemoved;
}

Sent ProducerCold::Refusal(const ProducerHot& c) {
  if (forked) return Sent::kForked;
  if (closed) return Sent::kClosed;
  if (!removed && W::LoadRemoved(c.ring.control().room))
    LookAtNames(os::MonotonicNs(), NameWatch::kRemovingProducerNs);
  if (attached.ring.Faulted() || attached.seats.Faulted())
    removed = true;  // truncated, as the SIGBUS guard noticed
  return removed ? Sent::kRemoved : Sent::kOk;
}

}  // namespace millrace::internal
