// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/event_signal.h"

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/api/event_thread.h"
#include "runtime/api/park_ops.h"
#include "runtime/os/failure.h"
#include "runtime/os/guard.h"
#include "runtime/segment/inspect.h"
#include "runtime/segment/objects.h"

namespace millrace::internal {
namespace {

using W = Words<RealAtomics>;

constexpr int64_t kSignalLookAroundEveryNs = 950'000'000;  // each of the longest sleeps ends with a look

}  // namespace

EventSignal::EventSignal(const ConsumerCold& cold, os::EventFd fd)
    : view_(cold.attached.memory()),
      sleepers_(cold.sleepers()),
      is_group_member_(cold.hot->is_group_member),
      seat_(cold.observer() ? nullptr : &cold.hot->ring.seat().seat->identity),
      live_state_(cold.attached.live_state),
      watch_(cold.attached.ring_watch),
      ring_guarded_(cold.attached.ring.guarded()),
      seats_guarded_(cold.attached.seats.guarded()),
      fd_(std::move(fd)),
      first_epoch_(W::LoadWakeEpoch(view_.control().wake)),
      bound_ns_(cold.attached.private_ring ? kPrivateSleepBoundNs : kSleepBoundNs),
      last_look_around_ns_(os::MonotonicNs()),
      paths_(cold.attached.paths),
      producer_(paths_.ring, cold.attached.ring_identity, os::Fd()),
      reports_producer_gone_(cold.options.report_producer_gone) {}

bool EventSignal::Raise() {
  if (armed_.exchange(0, std::memory_order_acq_rel) == 0) return false;
  fd_.Raise();
  return true;
}

void EventSignal::Arm(const ConsumerCold& cold, uint64_t state) {
  // Clear first. If the descriptor was raised for something that this consumer has not seen, the look below
  // finds it. If the signal is still armed, the descriptor was not raised yet.
  fd_.Clear();
  gone_epoch_.store(cold.gone_epoch, std::memory_order_relaxed);
  if (Armed()) return;
  const uint64_t round = (round_.load(std::memory_order_relaxed) | 1) + 1;  // even: no snapshot
  round_.store(round, std::memory_order_release);
  // Before W2, so that a producer that answers the announcement finds the signal armed.
  armed_.store(1, std::memory_order_release);
  WaitedRing ring{&control(), sleepers_};
  // Also checks look_around_: if the event thread raised the descriptor for that, fd_.Clear() above has
  // cleared it.
  const auto pending = [&](size_t) {
    if (cold.Pending(state) || look_around_.load(std::memory_order_acquire)) return true;
    ring.longest_ns = cold.LongestSleep();
    return false;
  };
  if (!AnnounceAndLook<RealAtomics>(&ring, 1, SystemParkOps(), pending)) {
    Raise();
    return;
  }
  const int64_t now = os::MonotonicNs();
  bound_ns_.store(ring.bound_ns, std::memory_order_relaxed);
  armed_since_ns_.store(now, std::memory_order_relaxed);
  thread_->LookWithin(now + bound_ns(now));
  const std::optional<Point> end = FindEnd(cold, state);
  if (pending(0)) {  // the signal need not wait for a wake
    Raise();
    return;
  }
  if (!end) return;
  std::atomic_thread_fence(std::memory_order_release);  // the even round before the new contents
  snapshot_.position.store(end->position, std::memory_order_relaxed);
  snapshot_.sequence.store(end->sequence, std::memory_order_relaxed);
  snapshot_.state.store(state, std::memory_order_relaxed);
  snapshot_.flags.store(ring.flags, std::memory_order_relaxed);
  snapshot_.certain.store(ring.certain, std::memory_order_relaxed);
  round_.store(round + 1, std::memory_order_release);
}

// Returns where everything published ends. Returns nullopt if more arrives during the search, or if the ring
// is damaged.
std::optional<Point> EventSignal::FindEnd(const ConsumerCold& cold, uint64_t state) const {
  std::optional<Point> at = view_.Tail();
  for (uint64_t i = 0; at && i <= view_.capacity() / kFrameHeader && !cold.Pending(state); ++i) {
    const Frame frame = view_.Judge(W::LoadHeader(view_.HeaderAt(at->position)), at->position, at->sequence);
    if (frame.kind == FrameKind::kNothing) return at;
    if (frame.kind == FrameKind::kDamaged || !view_.Intact(at->position)) break;
    at = Point{frame.next, at->sequence + (frame.kind == FrameKind::kMessage ? 1 : 0)};
  }
  return std::nullopt;
}

void EventSignal::Leave(segment::ConsumerAttachment& attached) {
  ring_ = std::move(attached.ring);
  seats_ = std::move(attached.seats);
  thread_->Remove(*this);
}

int64_t EventSignal::bound_ns(int64_t now_ns) const {
  const int64_t longest = bound_ns_.load(std::memory_order_relaxed);
  if (sleepers_ != nullptr) return longest;
  return ObserverSleepBound(now_ns - armed_since_ns_.load(std::memory_order_relaxed), longest);
}

uint32_t EventSignal::RaiseIfMoved(uint32_t seen) {
  const uint32_t now = W::LoadWakeEpoch(control().wake);
  if (now != seen) Raise();
  return now;
}

void EventSignal::LookOver(uint32_t seen, int64_t now_ns) {
  if (!Armed()) return;
  const uint64_t round = round_.load(std::memory_order_acquire);
  if ((round & 1) != 0) {
    const Point end{snapshot_.position.load(std::memory_order_relaxed),
                    snapshot_.sequence.load(std::memory_order_relaxed)};
    const uint64_t state = snapshot_.state.load(std::memory_order_relaxed);
    WaitedRing ring{.control = &control(),
                    .sleepers = sleepers_,
                    .epoch = seen,
                    .flags = snapshot_.flags.load(std::memory_order_relaxed)};
    ring.certain = snapshot_.certain.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (round_.load(std::memory_order_relaxed) != round)
      return;  // the signal was armed again during this read
    if (view_.SomethingAt(end.position) || W::LoadState(control().room) != state ||
        (seat_ != nullptr && W::LoadOwnState(*seat_) != live_state_)) {
      const bool missed = WakeWasMissed<RealAtomics>(
          ring, [&] { return view_.SecondPublication(end.position, end.sequence); });
      if (missed && Armed() && round_.load(std::memory_order_acquire) == round)
        late_.fetch_add(1, std::memory_order_relaxed);
      Raise();
      return;
    }
  } else if (sleepers_ == nullptr) {
    Raise();  // no wake arrives for an observer, and without a snapshot there is no place to look at
    return;
  }
  // The file was truncated, as the looks above have found. No wake will arrive from it.
  if (os::Faulted(ring_guarded_) || os::Faulted(seats_guarded_)) {
    Raise();
    return;
  }
  // No wake reports a member's death, and a group ends when its last message is acknowledged. So this member
  // must check.
  const uint64_t now = W::LoadState(control().room);
  if (is_group_member_ && IsClosed(now)) {
    Raise();
    return;
  }
  if (reports_producer_gone_ && EpochOf(now) != gone_epoch_.load(std::memory_order_relaxed) &&
      segment::ProducerIsGone(control(), now, producer_, paths_)) {
    look_around_.store(true, std::memory_order_release);
    Raise();
  }
  if (now_ns - last_look_around_ns_ < kSignalLookAroundEveryNs) return;
  last_look_around_ns_ = now_ns;
  const bool changed = watch_.Look(nullptr) != segment::Fate::kWhole;
  if (changed) look_around_.store(true, std::memory_order_release);
  if (changed || is_group_member_) Raise();
}

absl::StatusOr<int> ConsumerCold::EventFd() {
  const std::string what = absl::StrCat("EventFd of \"", attached.paths.name, "\"");
  if (forked) {
    return os::Failure(Error::kForked,
                       what + ": this consumer belongs to the parent process; open one in the child");
  }
  if (signal == nullptr) {
    absl::StatusOr<os::EventFd> fd = os::EventFd::Create(what);
    if (!fd.ok()) return fd.status();
    auto made = std::make_shared<EventSignal>(*this, *std::move(fd));
    if (absl::Status s = EventThread::Add(made, what.c_str()); !s.ok()) return s;
    signal = std::move(made);
    // No wake follows an end that is already there.
    const uint64_t state = W::LoadState(control().room);
    signal->Arm(*this, IsClosed(state) ? ~state : state);
  }
  return signal->fd().Mirror(what);
}

uint64_t ConsumerCold::LateRaises() const { return signal == nullptr ? 0 : signal->late(); }

Received ConsumerCold::FindAndSettleSignal() {
  if (forked) return hot->Find();
  if (!signal->Armed()) removed_word_checked = false;  // the remover wakes its waiters again when it is done
  if (signal->TakeLookAround()) next_look_around_ns = next_producer_look_ns = 0;
  for (uint64_t late = signal->TakeLate(); late > 0; --late) CountLateWakeup();
  const uint64_t state = W::LoadState(control().room);
  const Received received = hot->Find();
  if (received.why() == Got::kEmpty) {
    signal->Arm(*this, state);
  } else if (!received) {
    signal->Raise();
  }
  return received;
}

}  // namespace millrace::internal
