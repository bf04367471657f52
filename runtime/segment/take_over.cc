// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/take_over.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "millrace/internal/ring_take_over.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/life_cycle.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"
#include "runtime/segment/text.h"

namespace millrace::segment {
namespace {

using W = internal::Words<internal::RealAtomics>;

absl::Status Differs(const Paths& paths, const std::string& option, const std::string& found,
                     const std::string& wanted) {
  return os::Failure(
      Error::kOptionsDiffer,
      absl::StrCat("open \"", paths.name, "\": it has ", option, " ", found, ", asked for ", wanted,
                   "; leave the option unset to accept it, or remove the ring (shmctl unlink ", paths.name,
                   ")"));
}

absl::Status CheckWanted(const Paths& paths, const RingObject& ring, const RingOptions& wanted) {
  const internal::RingHeader& h = ring.header;
  if (wanted.capacity && *wanted.capacity != h.capacity)
    return Differs(paths, "capacity", absl::StrCat(h.capacity), absl::StrCat(*wanted.capacity));
  if (wanted.max_message && *wanted.max_message != h.max_message)
    return Differs(paths, "maximum message", absl::StrCat(h.max_message), absl::StrCat(*wanted.max_message));
  if (wanted.seats && *wanted.seats != h.seats)
    return Differs(paths, "seats", absl::StrCat(h.seats), absl::StrCat(*wanted.seats));
  if (wanted.schema && *wanted.schema != ring.schema())
    return Differs(paths, "schema", absl::StrCat("\"", ring.schema(), "\""),
                   absl::StrCat("\"", *wanted.schema, "\""));
  return absl::OkStatus();
}

std::string DescribeProducer(RingObject ring, const Paths& paths) {
  const absl::StatusOr<MappedRing> mapped =
      MappedRing::Map(paths, std::move(ring), Extent::kControl, os::Pages::kOnAccess);
  if (!mapped.ok()) return "its producer";
  const internal::ProducerIdentity& who = mapped->memory().control->producer;
  const bool ours = W::Peek(who.pid_namespace) == os::PidNamespace();
  return absl::StrCat("its producer \"", LabelOf(who.label), "\"",
                      ours ? absl::StrCat(" (pid ", W::Peek(who.pid), ")") : " (in another PID namespace)");
}

absl::Status Damaged(const Paths& paths, const std::string& what) {
  return os::Failure(
      Error::kDamaged,
      absl::StrCat("open \"", paths.name, "\": ", what,
                   "; no producer leaves a ring in this state: remove the ring (shmctl unlink ", paths.name,
                   ") and create it again"));
}

// Checks what the predecessor left and begins a new epoch. Requires the life-cycle lock and the producer's
// lock.
absl::StatusOr<ProducerAttachment> Continue(const Paths& paths, RingObject ring, SeatsObject seats,
                                            os::HeldLock producer_lock, const ProducerOptions& options) {
  const os::FileFacts ring_facts = ring.facts, seats_facts = seats.facts;
  absl::StatusOr<MappedRing> mapped =
      MappedRing::Map(paths, std::move(ring), Extent::kWhole, os::Pages::kNow);
  if (!mapped.ok()) return mapped.status();
  if (absl::Status s = mapped->MapSeats(std::move(seats), os::Pages::kNow); !s.ok()) return s;
  ProducerAttachment attached;
  static_cast<MappedRing&>(attached) = *std::move(mapped);
  attached.producer_lock = std::move(producer_lock);
  const internal::RingMemory memory = attached.memory();
  const std::optional<internal::Point> at = internal::FindTakeOverPoint<internal::RealAtomics>(memory);
  if (!at)
    return Damaged(paths, DamageOf(memory).empty() ? "its words contradict each other" : DamageOf(memory));

  if (absl::Status s = attached.OpenSeatsToLock(); !s.ok()) return s;

  // A reader may hold byte 0 of .ring to keep it from us. That is harmless: this lock only shows readers that
  // the producer lives. It does not decide which process is the producer.
  auto alive = os::TryLock(paths.ring, attached.ring_identity, internal::kLockProducer);
  if (!alive.ok()) return alive.status();
  if (alive->has_value()) attached.alive_lock = std::move(**alive);

  attached.asym = os::RegisterForBarriers();
  attached.epoch = BeginEpoch(memory, {*at, attached.asym, !attached.alive_lock.held(), options.label});
  WakeEverybody(*memory.control);
  attached.ring_watch = ObjectWatch(paths, paths.ring, ring_facts, attached.header.file_bytes);
  attached.seats_watch = ObjectWatch(paths, paths.seats, seats_facts, attached.seats_header.file_bytes);
  attached.at = *at;
  return attached;
}

// Sleeps for pause_ns, or until the producer's lock on .ring falls, if it was held at first. If it was not
// held, it gives no information, because a reader may have kept the producer from taking it.
void PauseWhileAlive(long pause_ns, os::LockProbe* probe) {
  constexpr long kStepNs = 100'000;
  const auto held = [probe] { return probe->Ask(internal::kLockProducer) != os::LockState::kFree; };
  const bool tells = held();
  for (long left = pause_ns; left > 0; left -= kStepNs) {
    os::SleepNs(std::min(left, kStepNs));
    if (tells && !held()) return;
  }
}

// Opens a ring for writing. Fails unless it belongs to `owner`. If the kernel refuses to open the ring for
// writing, the error names its owner.
absl::StatusOr<RingObject> OpenTheirs(const Paths& paths, uid_t owner) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/true, CreateIt(paths));
  if (ErrorOf(ring.status()) == Error::kNoPermission) {
    const auto facts = os::FactsOfName(paths.ring);
    return os::Failure(
        Error::kNoPermission,
        absl::StrCat(std::string(ring.status().message()), "; it belongs to ",
                     facts ? absl::StrCat("uid ", facts->uid) : "another user",
                     ": only the user who created \"", paths.name, "\" (or root) can become its producer"));
  }
  if (!ring.ok()) return ring.status();
  if (absl::Status s = CheckOwner("open", paths, paths.ring, ring->fd, ring->facts, owner); !s.ok()) return s;
  return ring;
}

