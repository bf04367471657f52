// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/consumer_cold.h"

#include "millrace/internal/words.h"
#include "runtime/api/event_signal.h"
#include "runtime/api/park_ops.h"
#include "runtime/api/wait_set_impl.h"
#include "runtime/segment/inspect.h"
#include "runtime/segment/objects.h"

namespace millrace::internal {
namespace {

using W = Words<RealAtomics>;

constexpr int64_t kProducerLookEveryNs = 10'000'000;  // a look takes two system calls

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
  is_group_member = cold->in_group();
  cold->reader = Reader::Make(*this);
  // A child forked before this finds no hot half. A child forked after it finds a complete one.
  const os::ForkGuard guard;
  cold->hot = this;
}

ConsumerHot::~ConsumerHot() {
  if (cold->wait_set != nullptr) cold->wait_set->Forget(*this);
  if (cold->forked) return;
  if (!cold->observer()) cold->Leave();
  if (cold->signal != nullptr) cold->signal->Leave(cold->attached);
}

void ConsumerCold::InForkedChild() noexcept {
  forked = true;
  attached.ring.Abandon();
  attached.seats.Abandon();
  attached.seat_lock.Abandon();
  if (hot == nullptr) return;
  hot->ring.Strand(StrandedConsumerRing(), StrandedSeat());
  reader->Strand();
}

void ConsumerCold::Leave() {
  bool wake = reader->StoreLast();
  segment::LeaveSeat(attached);
  wake |= reader->OfferRoom();
  if (wake) os::FutexWakeAll(&hot->ring.seat().room_epoch->epoch);
}

SleeperWords* ConsumerCold::sleepers() const {
  return observer() ? nullptr : &attached.table().control->sleeper;
}

void ConsumerCold::LookAround() {
  const bool removing = W::LoadRemoved(control().room);
  const int64_t period = !removing ? NameWatch::kIdleNs : removed_word_checked ? NameWatch::kRemovingNs : 0;
  if (!name_watch.Due(os::CoarseMonotonicNs(), period)) return;
  removed_word_checked = removing;
  const segment::Fate fate = attached.ring_watch.Look(&attached.ring_probe);
  removed |= fate == segment::Fate::kRemoved;
  cut |= fate == segment::Fate::kCut || hot->ring.Missing(reader->position());
}

bool ConsumerCold::ProducerGone(uint64_t state) {
  if (!options.report_producer_gone || EpochOf(state) == gone_epoch) return false;
  const int64_t now = os::CoarseMonotonicNs();
  if (now < next_producer_look_ns) return false;
  next_producer_look_ns = now + kProducerLookEveryNs;
  if (!segment::ProducerIsGone(control(), state, attached.ring_probe, attached.paths)) return false;
  // A message in a living member's lease may still reach this member.
  return !reader->OthersHold();
}

Received ConsumerCold::Find() {
  if (forked) return last_why = Got::kForked;
  reader->GiveBackIfDue();
  const uint64_t state =
      W::LoadState(control().room);  // before the header: protocol/consume.md "End of a closed ring"
  Handed handed{};
  Read read = reader->Next(&handed);
  if (attached.ring.Faulted() || attached.seats.Faulted())
    read = Read::kDamaged;  // the SIGBUS guard noticed it
  if (read == Read::kMessage)
    return ConsumerHot::ToReceived(handed.lent, static_cast<uint32_t>(handed.deliveries));
  reader->HandedNothing();
  switch (read) {
    case Read::kEvicted:
      return last_why = Got::kEvicted;
    case Read::kDamaged:
      return last_why = Got::kDamaged;
    case Read::kOvertaken:
      return last_why = Got::kEmpty;
    case Read::kNoMemory:
      return last_why = Got::kNoMemory;
    case Read::kMessage:
    case Read::kEmpty:
      break;
  }
  last_why = WhyEmpty(state);
  if (last_why == Got::kEmpty) reader->PaceEmptyLook();
  return last_why;
}

Got ConsumerCold::WhyEmpty(uint64_t state) {
  reader->GiveBackAll();
  // A message in a living member's lease may still reach this member.
  if (IsClosed(state) && !options.follow_reopen && !reader->OthersHold()) {
    if (in_group() && last_why != Got::kClosed)
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
  if (hot->ring.HeaderThereAt(reader->position())) {
    next_producer_look_ns = 0;
    return Got::kEmpty;
  }
  if (end == Got::kProducerGone) gone_epoch = EpochOf(state);
  return end;
}

Received ConsumerHot::TryNextSlow() noexcept {
  return cold->signal == nullptr ? cold->Find() : cold->FindAndSettleSignal();
}

void ConsumerHot::Ack() noexcept {
  if (!cold->forked) cold->reader->Ack();
}

void ConsumerHot::AckHandled() noexcept {
  if (!cold->forked) cold->reader->AckHandled();
}

void ConsumerHot::Undeliver(uint64_t sequence, uint64_t lost) noexcept {
  cold->reader->Undeliver({nullptr, 0, sequence, lost});
}

Received ConsumerHot::WrongSize() noexcept { return cold->last_why = Got::kDamaged; }

}  // namespace millrace::internal
