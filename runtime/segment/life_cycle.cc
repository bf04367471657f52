#include "runtime/segment/life_cycle.h"

#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "millrace/internal/layout.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

// A holder works for milliseconds; one that was killed holds on until its memory is freed.
constexpr int64_t kPatienceNs = 10'000'000'000;

// The file to lock, created without a moment in which it is half made.
absl::StatusOr<os::Identity> FindOrCreateLockFile(const Paths& paths) {
  if (const auto facts = os::FactsOfName(paths.lock)) {
    if (facts->regular && HasMagic(paths.lock, internal::kLockMagic)) return facts->identity;
    absl::StatusOr<os::Fd> readable = os::OpenExisting(paths.lock, /*write=*/true);
    if (ErrorOf(readable.status()) == Error::kNotFound)
      return os::Failure(Error::kExists, "it was removed meanwhile; look again");
    if (!readable.ok()) return readable.status();
    if (const auto now = os::FactsOfName(paths.lock); !now || now->identity != facts->identity)
      return os::Failure(Error::kExists, "it was removed meanwhile; look again");
    return os::Failure(Error::kNotARing,
                       absl::StrCat("\"", paths.lock,
                                    "\" exists and is not a millrace lock (it would begin with "
                                    "\"milllock\"); it is left alone, choose another name"));
  }
  absl::StatusOr<os::NewFile> file = os::NewFile::Create(paths.directory, 0600, std::nullopt);
  if (!file.ok()) return file.status();
  if (pwrite(file->fd().get(), internal::kLockMagic, sizeof internal::kLockMagic, 0) !=
      sizeof internal::kLockMagic) {
    return os::SystemFailure(errno, absl::StrCat("create \"", paths.lock, "\": write"));
  }
  if (absl::Status s = file->LinkAs(paths.lock); !s.ok()) return s;
  absl::StatusOr<os::FileFacts> facts = os::FactsOf(file->fd().get(), paths.lock);
  if (!facts.ok()) return facts.status();
  return facts->identity;
}

}  // namespace

absl::StatusOr<LifeCycle> LifeCycle::Hold(const Paths& paths) {
  const int64_t deadline = os::MonotonicNs() + kPatienceNs;
  for (;;) {
    absl::StatusOr<os::Identity> identity = FindOrCreateLockFile(paths);
    if (identity.ok()) {
      auto lock = os::TryLock(paths.lock, *identity, internal::kLockLifeCycle);
      if (lock.ok() && lock->has_value()) {
        if (StillNamed(paths.lock, *identity)) return LifeCycle(paths, *identity, *std::move(*lock));
      } else if (!lock.ok() && ErrorOf(lock.status()) != Error::kNotFound) {
        return lock.status();
      }
    } else if (ErrorOf(identity.status()) != Error::kExists) {
      return identity.status();
    }
    if (os::MonotonicNs() > deadline) {
      return os::Failure(
          Error::kTimedOut,
          absl::StrCat("another process has been creating, taking over or removing \"", paths.name,
                       "\" for 10 s; see who holds byte 1 of ", paths.lock, " (lslocks)"));
    }
    const timespec pause{0,
                         500'000};  // locks have no wake-up that a killed holder's mapping would not defeat
    nanosleep(&pause, nullptr);
  }
}

absl::StatusOr<std::optional<os::HeldLock>> LifeCycle::TryProducer() const {
  return os::TryLock(paths_.lock, identity_, internal::kLockProducer);
}

absl::Status LifeCycle::RemoveNames() const {
  if (absl::Status s = os::Unlink(paths_.ring); !s.ok()) return s;
  // A file of another program under this name stays. An empty one was ours: somebody truncated it.
  const auto seats = os::FactsOfName(paths_.seats);
  if (seats && seats->regular && (seats->bytes == 0 || HasMagic(paths_.seats, internal::kSeatsMagic))) {
    if (absl::Status s = os::Unlink(paths_.seats); !s.ok()) return s;
  }
  return os::Unlink(paths_.lock);  // it had its magic when we locked it
}

}  // namespace millrace::segment
