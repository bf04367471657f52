// Opening /NAME.ring and /NAME.seats: what is believed of a file, and what is refused.
//
// Each header is read once, by pread, into private memory and never again; every length in it is checked
// against the file before anything is mapped. One distinct error for each thing that can be wrong.
#ifndef MILLRACE_RUNTIME_SEGMENT_OBJECTS_H_
#define MILLRACE_RUNTIME_SEGMENT_OBJECTS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/layout.h"
#include "millrace/internal/ring_producer.h"
#include "millrace/internal/ring_view.h"
#include "runtime/os/lock.h"
#include "runtime/os/object.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

struct RingObject {
  os::Fd fd;
  os::FileFacts facts;
  internal::RingHeader header;  // the private copy

  std::string schema() const;  // without control characters
};

struct SeatsObject {
  os::Fd fd;
  os::FileFacts facts;
  internal::SeatsHeader header;
};

// What to do where there is no ring: for an operator, and for a program that writes or reads messages.
inline constexpr std::string_view kLookAtTheList = "`shmctl list` shows those that are there";
std::string CreateIt(const Paths& paths);
// kNotFound, with `if_missing` as its remedy; kNoPermission, kNotARing, kTruncated, kLayoutVersion,
// kBadLengths. A ring with unknown *write* features is refused for writing only.
absl::StatusOr<RingObject> OpenRing(const Paths& paths, bool write,
                                    std::string_view if_missing = kLookAtTheList);
// The same, and kIncarnation when it belongs to another queue than `ring` or is missing.
absl::StatusOr<SeatsObject> OpenSeats(const Paths& paths, bool write, const internal::RingHeader& ring);

// kIncarnation once: the two objects were replaced between the two opens. For "start over, bounded".
bool WorthAnotherTry(const absl::Status& status);

internal::RingMemory MemoryOf(const os::Mapping& ring, const internal::RingHeader& header);
internal::SeatTable TableOf(const os::Mapping& seats, const internal::SeatsHeader& header);
// The end of what is published. `exact` is false if more was published than `most` messages after the tail
// pair; `at` is then a boundary before the end. `damage`: "", or what is wrong, for people, and `at` says
// nothing.
struct SeenEnd {
  internal::Point at;
  bool exact = true;
  std::string damage;
};
SeenEnd LookForEnd(const internal::RingMemory& memory, uint64_t most);
// Is `memory`'s newest end reachable and consistent? "" or what is wrong, for people.
std::string DamageOf(const internal::RingMemory& memory);

// Does this file begin with these 8 bytes, as far as we may read it?
bool HasMagic(const std::string& path, const char (&magic)[8]);
// What is known of the `.lock` beside an emptied object: one that this process made just now proves nothing.
enum class LockFile : bool { kFound, kJustMade };
// Is this object of the queue an emptied one (truncated to nothing)? An empty file has no magic of its own:
// an object beside it that belongs to the same user and has its magic proves it.
bool IsEmptied(const Paths& paths, const std::string& path, LockFile lock = LockFile::kFound);
// Is this file an object of the queue: by its magic, or an emptied one?
bool IsOurs(const Paths& paths, const std::string& path, LockFile lock = LockFile::kFound);

// kNoPermission unless this object of the queue belongs to `owner`. The directory is everybody's, so its name
// proves nothing. `what` names the operation for the text: "open".
absl::Status CheckOwner(const std::string& what, const Paths& paths, const std::string& path,
                        const os::Fd& fd, const os::FileFacts& facts, uid_t owner);
// The refusal alone.
absl::Status WrongOwner(const std::string& what, const Paths& paths, const std::string& path, uid_t found,
                        uid_t expected);
// Does the name still lead to this file?
bool StillNamed(const std::string& path, const os::Identity& identity);

// What has become of an object since it was opened.
enum class Fate : uint8_t {
  kWhole,
  kRemoved,  // no name is left, or its name leads elsewhere: a second link does not keep a queue alive
  kCut,      // truncated, or some of its memory was given back (a hole was punched into it)
};

// An object as it was when it was opened: for asking what has become of it. Constant, so any thread may ask.
class ObjectWatch {
 public:
  ObjectWatch() = default;
  // `bytes`: what its header says.
  ObjectWatch(const Paths& paths, const std::string& path, const os::FileFacts& facts, uint64_t bytes);
  // `probe`: its descriptor; null: the name alone is asked. The name is believed only while its directory is
  // the one that it was opened in: after chdir() or chroot() a path means another place. Up to five system
  // calls.
  Fate Look(os::LockProbe* probe) const;

 private:
  bool Cut(const os::FileFacts& now) const { return now.bytes < bytes_ || now.allocated < allocated_; }
  std::string directory_, path_;
  std::optional<os::Identity> place_;  // of the directory
  os::Identity identity_;
  uint64_t bytes_ = 0, allocated_ = 0;
};

std::string HexOf(const uint8_t (&incarnation)[16]);
// Returns a label from shared memory, cut at 63 bytes and printable (os::Printable).
std::string LabelOf(const char (&label)[internal::kLabelBytes]);
// Stores a label. Of one that is too long, the characters that fit.
void SetLabel(char (&to)[internal::kLabelBytes], const std::string& label);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_OBJECTS_H_
