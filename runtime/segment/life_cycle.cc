// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/life_cycle.h"

#include "absl/strings/str_cat.h"
#include "millrace/internal/layout.h"
#include "runtime/os/failure.h"
#include "runtime/os/new_file.h"
#include "runtime/os/park.h"

namespace millrace::segment {
namespace {

// Longest wait for the lock. A holder needs milliseconds; a killed one keeps the lock until its memory is
// freed.
constexpr int64_t kPatienceNs = 10'000'000'000;

absl::Status RemovedMeanwhile() {
  return os::Failure(Error::kExists, "it was removed at the same moment; try again");
}

// Fails if the name leads to a file of another program or, with `owner` set, of another user.
absl::Status CheckLockFile(const Paths& paths, const os::FileFacts& facts, std::optional<uid_t> owner) {
  if (owner && facts.uid != *owner) return WrongOwner("lock", paths, paths.lock, facts.uid, *owner);
  absl::StatusOr<os::Fd> fd = os::OpenExisting(paths.lock, /*write=*/false);
  if (ErrorOf(fd.status()) == Error::kNotFound) return RemovedMeanwhile();
  if (!fd.ok()) return fd.status();
  absl::StatusOr<os::FileFacts> opened = os::FactsOf(fd->get(), paths.lock);
  if (!opened.ok()) return opened.status();
  if (opened->identity != facts.identity) return RemovedMeanwhile();
  if (owner) {
    if (absl::Status s = CheckOwner("lock", paths, paths.lock, *fd, *opened, *owner); !s.ok()) return s;
  }
  absl::StatusOr<bool> ours = HasMagic(*fd, paths.lock, internal::kLockMagic);
  if (ours.ok() && !*ours) ours = IsEmptied(paths, paths.lock);
  if (!ours.ok()) return ours.status();
  if (*ours) return absl::OkStatus();
  if (!StillNamed(paths.lock, facts.identity)) return RemovedMeanwhile();
  return os::Failure(Error::kNotARing,
                     absl::StrCat("\"", paths.lock,
                                  "\" exists and is not a millrace lock (it would begin with "
                                  "\"milllock\"); it is left alone, choose another name"));
}

// Returns the user whose queue this is, or nullopt if nothing is there that has an owner.
std::optional<uid_t> OwnerOfQueue(const Paths& paths) {
  for (const std::string& path : {paths.ring, paths.seats}) {
    if (const auto facts = os::FactsOfName(path)) return facts->uid;
  }
  return std::nullopt;
}

absl::Status WriteMagic(const os::Fd& fd, const Paths& paths) {
  return os::WriteAt(fd.get(), internal::kLockMagic, sizeof internal::kLockMagic, 0,
                     absl::StrCat("create \"", paths.lock, "\": write"));
}

// Writes the magic into an emptied .lock again, because .lock proves what the other objects are.
absl::Status MakeWhole(const Paths& paths, const os::FileFacts& facts) {
  if (facts.bytes != 0) return absl::OkStatus();
  absl::StatusOr<os::Fd> fd = os::OpenExisting(paths.lock, /*write=*/true);
  return fd.ok() ? WriteMagic(*fd, paths) : fd.status();
}

}  // namespace

// Takes the lock on an existing .lock. Returns nullopt while another process holds it. Fails with kExists if
// the name no longer leads to that file; the caller then looks again.
absl::StatusOr<std::optional<LifeCycle>> LifeCycle::TryFound(const Paths& paths, const os::FileFacts& facts,
                                                             std::optional<uid_t> owner) {
  if (absl::Status s = CheckLockFile(paths, facts, owner); !s.ok()) return s;
  auto lock = os::TryLock(paths.lock, facts.identity, internal::kLockLifeCycle);
  if (ErrorOf(lock.status()) == Error::kNotFound) return RemovedMeanwhile();
  if (!lock.ok()) return lock.status();
  if (!lock->has_value()) return std::optional<LifeCycle>();
  if (!StillNamed(paths.lock, facts.identity)) return RemovedMeanwhile();
  if (absl::Status s = MakeWhole(paths, facts); !s.ok()) return s;
  return std::optional<LifeCycle>(LifeCycle(paths, facts.identity, std::move(**lock), /*created=*/false));
}

// Creates .lock and takes its lock. The file is locked before it has its name, so a failure leaves nothing,
// and no other process can lock it first. Fails with kExists if another process created .lock before us.
absl::StatusOr<LifeCycle> LifeCycle::TryNew(const Paths& paths, std::optional<uid_t> owner) {
  absl::StatusOr<os::NewFile> file = os::NewFile::Create(paths.directory, 0600, std::nullopt);
  if (!file.ok()) return file.status();
  if (absl::Status s = WriteMagic(file->fd(), paths); !s.ok()) return s;
  absl::StatusOr<os::FileFacts> facts = os::FactsOf(file->fd().get(), paths.lock);
  if (!facts.ok()) return facts.status();
  auto lock = os::TryLockNew(*file, paths.lock, internal::kLockLifeCycle);
  if (!lock.ok()) return lock.status();
  if (!lock->has_value()) return RemovedMeanwhile();
  // Root gives .lock to the ring's owner, because the owner's producers must be able to open it.
  const uid_t user = owner ? *owner : OwnerOfQueue(paths).value_or(facts->uid);
  if (user != facts->uid) {
    const std::string what = absl::StrCat("create \"", paths.lock, "\", which is missing: give it to uid ",
                                          user, ", who owns the ring");
    if (absl::Status s = os::SetOwner(file->fd().get(), user, std::nullopt, what); !s.ok()) return s;
  }
  if (absl::Status s = file->LinkAs(paths.lock); !s.ok()) return s;
  return LifeCycle(paths, facts->identity, std::move(**lock), /*created=*/true);
}

absl::StatusOr<LifeCycle> LifeCycle::Hold(const Paths& paths, std::optional<uid_t> owner) {
  const int64_t deadline = os::MonotonicNs() + kPatienceNs;
  for (;;) {
    if (const auto facts = os::FactsOfName(paths.lock)) {
      absl::StatusOr<std::optional<LifeCycle>> found = TryFound(paths, *facts, owner);
      if (found.ok() && found->has_value()) return std::move(**found);
      if (!found.ok() && ErrorOf(found.status()) != Error::kExists) return found.status();
    } else {
      absl::StatusOr<LifeCycle> made = TryNew(paths, owner);
      if (made.ok() || ErrorOf(made.status()) != Error::kExists) return made;
    }
    if (os::MonotonicNs() > deadline) {
      return os::Failure(
          Error::kTimedOut,
          absl::StrCat("another process has been creating, taking over or removing \"", paths.name,
                       "\" for 10 s; find the process that holds the lock on byte 1 of ", paths.lock,
                       " (lslocks)"));
    }
    // Poll, because no wake reaches us when a lock falls because its holder died.
    os::SleepNs(500'000);
  }
}

// While we hold the lock, no other process removes the name, so the file we check is the file we unlink.
LifeCycle::~LifeCycle() {
  if (!created_ || keep_ || !lock_.held()) return;
  if (StillNamed(paths_.lock, identity_)) os::Unlink(paths_.lock).IgnoreError();
}

absl::StatusOr<std::optional<os::HeldLock>> LifeCycle::TryProducer() const {
  return os::TryLock(paths_.lock, identity_, internal::kLockProducer);
}

absl::StatusOr<std::optional<UserLocks>> LifeCycle::TryUsers(std::string* who) const {
  UserLocks locks;
  absl::StatusOr<std::optional<os::HeldLock>> producer = TryProducer();
  if (!producer.ok()) return producer.status();
  *who = "its producer is alive";
  if (!producer->has_value()) return std::optional<UserLocks>();
  locks.producer = std::move(**producer);
  // .lock may have been removed by hand under a living producer.
  const absl::StatusOr<bool> ring_locked = os::IsLocked(paths_.ring, internal::kLockProducer);
  if (!ring_locked.ok()) return ring_locked.status();
  if (*ring_locked) return std::optional<UserLocks>();
  const auto seats = os::FactsOfName(paths_.seats);
  const absl::StatusOr<bool> seats_are_ours = IsOurs(paths_, paths_.seats, lock_file());
  if (!seats_are_ours.ok()) return seats_are_ours.status();
  if (!seats || !*seats_are_ours) return std::optional<UserLocks>(std::move(locks));
  auto all = os::TryLock(paths_.seats, seats->identity, internal::kLockSeat,
                         internal::kLockSeatsEnd - internal::kLockSeat);
  if (!all.ok()) return all.status();
  *who = "a consumer is alive";
  if (!all->has_value()) return std::optional<UserLocks>();
  locks.seats = std::move(**all);
  return std::optional<UserLocks>(std::move(locks));
}

absl::Status LifeCycle::RemoveNames() const {
  // Look first, because the ring may be the proof.
  const absl::StatusOr<bool> seats_are_ours = IsOurs(paths_, paths_.seats, lock_file());
  if (!seats_are_ours.ok()) return seats_are_ours.status();
  if (absl::Status s = os::Unlink(paths_.ring); !s.ok()) return s;
  // Leave a file of another program that has this name.
  if (*seats_are_ours) {
    if (absl::Status s = os::Unlink(paths_.seats); !s.ok()) return s;
  }
  return os::Unlink(paths_.lock);  // .lock is ours: it had its magic when we locked it
}

}  // namespace millrace::segment