// Makes one attempt. Returns nullopt if the ring's producer lives. `*probe` then queries its lock on .ring
// cheaply, and `*who` describes it.
absl::StatusOr<std::optional<ProducerAttachment>> Try(const Paths& paths, const RingOptions* wanted,
                                                      const ProducerOptions& options, std::string* who,
                                                      os::LockProbe* probe) {
  // Look before taking the life-cycle lock, because that would create .lock for a ring that does not exist.
  const uid_t owner = options.owner.value_or(os::Uid());
  if (absl::StatusOr<RingObject> there = OpenTheirs(paths, owner); !there.ok()) return there.status();
  absl::StatusOr<LifeCycle> life = LifeCycle::Hold(paths, owner);
  if (!life.ok()) return life.status();
  absl::StatusOr<RingObject> ring = OpenTheirs(paths, owner);
  if (!ring.ok()) return ring.status();
  if (wanted != nullptr) {
    if (absl::Status s = CheckWanted(paths, *ring, *wanted); !s.ok()) return s;
  }
  absl::StatusOr<std::optional<os::HeldLock>> lock = life->TryProducer();
  if (!lock.ok()) return lock.status();
  // .lock may have been removed by hand under a living producer. The producer's lock on .ring then still
  // shows it. Only a process that can write the ring can hold that lock exclusively, and Ask does not see a
  // reader's lock.
  *probe = os::LockProbe(paths.ring, ring->facts.identity, os::Fd());
  if (!lock->has_value() || probe->Ask(internal::kLockProducer) == os::LockState::kHeld) {
    if (who->empty()) *who = DescribeProducer(*std::move(ring), paths);
    return std::nullopt;
  }
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring->header);
  if (!seats.ok()) return seats.status();
  if (absl::Status s = CheckOwner("open", paths, paths.seats, seats->fd, seats->facts, owner); !s.ok())
    return s;
  absl::StatusOr<ProducerAttachment> attached =
      Continue(paths, *std::move(ring), *std::move(seats), std::move(**lock), options);
  if (!attached.ok()) return attached.status();
  life->KeepLockFile();
  return *std::move(attached);
}

}  // namespace

absl::StatusOr<ProducerAttachment> TakeOver(const Paths& paths, const RingOptions* wanted,
                                            const ProducerOptions& options) {
  // The kernel frees the lock of a small process soon after its death, so try often at first. If the producer
  // lives longer, back off, and in between poll only with two cheap system calls.
  constexpr long kLongestPauseNs = 1'000'000;
  long pause_ns = 50'000;
  const int64_t start = os::MonotonicNs();
  std::string who;
  os::LockProbe probe;
  for (;;) {
    auto attached = Try(paths, wanted, options, &who, &probe);
    if (!attached.ok()) return attached.status();
    if (attached->has_value()) return std::move(**attached);
    if (os::MonotonicNs() - start >= options.take_over_timeout.count()) {
      return os::Failure(Error::kProducerAlive, absl::StrCat("open \"", paths.name, "\": ", who,
                                                             " is alive; a ring has one producer: stop it, "
                                                             "or use another ring"));
    }
    PauseWhileAlive(pause_ns, &probe);  // We do not hold the life-cycle lock during the pause.
    pause_ns = std::min(pause_ns * 2, kLongestPauseNs);
  }
}

}  // namespace millrace::segment
