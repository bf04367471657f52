// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/attach_consumer.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/os/watch.h"
#include "runtime/segment/group.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"
#include "runtime/segment/start.h"

namespace millrace::segment {
namespace {

using A = internal::RealAtomics;

// Whether another attempt to attach may succeed.
enum class Again : uint8_t {
  kIfReplaced,  // the error decides (WorthAnotherTry)
  kLocked,      // another process holds the locks of the free seats, as a remover does for a moment
  kNever,
};

constexpr int64_t kSeatPatienceNs = 1'000'000'000;  // a remover that is not stopped holds the locks for less

absl::Status Cancelled(const Paths& paths) {
  return os::Failure(Error::kInterrupted, absl::StrCat("open \"", paths.name,
                                                       "\": the program ended the wait for the ring "
                                                       "(ConsumerOptions::cancel_open)"));
}

absl::Status JoinAsMember(ConsumerAttachment& attached, const Delivery& delivery,
                          const ConsumerOptions& options, bool* locked) {
  absl::StatusOr<GroupHold> group = HoldGroup(attached, delivery, options.start);
  if (!group.ok())
    return ErrorOf(group.status()) == Error::kNotFound ? WasReplaced(attached.paths) : group.status();
  absl::Status taken = TakeSeat(attached, delivery, options, &*group, locked);
  if (!taken.ok()) UndoCreation(attached, *group);
  return taken;
}

absl::Status BeginObserving(ConsumerAttachment& attached, const ConsumerOptions& options) {
  const internal::RingMemory memory = attached.memory();
  const Where where = Locate(options.start);
  const auto chosen = internal::ChooseStart(internal::RingView<A>(memory), where.at, where.value, 0);
  if (!chosen) return JoinFailed(attached.paths, chosen.failure, options.start, memory);
  attached.begin = chosen.begin;
  return absl::OkStatus();
}

absl::Status CheckSchema(const Paths& paths, const RingObject& ring, const ConsumerOptions& options) {
  if (!options.schema || *options.schema == ring.schema()) return absl::OkStatus();
  return os::Failure(Error::kSchema,
                     absl::StrCat("open \"", paths.name, "\": its messages are \"", ring.schema(),
                                  "\", this program expects \"", *options.schema,
                                  "\"; build both programs from one schema"));
}

absl::Status NameTheObserver(const Paths& paths, const absl::Status& status) {
  if (ErrorOf(status) != Error::kNoPermission) return status;
  return os::Failure(Error::kNoPermission,
                     absl::StrCat(std::string(status.message()),
                                  "; a consumer with a seat must be able to write ", paths.seats,
                                  ": create the ring with wider access, or use "
                                  "Delivery::Observer(), which needs no seat"));
}

// Makes one attempt to attach. Sets `*again` to kNever if .seats is missing or of another queue although .ring
// keeps its name. Another attempt would then fail in the same way: a remover unlinks .ring first and a creator
// links it last, so neither leaves .ring without its seats.
absl::StatusOr<ConsumerAttachment> Try(const Paths& paths, const Delivery& delivery,
                                       const ConsumerOptions& options, Again* again) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/false, CreateIt(paths));
  if (!ring.ok()) return ring.status();
  if (options.owner) {
    absl::Status s = CheckOwner("open", paths, paths.ring, ring->fd, ring->facts, *options.owner);
    if (!s.ok()) return s;
  }
  if (absl::Status s = CheckSchema(paths, *ring, options); !s.ok()) return s;
  ConsumerAttachment attached;
  attached.ring_watch = ObjectWatch(paths, paths.ring, ring->facts, ring->header.file_bytes);
  attached.private_ring = (ring->facts.mode & 0077) == 0;
  absl::StatusOr<MappedRing> mapped =
      MappedRing::Map(paths, *std::move(ring), Extent::kWhole, os::Pages::kNow);
  if (!mapped.ok()) return mapped.status();
  static_cast<MappedRing&>(attached) = *std::move(mapped);
  if (delivery.kind() == Delivery::Kind::kObserver) {
    if (absl::Status s = BeginObserving(attached, options); !s.ok()) return s;
    return attached;
  }
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, attached.header);
  if (!seats.ok()) {
    if (attached.StillNamed()) *again = Again::kNever;
    return NameTheObserver(paths, seats.status());
  }
  if (options.owner) {
    absl::Status s = CheckOwner("open", paths, paths.seats, seats->fd, seats->facts, *options.owner);
    if (!s.ok()) return s;
  }
  if (absl::Status s = attached.MapSeats(*std::move(seats), os::Pages::kNow); !s.ok()) return s;
  const absl::Status lockable = attached.OpenSeatsToLock();
  if (ErrorOf(lockable) == Error::kNotFound) return WasReplaced(paths);
  if (!lockable.ok()) return lockable;
  bool locked = false;
  absl::Status joined = delivery.kind() == Delivery::Kind::kGroup
                            ? JoinAsMember(attached, delivery, options, &locked)
                            : TakeSeat(attached, delivery, options, nullptr, &locked);
  if (locked) *again = Again::kLocked;
  if (!joined.ok()) return joined;
  return attached;
}

}  // namespace

absl::StatusOr<ConsumerAttachment> AttachConsumer(const Paths& paths, const Delivery& delivery,
                                                  const ConsumerOptions& options) {
  constexpr int kReplacements = 100;  // attempts while the queue is removed and created again and again
  const int64_t start = os::MonotonicNs();
  int64_t locked_since = start;
  std::optional<os::DirectoryWatch> watch;
  for (int replaced = 0;;) {
    Again again = Again::kIfReplaced;
    absl::StatusOr<ConsumerAttachment> attached = Try(paths, delivery, options, &again);
    if (attached.ok()) return attached;
    const int64_t now = os::MonotonicNs(), waited = now - start;
    if (again != Again::kLocked) locked_since = now;
    const bool locked = again == Again::kLocked && now - locked_since < kSeatPatienceNs;
    const bool may_wait =
        ErrorOf(attached.status()) == Error::kNotFound && options.open_timeout > Nanos::zero();
    if ((may_wait || locked || WorthAnotherTry(attached.status())) && options.cancel_open &&
        options.cancel_open())
      return Cancelled(paths);
    if (ErrorOf(attached.status()) == Error::kNotFound && waited < options.open_timeout.count()) {
      if (!watch) {
        // Look again before waiting: the ring may have appeared before the watch began.
        watch.emplace(paths.directory, std::string(paths.name).append(kRingSuffix));
      } else {
        watch->Wait(options.open_timeout.count() - waited);
      }
    } else if (!locked && (again == Again::kNever || !WorthAnotherTry(attached.status()) ||
                           ++replaced > kReplacements)) {
      return attached;
    } else {
      os::SleepNs(1'000'000);  // Another process is removing or replacing the queue.
    }
  }
}

}  // namespace millrace::segment
