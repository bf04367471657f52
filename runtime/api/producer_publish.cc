// SPDX-License-Identifier: Apache-2.0
// Publishing when the straight path refuses.
//
// A function XSlow is the slow half of the public call X. Each one gets its room from FindRoom, which never
// waits, or from AwaitRoom or AwaitRoomInBatch, which wait as ProducerOptions::on_full says.
// protocol/publish.md "Publish", protocol/room.md "Making room"
#include <algorithm>
#include <cassert>

#include "millrace/internal/parking.h"
#include "millrace/internal/words.h"
#include "millrace/producer.h"
#include "runtime/api/park_ops.h"
#include "runtime/api/producer_cold.h"

namespace millrace {
namespace internal {
namespace {

using W = Words<RealAtomics>;

}  // namespace

// ---- room ------------------------------------------------------------------------------------------------

std::byte* ProducerHot::FindRoom(size_t n, Sent* why) noexcept {
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

// Polls for room before sleeping. Consumers that keep reading free a chunk or two at a time; while they do,
// the producer need not sleep, and they need no system call to wake it.
bool ProducerCold::SpinForRoom(ProducerHot& c, int64_t budget_ns, size_t n, std::byte** data, Sent* why) {
  constexpr int kPausesPerLook = 8;
  const int64_t end = os::MonotonicNs() + budget_ns;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) CpuPause();
    *data = c.FindRoom(n, why);
    if (*data != nullptr || *why != Sent::kFull) {
      spin.CaughtIt();
      return true;
    }
  } while (os::MonotonicNs() < end && !c.interrupted.load(std::memory_order_relaxed));
  return false;
}

std::byte* ProducerHot::AwaitRoom(size_t n, int64_t timeout_ns, Sent* why) noexcept {
  if (interrupted.load(std::memory_order_relaxed)) {
    *why = Sent::kInterrupted;
    return nullptr;
  }
  if (ring.Allows(n) && ring.Fits(n)) {
    *why = Sent::kOk;
    return ring.Place();
  }
  std::byte* data = FindRoom(n, why);
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
    cold->LookAtNames(now, NameWatch::kFullNs);
    if (cold->EvictSlowest(*this, now)) {
      data = FindRoom(n, why);
      if (data != nullptr || *why != Sent::kFull) break;
    }
    if (cold->SpinForRoom(*this, std::min(cold->spin.ns(), deadline - now), n, &data, why)) break;
    const int64_t before = os::MonotonicNs();
    ParkProducer<RealAtomics>(*ring.seats().control, SystemParkOps(), now - start, deadline - now, [&] {
      data = FindRoom(n, why);
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

std::byte* ProducerHot::AwaitRoomInBatch(size_t n, int64_t timeout_ns, bool in_parts, Sent* why) noexcept {
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
  std::byte* const data = FindRoom(n, why);
  if (data != nullptr || *why != Sent::kFull) return data;
  if (in_parts && ring.batched() != 0) publish_part();  // consumers need not wait for room too
  return timeout_ns <= 0 ? nullptr : AwaitRoom(n, timeout_ns, why);
}

// ---- the slow halves of public calls ---------------------------------------------------------------------

ProducerHot::Claimed ProducerHot::TryClaimSlow(size_t n) noexcept {
  CommitOpenBatch();
  Claimed claimed{};
  claimed.data = FindRoom(n, &claimed.why);
  return claimed;
}

Sent ProducerHot::TryPublishSlow(const void* message, size_t n) noexcept {
  const Claimed claimed = TryClaimSlow(n);
  if (claimed.data == nullptr) return claimed.why;
  RealAtomics::CopyIn(claimed.data, message, n);
  Commit(n);
  return Sent::kOk;
}

Sent ProducerHot::AddToBatchSlow(const void* message, size_t n, int64_t timeout_ns, bool in_parts) noexcept {
  Sent why = Sent::kOk;
  std::byte* const data = AwaitRoomInBatch(n, timeout_ns, in_parts, &why);
  if (data == nullptr) return why;
  RealAtomics::CopyIn(data, message, n);
  ring.AddToBatch(n);
  return Sent::kOk;
}

Sent ProducerHot::WhyNoBatch() const noexcept {
  if (cold->forked) return Sent::kForked;
  return cold->closed ? Sent::kClosed : Sent::kBadArgument;
}

void ProducerHot::Wake() noexcept {
  // For operators. Read the clock only where a system call was made anyway.
  if (cold->WakeSleepers(*this))
    W::Note(ring.control().counters.last_wake, MakeLastWake(os::WallNs(), ring.sequence()));
  if (ring.PrepareNext()) cold->FlushCounters(*this);
}

}  // namespace internal

Claim Producer::WaitClaimSlow(size_t n, Nanos timeout) {
  assert(!hot_->ring.batch_open());
  Sent why = Sent::kOk;
  hot_->CommitOpenBatch();
  std::byte* const data = hot_->AwaitRoom(n, timeout.count(), &why);
  if (data == nullptr) return Claim(nullptr, nullptr, 0, why);
  return Claim(hot_.get(), data, n, why);
}

Sent Producer::PublishSlow(std::span<const std::byte> message, Nanos timeout) {
  assert(!hot_->ring.batch_open());
  Sent why = Sent::kOk;
  hot_->CommitOpenBatch();
  std::byte* const data = hot_->AwaitRoom(message.size(), timeout.count(), &why);
  if (data == nullptr) return why;
  internal::RealAtomics::CopyIn(data, message.data(), message.size());
  hot_->Commit(message.size());
  return Sent::kOk;
}

}  // namespace millrace
