// SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/api/consumer_cold.h"
#include "runtime/api/park_ops.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/attach_consumer.h"
#include "runtime/segment/inspect.h"
#include "runtime/segment/objects.h"
#include "runtime/segment/options_check.h"
#include "runtime/segment/start.h"

namespace millrace {
namespace {

using internal::Ahead;
using internal::ConsumerCold;
using internal::ConsumerHot;
using internal::Point;
using internal::StartAt;
using W = internal::Words<internal::RealAtomics>;

std::string WhoEvicted(const internal::SeatIdentity& seat) {
  const uint64_t state = W::LoadStateForReason(seat);
  std::string by = "another process";
  if (internal::ByOf(state) == internal::EvictedBy::kProducer) by = "the producer";
  if (internal::ByOf(state) == internal::EvictedBy::kTool) by = "an operator (shmctl evict)";
  std::string why = "its seat was given to another consumer";
  switch (internal::WhyOf(state)) {
    case internal::EvictedWhy::kHeldBack:
      why = "it had held the producer back for too long";
      break;
    case internal::EvictedWhy::kNonsense:
      why = "its position was out of range (its seat was overwritten)";
      break;
    case internal::EvictedWhy::kRequest:
      why = "on request";
      break;
    case internal::EvictedWhy::kNone:
      break;
  }
  if (internal::PhaseOf(state) == internal::SeatPhase::kLive) return "evicted: its group was removed";
  return absl::StrCat("evicted by ", by, " at sequence ", W::Peek(seat.evicted_sequence), ": ", why,
                      "; open the ring again to continue");
}

// Returns the place of this consumer, or of its group.
Point Here(const ConsumerCold& cold) {
  return cold.hot->is_group_member ? cold.group_reader.at() : cold.hot->ring.at();
}

// Returns true if the producer has overwritten the place of a lossless consumer.
bool Overwritten(const ConsumerCold& cold, Point here) {
  return cold.lossless() && !cold.hot->ring.Intact(here.position) && !cold.attached.ring.Faulted();
}

absl::Status Explain(const ConsumerCold& cold) {
  const std::string ring = absl::StrCat("\"", cold.attached.paths.name, "\": ");
  const internal::RingConsumer<internal::RealAtomics>& reader = cold.hot->ring;
  switch (cold.last_why) {
    case Got::kMessage:
    case Got::kEmpty:
    case Got::kTimedOut:
      return absl::OkStatus();
    case Got::kClosed:
      return os::Failure(Error::kClosed, ring + "the producer closed it and everything was read");
    case Got::kEvicted:
      return os::Failure(Error::kEvicted, ring + WhoEvicted(reader.seat().seat->identity));
    case Got::kRemoved:
      return os::Failure(Error::kRemoved,
                         ring + "it was removed (shmctl unlink, rm, or systemd's RemoveIPC at logout)");
    case Got::kDamaged: {
      if (cold.cut) {
        return os::Failure(Error::kDamaged,
                           absl::StrCat(ring,
                                        "its file has lost bytes: it was truncated, or a hole was punched "
                                        "into it; remove it (shmctl unlink) and create it again"));
      }
      const Point here = Here(cold);
      const std::string what =
          Overwritten(cold, here)
              ? absl::StrCat(
                    "message ", here.sequence,
                    " was overwritten although this consumer's seat protects it: another process has "
                    "written into ",
                    cold.attached.paths.seats,
                    "; give write access only to users that you trust (Access), and open the ring again")
              : absl::StrCat("no valid frame at position ", here.position, ", where message ", here.sequence,
                             " should begin; open it again with Start::End(), or remove it "
                             "(shmctl unlink) and create it again");
      return os::Failure(Error::kDamaged, ring + what);
    }
    case Got::kInterrupted:
      return os::Failure(Error::kInterrupted, ring + "Interrupt() was called on this consumer");
    case Got::kForked:
      return os::Failure(Error::kForked,
                         ring + "this consumer belongs to the parent process; open one in the child");
    case Got::kProducerGone:
      return os::Failure(Error::kProducerGone,
                         ring +
                             "its producer ended without closing it, and everything was read; the next "
                             "producer continues the same ring");
    case Got::kNoMemory:
      return os::Failure(Error::kNoMemory,
                         absl::StrCat(ring, "no memory for a copy of the next message (", cold.refused_bytes,
                                      " bytes); the message is not lost: free memory or raise the process's "
                                      "limit (ulimit -v), and call again"));
  }
  return absl::OkStatus();
}

absl::Status CannotSkip(const ConsumerCold& cold, Error error, const std::string& why) {
  return os::Failure(error, absl::StrCat("SkipTo on \"", cold.attached.paths.name, "\": ", why));
}

}  // namespace

Consumer::Consumer(std::unique_ptr<ConsumerHot> hot) : hot_(std::move(hot)) {}
Consumer::Consumer(Consumer&&) noexcept = default;
Consumer& Consumer::operator=(Consumer&&) noexcept = default;
Consumer::~Consumer() = default;

absl::StatusOr<Consumer> Consumer::Open(std::string_view name, const Delivery& delivery,
                                        const ConsumerOptions& options) {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(options.directory, name);
  if (!paths.ok()) return paths.status();
  if (absl::Status s = segment::CheckConsumerOptions(delivery, options); !s.ok()) return s;
  absl::StatusOr<segment::ConsumerAttachment> attached = segment::AttachConsumer(*paths, delivery, options);
  if (!attached.ok()) return attached.status();
  return Consumer(
      std::make_unique<ConsumerHot>(std::make_unique<ConsumerCold>(*std::move(attached), delivery, options)));
}

bool Consumer::StillIntact() const noexcept {
  const ConsumerCold& cold = *hot_->cold;
  if (cold.forked) return false;
  if (cold.HandsOutCopies()) return hot_->is_group_member ? cold.group_reader.InHand() : hot_->ring.InHand();
  const bool intact = hot_->is_group_member ? cold.group_reader.StillIntact() : hot_->ring.StillIntact();
  return intact && !cold.attached.ring.Faulted();
}

absl::Status Consumer::SkipTo(Start start) {
  ConsumerCold& cold = *hot_->cold;
  if (cold.forked) return CannotSkip(cold, Error::kForked, "this consumer belongs to the parent process");
  if (hot_->is_group_member) {
    return CannotSkip(cold, Error::kBadArgument,
                      absl::StrCat("the members of group \"", cold.delivery.group(),
                                   "\" share one position; use a consumer that is in no group"));
  }
  auto& ring = hot_->ring;
  const segment::Where where = segment::Locate(start);
  const std::optional<Point> end = ring.End(ring.at());
  if (!end) return CannotSkip(cold, Error::kDamaged, segment::DamageOf(cold.attached.memory()));
  const Point here = ring.at();
  uint64_t wanted = end->sequence;
  std::optional<Point> to = end;
  if (where.at == StartAt::kOldest) return absl::OkStatus();
  if (where.at == StartAt::kTime) {
    to = ring.MarkBefore(where.value);
    if (!to) return absl::OkStatus();  // like Oldest
    wanted = to->sequence;
  }
  if (where.at == StartAt::kLast) {
    if (where.value >= end->sequence - here.sequence) return absl::OkStatus();
    wanted = end->sequence - where.value;
  }
  if (where.at == StartAt::kSequence) {
    wanted = where.value;
    if (internal::NotYetPublished(wanted, end->sequence)) {
      return CannotSkip(
          cold, Error::kBadArgument,
          absl::StrCat("sequence ", wanted, " is not published yet (next is ", end->sequence, ")"));
    }
    if (Ahead(wanted, here.sequence) < 0) {
      return CannotSkip(cold, Error::kBadArgument,
                        absl::StrCat("sequence ", wanted, " is below this consumer's position (next is ",
                                     here.sequence, "); open another consumer to read it"));
    }
  }
  if (Ahead(wanted, here.sequence) <= 0) return absl::OkStatus();
  if (wanted != to->sequence) to = ring.Find(wanted);
  // No mark below it: from `here` on every message is protected or counted.
  if (!to) to = ring.Walk(here, wanted);
  if (!to || Ahead(to->sequence, here.sequence) < 0) to = end;
  ring.SkipTo(*to);
  hot_->StorePosition();
  return absl::OkStatus();
}

absl::StatusOr<int> Consumer::EventFd() { return hot_->cold->EventFd(); }

ProducerInfo Consumer::producer() const {
  ConsumerCold& cold = *hot_->cold;
  if (cold.forked) return {};
  return segment::InspectProducer(cold.control(), cold.attached.ring_probe, cold.attached.paths);
}

absl::Status Consumer::status() const { return Explain(*hot_->cold); }

ConsumerStats Consumer::stats() const {
  const ConsumerCold& cold = *hot_->cold;
  const internal::ConsumerCounts counts =
      hot_->is_group_member ? cold.group_reader.counts() : hot_->ring.counts();
  const Point here = Here(cold);
  const Point end = hot_->ring.End(here).value_or(here);
  const int64_t messages = Ahead(end.sequence, here.sequence);
  const int64_t bytes = Ahead(end.position, here.position);
  const auto behind = [](int64_t n) { return static_cast<uint64_t>(n > 0 ? n : 0); };
  return {hot_->ring.start(), counts.received, counts.lost,
          counts.overruns,    counts.skipped,  counts.late_wakeups + hot_->cold->LateRaises(),
          behind(messages),   behind(bytes)};
}

uint64_t Consumer::next_sequence() const { return Here(*hot_->cold).sequence; }

void Consumer::Interrupt() noexcept {
  hot_->interrupted.store(1, std::memory_order_release);
  os::FutexWakeAll(internal::FutexOf(hot_->interrupted));
  internal::CallWaitSets();  // a wait set may be waiting for this consumer
}

}  // namespace millrace
