// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/create.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/os/failure.h"
#include "runtime/os/limits.h"
#include "runtime/os/new_file.h"
#include "runtime/os/park.h"
#include "runtime/os/random.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/life_cycle.h"
#include "runtime/segment/mapped_ring.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using W = internal::Words<internal::RealAtomics>;

// Both objects of a queue, complete and mapped, except that they have no names yet.
struct Unnamed {
  os::NewFile ring_file, seats_file;
  MappedRing mapped;  // without its lock probes
};

// Creates one object and allocates its memory. `*memory` is what the cgroup still allows; `bytes` are
// subtracted.
absl::StatusOr<os::NewFile> NewObject(const Paths& paths, mode_t mode, const Access& access, uint64_t bytes,
                                      std::optional<os::MemoryLimit>* memory) {
  absl::StatusOr<os::NewFile> file = os::NewFile::Create(paths.directory, mode, access.group);
  if (!file.ok()) return file.status();
  const absl::Status reserved = os::Reserve(file->fd().get(), bytes, paths.directory,
                                            absl::StrCat("create \"", paths.name, "\""), *memory);
  if (!reserved.ok()) return reserved;
  if (*memory) (*memory)->available_bytes -= std::min((*memory)->available_bytes, bytes);
  return file;
}

internal::RingHeader RingHeaderOf(const RingPlan& plan, const uint8_t (&incarnation)[16]) {
  internal::RingHeader header{};
  std::memcpy(header.magic, internal::kRingMagic, sizeof header.magic);
  header.layout_major = internal::kLayoutMajor;
  header.layout_minor = internal::kLayoutMinor;
  header.file_bytes = internal::RingFileBytes(plan.capacity);
  header.data_offset = internal::kRingDataOffset;
  header.capacity = plan.capacity;
  header.max_message = plan.max_message;
  header.created_ns = os::WallNs();
  std::memcpy(header.incarnation, incarnation, sizeof incarnation);
  header.seats = plan.seats;
  header.groups = internal::kGroups;
  header.schema_bytes = static_cast<uint32_t>(plan.schema.size());
  std::memcpy(header.schema, plan.schema.data(), plan.schema.size());
  return header;
}

internal::SeatsHeader SeatsHeaderOf(const RingPlan& plan, const uint8_t (&incarnation)[16]) {
  internal::SeatsHeader header{};
  std::memcpy(header.magic, internal::kSeatsMagic, sizeof header.magic);
  header.layout_major = internal::kLayoutMajor;
  header.layout_minor = internal::kLayoutMinor;
  header.file_bytes = internal::SeatsFileBytes(plan.seats);
  header.seats_offset = internal::kSeatsOffset;
  std::memcpy(header.incarnation, incarnation, sizeof incarnation);
  header.seats = plan.seats;
  header.groups = internal::kGroups;
  return header;
}

void FillRing(const MappedRing& made, const RingPlan& plan) {
  std::memcpy(made.ring.data(), &made.header, sizeof made.header);
  internal::RingControl& control = *made.memory().control;
  control.room.intent = control.room.reserved = plan.start.position;
  control.room.attributes = plan.keep ? internal::kAttributeKeep : 0;
  control.tail = {plan.start.position, plan.start.sequence};
  for (internal::Mark& mark : control.marks) mark.position = ~uint64_t{0};
  const uint64_t chunk = plan.capacity / internal::kMarks;
  control.marks[plan.start.position / chunk % internal::kMarks] = {plan.start.position, plan.start.sequence,
                                                                   os::WallNs(), 0};
}

void FillSeats(const MappedRing& made) {
  std::memcpy(made.seats.data(), &made.seats_header, sizeof made.seats_header);
  const internal::SeatTable table = made.table();
  for (uint32_t i = 0; i < table.count; ++i) table.seats[i].words.lease = internal::kNoLease;
}

