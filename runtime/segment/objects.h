// SPDX-License-Identifier: Apache-2.0
// Opens /NAME.ring and /NAME.seats, and refuses files that are not what they claim to be.
//
// Each header is read once, by pread, into private memory, and never again. Every length in it is checked
// against the file before anything is mapped. Each thing that can be wrong has its own error.
#ifndef MILLRACE_RUNTIME_SEGMENT_OBJECTS_H_
#define MILLRACE_RUNTIME_SEGMENT_OBJECTS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/layout.h"
#include "millrace/internal/ring_view.h"
#include "runtime/os/file.h"
#include "runtime/os/lock.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

struct RingObject {
  os::Fd fd;
  bool writable;
  os::FileFacts facts;
  internal::RingHeader header;  // the private copy

  std::string schema() const;  // printable (os::Printable)
};

struct SeatsObject {
  os::Fd fd;
  bool writable;
  os::FileFacts facts;
  internal::SeatsHeader header;
};

// Remedies if there is no ring: kLookAtTheList for an operator, CreateIt for a program that publishes or
// reads.
inline constexpr std::string_view kLookAtTheList = "`shmctl list` shows those that are there";
std::string CreateIt(const Paths& paths);
// Opens a ring and checks its header. Fails with kNotFound (whose text ends with `if_missing`),
// kNoPermission, kNotARing, kTruncated, kLayoutVersion or kBadLengths. Refuses a ring with unknown *write*
// features only if `write` is set.
absl::StatusOr<RingObject> OpenRing(const Paths& paths, bool write,
                                    std::string_view if_missing = kLookAtTheList);
// Opens the seats of `ring` and checks their header. Fails as OpenRing does, and with kIncarnation if .seats
// is missing or belongs to another queue than `ring`.
absl::StatusOr<SeatsObject> OpenSeats(const Paths& paths, bool write, const internal::RingHeader& ring);

// Returns true for kIncarnation: the two objects may have been replaced between the two opens. The caller
// starts over a bounded number of times.
bool WorthAnotherTry(const absl::Status& status);
// Returns the status (kIncarnation) of a consumer that finds the ring removed while it opens it.
absl::Status WasReplaced(const Paths& paths);

// The end of the published messages, as LookForEnd found it. If `exact` is false, `at` is a frame boundary
// before the end. If `damage` is not empty, it says for people what is wrong, and `at` has no meaning.
struct SeenEnd {
  internal::Point at;
  bool exact = true;
  std::string damage;
};
// Finds the end, looking at no more than `most` messages after the tail pair.
SeenEnd LookForEnd(const internal::RingMemory& memory, uint64_t most);
// Returns what is wrong with the frames from the tail pair to the end, for people, or "" if they are
// consistent.
std::string DamageOf(const internal::RingMemory& memory);

// Returns true if the file begins with these 8 bytes. `path` is for the error text.
absl::StatusOr<bool> HasMagic(const os::Fd& fd, const std::string& path, const char (&magic)[8]);
// Where the `.lock` beside an object is from. A `.lock` that this process has just made (kJustMade) proves
// nothing.
enum class LockFile : bool { kFound, kJustMade };
// Returns true if this object of the queue was truncated to 0 bytes. An empty file has no magic, so another
// object of the queue must prove it: one that has its magic and belongs to the same user.
// A file that this process may not read proves nothing. This and the two functions below fail if a file cannot
// be read for another reason, such as that no descriptor is free.
absl::StatusOr<bool> IsEmptied(const Paths& paths, const std::string& path, LockFile lock = LockFile::kFound);
// Returns true if this file is an object of the queue: it has its magic, or IsEmptied is true.
absl::StatusOr<bool> IsOurs(const Paths& paths, const std::string& path, LockFile lock = LockFile::kFound);
// Returns true if .seats or .lock of a queue is left without a .ring, and all that is left is ours (IsOurs).
absl::StatusOr<bool> HasRemains(const Paths& paths, LockFile lock);

// Fails with kNoPermission unless this object of the queue belongs to `owner`. The name does not prove that,
// because all users can create files in the directory. `what` names the operation for the text, such as
// "open".
absl::Status CheckOwner(const std::string& what, const Paths& paths, const std::string& path,
                        const os::Fd& fd, const os::FileFacts& facts, uid_t owner);
// Returns the status with which CheckOwner refuses.
absl::Status WrongOwner(const std::string& what, const Paths& paths, const std::string& path, uid_t found,
                        uid_t expected);
// Returns true if the name still leads to this file.
bool StillNamed(const std::string& path, const os::Identity& identity);

// What has become of an object since it was opened.
enum class Fate : uint8_t {
  kWhole,
  kRemoved,  // it has no name, or its own name leads elsewhere: a second link does not keep a queue alive
  kCut,      // it was truncated, or a hole was punched into it, which frees some of its memory
};

// Remembers an object as it was when it was opened, to detect its removal or truncation. Never changes, so
// any thread may call Look.
class ObjectWatch {
 public:
  ObjectWatch() = default;
  // `bytes` is the file length that the object's header states.
  ObjectWatch(const Paths& paths, const std::string& path, const os::FileFacts& facts, uint64_t bytes);
  // Returns what has become of the object. Looks at the descriptor of `probe` and at the name, or with a null
  // `probe` at the name only. Ignores the name if its path no longer leads to the directory in which the
  // object was opened, such as after chroot(). Makes up to five system calls.
  Fate Look(os::LockProbe* probe) const;

 private:
  bool Cut(const os::FileFacts& now) const { return now.bytes < bytes_ || now.allocated < allocated_; }
  std::string directory_, path_;
  std::optional<os::Identity> place_;  // of the directory
  os::Identity identity_;
  uint64_t bytes_ = 0, allocated_ = 0;
};

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_OBJECTS_H_