absl::StatusOr<Unnamed> Make(const Paths& paths, const RingPlan& plan) {
  uint8_t incarnation[16];
  if (absl::Status s =
          os::RandomBytes(incarnation, sizeof incarnation, absl::StrCat("create \"", paths.name, "\""));
      !s.ok())
    return s;
  os::RemoveAbandoned(paths.directory);  // The new ring may need the memory of abandoned files.
  // Read once, because reading the limits opens up to a dozen files.
  std::optional<os::MemoryLimit> memory = os::MemoryCgroupLimit();
  auto ring =
      NewObject(paths, plan.access.ring, plan.access, internal::RingFileBytes(plan.capacity), &memory);
  if (!ring.ok()) return ring.status();
  auto seats =
      NewObject(paths, plan.access.seats, plan.access, internal::SeatsFileBytes(plan.seats), &memory);
  if (!seats.ok()) return seats.status();
  Unnamed made{*std::move(ring), *std::move(seats), {}};
  MappedRing& mapped = made.mapped;
  mapped.paths = paths;
  mapped.header = RingHeaderOf(plan, incarnation);
  mapped.seats_header = SeatsHeaderOf(plan, incarnation);
  absl::StatusOr<os::Mapping> ring_map = os::Mapping::ForWriting(
      made.ring_file.fd().get(), mapped.header.file_bytes, os::Pages::kNow, paths.ring);
  if (!ring_map.ok()) return ring_map.status();
  absl::StatusOr<os::Mapping> seats_map = os::Mapping::ForWriting(
      made.seats_file.fd().get(), mapped.seats_header.file_bytes, os::Pages::kNow, paths.seats);
  if (!seats_map.ok()) return seats_map.status();
  mapped.ring = *std::move(ring_map);
  mapped.seats = *std::move(seats_map);
  FillRing(mapped, plan);
  FillSeats(mapped);
  return made;
}

absl::Status Exists(const Paths& paths) {
  return os::Failure(
      Error::kExists,
      absl::StrCat("create \"", paths.name, "\": \"", paths.ring,
                   "\" exists already; open it (Open, OpenOrCreate, shmctl pub without --create), "
                   "remove it (shmctl unlink ",
                   paths.name, ") or choose another name"));
}

// Fails with kExists if the ring exists. An emptied ring does not count: RemoveOrphans removes it later.
absl::Status RefuseExisting(const Paths& paths, LockFile lock) {
  if (!os::FactsOfName(paths.ring)) return absl::OkStatus();
  const absl::StatusOr<bool> emptied = IsEmptied(paths, paths.ring, lock);
  if (!emptied.ok()) return emptied.status();
  return *emptied ? absl::OkStatus() : Exists(paths);
}

absl::Status RemoveOurs(const Paths& paths, const std::string& path) {
  const auto facts = os::FactsOfName(path);
  // A sticky directory would refuse without saying why.
  if (facts && facts->uid != os::Uid() && os::Uid() != 0)
    return WrongOwner("create", paths, path, facts->uid, os::Uid());
  return os::Unlink(path);
}

// Removes what is left of a former queue: an emptied ring, and seats that a creator killed between its two
// links left without a ring. Leaves all other files alone. Requires the life-cycle lock and the producer's
// lock.
absl::Status RemoveOrphans(const Paths& paths, LockFile lock) {
  const absl::StatusOr<bool> in_use = os::IsLocked(paths.ring, internal::kLockProducer);
  if (!in_use.ok()) return in_use.status();
  if (*in_use) return Exists(paths);
  const absl::StatusOr<bool> seats_are_ours = IsOurs(paths, paths.seats, lock);
  if (!seats_are_ours.ok()) return seats_are_ours.status();
  if (os::FactsOfName(paths.seats) && !*seats_are_ours) {
    return os::Failure(
        Error::kNotARing,
        absl::StrCat("create \"", paths.name, "\": \"", paths.seats,
                     "\" exists and is not a millrace object; it is left alone, choose another name"));
  }
  const absl::StatusOr<bool> emptied = IsEmptied(paths, paths.ring, lock);
  if (!emptied.ok()) return emptied.status();
  if (*emptied) {
    if (absl::Status s = RemoveOurs(paths, paths.ring); !s.ok()) return s;
  }
  return *seats_are_ours ? RemoveOurs(paths, paths.seats) : absl::OkStatus();
}

absl::Status LinkBoth(const Paths& paths, Unnamed& made) {
  if (absl::Status s = made.seats_file.LinkAs(paths.seats); !s.ok()) return s;
  absl::Status linked = made.ring_file.LinkAs(paths.ring);
  if (!linked.ok()) (void)os::Unlink(paths.seats);
  return linked;
}

// Waits for the producer's lock, for at most `patience`. A killed producer keeps its lock for a moment. A
// living producer whose ring was removed by hand keeps it until it exits.
absl::StatusOr<os::HeldLock> ProducerLock(const Paths& paths, const LifeCycle& life, Nanos patience) {
  const int64_t start = os::MonotonicNs();
  // Less than other processes wait for the life-cycle lock, which we hold.
  patience = std::min<Nanos>(patience, std::chrono::seconds(5));
  for (;;) {
    absl::StatusOr<std::optional<os::HeldLock>> lock = life.TryProducer();
    if (!lock.ok()) return lock.status();
    if (lock->has_value()) return std::move(**lock);
    if (os::MonotonicNs() - start >= patience.count()) {
      return os::Failure(
          Error::kProducerAlive,
          absl::StrCat("create \"", paths.name,
                       "\": the producer of a ring of that name, which was removed by hand, is still "
                       "alive; stop it (its Check() reports the removal) or choose another name"));
    }
    os::SleepNs(1'000'000);
  }
}

absl::StatusOr<ProducerAttachment> Create(const Paths& paths, const RingPlan& plan,
                                          const ProducerOptions* options) {
  // Everything up to LifeCycle::Hold runs without locks of the queue, because allocating memory can take long.
  if (options != nullptr && options->owner.value_or(os::Uid()) != os::Uid()) {
    return os::Failure(Error::kNoPermission,
                       absl::StrCat("create \"", paths.name, "\": a new ring belongs to uid ", os::Uid(),
                                    " (this process's), expected uid ", *options->owner,
                                    " (ProducerOptions::owner, shmctl --owned-by); let that user create it"));
  }
  if (absl::Status s = RefuseExisting(paths, LockFile::kFound); !s.ok()) return s;
  absl::StatusOr<Unnamed> made = Make(paths, plan);
  if (!made.ok()) return made.status();
  if (absl::Status s = os::CheckLocksHold(made->ring_file, paths.ring); !s.ok()) return s;
  const bool asym = options != nullptr && os::RegisterForBarriers();

  absl::StatusOr<LifeCycle> life = LifeCycle::Hold(paths, os::Uid());
  if (!life.ok()) return life.status();
  if (absl::Status s = RefuseExisting(paths, life->lock_file()); !s.ok()) return s;
  absl::StatusOr<os::HeldLock> producer_lock = ProducerLock(
      paths, *life, options != nullptr ? options->take_over_timeout : ProducerOptions().take_over_timeout);
  if (!producer_lock.ok()) return producer_lock.status();

  ProducerAttachment attached;
  if (options != nullptr) {
    auto alive = os::TryLockNew(made->ring_file, paths.ring, internal::kLockProducer);
    if (!alive.ok()) return alive.status();
    if (alive->has_value()) attached.alive_lock = std::move(**alive);
    attached.epoch =
        BeginEpoch(made->mapped.memory(), {plan.start, asym, !attached.alive_lock.held(), options->label});
  }
  auto ring_facts = os::FactsOf(made->ring_file.fd().get(), paths.ring);
  auto seats_facts = os::FactsOf(made->seats_file.fd().get(), paths.seats);
  if (!ring_facts.ok()) return ring_facts.status();
  if (!seats_facts.ok()) return seats_facts.status();
  // For later queries about live processes and names, and for freeing the seats of dead consumers.
  absl::StatusOr<os::Fd> ring_fd = made->ring_file.OpenAgain();
  absl::StatusOr<os::LockProbe> seats_probe = os::LockProbe::OpenToLock(paths.seats, made->seats_file);
  if (!ring_fd.ok()) return ring_fd.status();
  if (!seats_probe.ok()) return seats_probe.status();
  if (absl::Status s = RemoveOrphans(paths, life->lock_file()); !s.ok()) return s;
  if (absl::Status s = LinkBoth(paths, *made); !s.ok()) return s;
  life->KeepLockFile();

  static_cast<MappedRing&>(attached) = std::move(made->mapped);
  attached.producer_lock = *std::move(producer_lock);
  attached.ring_identity = ring_facts->identity;
  attached.seats_identity = seats_facts->identity;
  attached.ring_probe = os::LockProbe(paths.ring, ring_facts->identity, *std::move(ring_fd));
  attached.seats_probe = *std::move(seats_probe);
  attached.ring_watch = ObjectWatch(paths, paths.ring, *ring_facts, attached.header.file_bytes);
  attached.seats_watch = ObjectWatch(paths, paths.seats, *seats_facts, attached.seats_header.file_bytes);
  attached.at = plan.start;
  attached.asym = asym;
  return attached;
}

}  // namespace

absl::StatusOr<ProducerAttachment> CreateWithProducer(const Paths& paths, const RingPlan& plan,
                                                      const ProducerOptions& options) {
  return Create(paths, plan, &options);
}

absl::Status CreateWithoutProducer(const Paths& paths, const RingPlan& plan) {
  return Create(paths, plan, nullptr).status();
}

}  // namespace millrace::segment
