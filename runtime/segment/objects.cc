// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/objects.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/text.h"

namespace millrace::segment {
namespace {

using internal::RingHeader;
using internal::SeatsHeader;

absl::Status Wrong(Error error, const std::string& path, const std::string& what) {
  return os::Failure(error, absl::StrCat("open \"", path, "\": ", what));
}

absl::Status Truncated(const std::string& path, uint64_t found, uint64_t expected) {
  return Wrong(
      Error::kTruncated, path,
      absl::StrCat("the file has ", found, " bytes, expected ", expected,
                   ": it was truncated, or was not created by millrace; remove it and create it again"));
}

// Fails if the file is too short or has holes. Reading a hole on a full tmpfs raises SIGBUS, as reading
// beyond the end does. A creator allocates all bytes, so a whole ring has no holes.
absl::Status CheckSize(const os::FileFacts& facts, uint64_t expected, const std::string& path) {
  if (facts.bytes < expected) return Truncated(path, facts.bytes, expected);
  if (facts.holes && facts.allocated < expected) {
    return Wrong(
        Error::kTruncated, path,
        absl::StrCat("only ", facts.allocated, " of its ", expected,
                     " bytes have memory: holes were punched into it, or it was not created by millrace; "
                     "remove it and create it again"));
  }
  return absl::OkStatus();
}

absl::Status Foreign(const std::string& path, absl::string_view found, absl::string_view expected) {
  return Wrong(
      Error::kNotARing, path,
      absl::StrCat("not a millrace object: it begins with \"", absl::CHexEscape(found), "\", expected \"",
                   expected, "\"; it is left alone, choose another name or remove it yourself"));
}

// Reads a header. Checks the magic before the length, because only a file with our magic can be a truncated
// ring.
template <class Header>
absl::StatusOr<Header> ReadHeader(const os::Fd& fd, const os::FileFacts& facts, const char (&magic)[8],
                                  const std::string& path) {
  Header header{};
  absl::StatusOr<bool> named = os::ReadAt(fd.get(), header.magic, sizeof header.magic, 0, path);
  if (!named.ok()) return named.status();
  if (!*named || std::memcmp(header.magic, magic, sizeof magic) != 0) {
    const size_t there = std::min<size_t>(facts.bytes, sizeof header.magic);
    return Foreign(path, absl::string_view(header.magic, there), absl::string_view(magic, sizeof magic));
  }
  absl::StatusOr<bool> whole = os::ReadAt(fd.get(), &header, sizeof header, 0, path);
  if (!whole.ok()) return whole.status();
  if (!*whole) return Truncated(path, facts.bytes, sizeof header);
  return header;
}

template <class Header>
absl::Status CheckVersion(const Header& header, const std::string& path, bool write) {
  if (header.layout_major != internal::kLayoutMajor) {
    return Wrong(
        Error::kLayoutVersion, path,
        absl::StrCat("layout ", header.layout_major, ".", header.layout_minor, ", this build knows ",
                     internal::kLayoutMajor, ".x; use one millrace version for all programs of a ring"));
  }
  const uint64_t unknown = header.features_incompatible & ~internal::kKnownIncompatible;
  const uint64_t unknown_write = header.features_write & ~internal::kKnownWrite;
  if (unknown != 0 || (write && unknown_write != 0)) {
    return Wrong(Error::kLayoutVersion, path,
                 absl::StrCat("it uses features this build does not know (mask 0x",
                              absl::Hex(unknown != 0 ? unknown : unknown_write), ")",
                              unknown != 0 ? "" : " and may only be read", "; use a newer millrace"));
  }
  return absl::OkStatus();
}

absl::Status CheckRingLengths(const RingHeader& h, const os::FileFacts& facts, const std::string& path) {
  const auto bad = [&](const std::string& what) {
    return Wrong(Error::kBadLengths, path,
                 absl::StrCat("its header is damaged: ", what, "; remove the ring and create it again"));
  };
  if (h.capacity < internal::kMinCapacity || h.capacity > internal::kMaxCapacity ||
      (h.capacity & (h.capacity - 1)) != 0)
    return bad(absl::StrCat("capacity ", h.capacity, " is not a power of two from 4 KiB to 8 GiB"));
  if (h.data_offset != internal::kRingDataOffset) return bad(absl::StrCat("data offset ", h.data_offset));
  if (h.file_bytes != internal::RingFileBytes(h.capacity))
    return bad(absl::StrCat("file length ", h.file_bytes, " does not fit capacity ", h.capacity));
  if (h.max_message == 0 || h.max_message > internal::MaxPayloadFor(h.capacity))
    return bad(absl::StrCat("maximum message ", h.max_message, " does not fit capacity ", h.capacity));
  if (h.schema_bytes > internal::kMaxSchema) return bad(absl::StrCat("schema of ", h.schema_bytes, " bytes"));
  if (h.seats == 0 || h.seats > internal::kMaxSeats) return bad(absl::StrCat(h.seats, " seats"));
  if (h.groups != internal::kGroups) return bad(absl::StrCat(h.groups, " groups"));
  return CheckSize(facts, h.file_bytes, path);
}

absl::Status CheckSeatsLengths(const SeatsHeader& h, const RingHeader& ring, const os::FileFacts& facts,
                               const std::string& path) {
  if (h.seats != ring.seats || h.groups != internal::kGroups || h.seats_offset != internal::kSeatsOffset ||
      h.file_bytes != internal::SeatsFileBytes(ring.seats)) {
    return Wrong(
        Error::kBadLengths, path,
        absl::StrCat("its header is damaged: ", h.seats, " seats in ", h.file_bytes, " bytes, the ring has ",
                     ring.seats, " seats; remove the ring and create it again"));
  }
  return CheckSize(facts, h.file_bytes, path);
}

// Returns true if this file begins with these 8 bytes. Returns false if it is gone or not regular, or if this
// process may not read it.
absl::StatusOr<bool> NameHasMagic(const std::string& path, const char (&magic)[8]) {
  const absl::StatusOr<os::Fd> fd = os::OpenExisting(path, /*write=*/false);
  if (fd.ok()) return HasMagic(*fd, path, magic);
  const Error error = ErrorOf(fd.status());
  if (error == Error::kNotFound || error == Error::kNotARing || error == Error::kNoPermission) return false;
  return fd.status();
}

// Fails with kTruncated if this object of the queue was truncated to 0 bytes.
absl::Status CheckNotEmptied(const Paths& paths, const std::string& path, const os::FileFacts& facts,
                             uint64_t expected) {
  if (facts.bytes != 0) return absl::OkStatus();
  const absl::StatusOr<bool> emptied = IsEmptied(paths, path);
  if (!emptied.ok()) return emptied.status();
  return *emptied ? Truncated(path, 0, expected) : absl::OkStatus();
}

}  // namespace

std::string CreateIt(const Paths& paths) {
  return absl::StrCat("create it (shmctl create ", paths.name, ") or start its producer");
}

absl::StatusOr<RingObject> OpenRing(const Paths& paths, bool write, std::string_view if_missing) {
  absl::StatusOr<os::Fd> fd = os::OpenExisting(paths.ring, write);
  if (!fd.ok()) {
    if (ErrorOf(fd.status()) != Error::kNotFound) return fd.status();
    return os::Failure(Error::kNotFound, absl::StrCat("there is no ring \"", paths.name, "\" in ",
                                                      paths.directory, "; ", os::ToAbsl(if_missing)));
  }
  absl::StatusOr<os::FileFacts> facts = os::FactsOf(fd->get(), paths.ring);
  if (!facts.ok()) return facts.status();
  if (absl::Status s = CheckNotEmptied(paths, paths.ring, *facts, sizeof(RingHeader)); !s.ok()) return s;
  absl::StatusOr<RingHeader> header = ReadHeader<RingHeader>(*fd, *facts, internal::kRingMagic, paths.ring);
  if (!header.ok()) return header.status();
  if (absl::Status s = CheckVersion(*header, paths.ring, write); !s.ok()) return s;
  if (absl::Status s = CheckRingLengths(*header, *facts, paths.ring); !s.ok()) return s;
  return RingObject{*std::move(fd), write, *facts, *header};
}

absl::StatusOr<SeatsObject> OpenSeats(const Paths& paths, bool write, const RingHeader& ring) {
  absl::StatusOr<os::Fd> fd = os::OpenExisting(paths.seats, write);
  if (!fd.ok()) {
    if (ErrorOf(fd.status()) != Error::kNotFound) return fd.status();
    return Wrong(Error::kIncarnation, paths.seats,
                 absl::StrCat("missing although the ring \"", paths.name,
                              "\" exists: it was removed by hand; remove the ring (shmctl unlink ",
                              paths.name, ") and create it again"));
  }
  absl::StatusOr<os::FileFacts> facts = os::FactsOf(fd->get(), paths.seats);
  if (!facts.ok()) return facts.status();
  absl::Status emptied = CheckNotEmptied(paths, paths.seats, *facts, internal::SeatsFileBytes(ring.seats));
  if (!emptied.ok()) return emptied;
  absl::StatusOr<SeatsHeader> header =
      ReadHeader<SeatsHeader>(*fd, *facts, internal::kSeatsMagic, paths.seats);
  if (!header.ok()) return header.status();
  if (absl::Status s = CheckVersion(*header, paths.seats, write); !s.ok()) return s;
  if (std::memcmp(header->incarnation, ring.incarnation, sizeof ring.incarnation) != 0) {
    return Wrong(Error::kIncarnation, paths.seats,
                 absl::StrCat("it belongs to incarnation ", HexOf(header->incarnation), ", the ring is ",
                              HexOf(ring.incarnation), "; remove the ring (shmctl unlink ", paths.name,
                              ") and create it again"));
  }
  if (absl::Status s = CheckSeatsLengths(*header, ring, *facts, paths.seats); !s.ok()) return s;
  return SeatsObject{*std::move(fd), write, *facts, *header};
}

std::string RingObject::schema() const {
  return os::Printable(std::string(header.schema, header.schema_bytes));
}

bool WorthAnotherTry(const absl::Status& status) { return ErrorOf(status) == Error::kIncarnation; }

absl::Status WasReplaced(const Paths& paths) {
  return os::Failure(
      Error::kIncarnation,
      absl::StrCat("open \"", paths.name, "\": it was removed while this process opened it; try again"));
}

SeenEnd LookForEnd(const internal::RingMemory& memory, uint64_t most) {
  const internal::RingView<internal::RealAtomics> view(memory);
  const auto tail = view.Tail();
  if (!tail) return {{}, true, "the tail words contradict the reserved position"};
  uint64_t left = most;
  if (const auto end = view.End(std::nullopt, &left)) return {*end, left != 0, ""};
  internal::Point place = *tail;
  (void)view.Walk(*tail, tail->sequence + most, &place);
  return {{},
          true,
          absl::StrCat("no valid frame at position ", place.position, " (sequence ", place.sequence, ")")};
}

std::string DamageOf(const internal::RingMemory& memory) {
  constexpr uint64_t kAll = uint64_t{1} << 62;  // more than fit in any ring
  return LookForEnd(memory, kAll).damage;
}

absl::StatusOr<bool> HasMagic(const os::Fd& fd, const std::string& path, const char (&magic)[8]) {
  char found[sizeof magic];
  const absl::StatusOr<bool> whole = os::ReadAt(fd.get(), found, sizeof found, 0, path);
  if (!whole.ok()) return whole.status();
  return *whole && std::memcmp(found, magic, sizeof magic) == 0;
}

absl::StatusOr<bool> IsEmptied(const Paths& paths, const std::string& path, LockFile lock) {
  const std::optional<os::FileFacts> facts = os::FactsOfName(path);
  if (!facts || !facts->regular || facts->bytes != 0) return false;
  const auto proves = [&](const std::string& beside, const char(&magic)[8]) -> absl::StatusOr<bool> {
    const std::optional<os::FileFacts> other = os::FactsOfName(beside);
    if (!other || !other->regular || other->uid != facts->uid) return false;
    return NameHasMagic(beside, magic);
  };
  const absl::StatusOr<bool> by_ring = proves(paths.ring, internal::kRingMagic);
  if (!by_ring.ok() || *by_ring) return by_ring;
  const absl::StatusOr<bool> by_seats = proves(paths.seats, internal::kSeatsMagic);
  if (!by_seats.ok() || *by_seats || lock == LockFile::kJustMade) return by_seats;
  return proves(paths.lock, internal::kLockMagic);
}

absl::StatusOr<bool> IsOurs(const Paths& paths, const std::string& path, LockFile lock) {
  const std::optional<os::FileFacts> facts = os::FactsOfName(path);
  if (!facts || !facts->regular) return false;
  const absl::StatusOr<bool> has_magic = NameHasMagic(path, path == paths.ring    ? internal::kRingMagic
                                                            : path == paths.seats ? internal::kSeatsMagic
                                                                                  : internal::kLockMagic);
  if (!has_magic.ok() || *has_magic) return has_magic;
  return IsEmptied(paths, path, lock);
}

absl::StatusOr<bool> HasRemains(const Paths& paths, LockFile lock) {
  if (os::FactsOfName(paths.ring)) return false;
  const bool seats_there = os::FactsOfName(paths.seats).has_value();
  const bool lock_there = lock == LockFile::kFound && os::FactsOfName(paths.lock);
  if (seats_there) {
    const absl::StatusOr<bool> ours = IsOurs(paths, paths.seats, lock);
    if (!ours.ok() || !*ours) return ours;
  }
  if (lock_there) return IsOurs(paths, paths.lock);
  return seats_there;
}

absl::Status WrongOwner(const std::string& what, const Paths& paths, const std::string& path, uid_t found,
                        uid_t expected) {
  const bool ours = expected == static_cast<uid_t>(os::Uid());
  return os::Failure(
      Error::kNoPermission,
      absl::StrCat(what, " \"", paths.name, "\": \"", path, "\" belongs to uid ", found,
                   found == expected ? " as seen here, which stands for every user without a number in this "
                                       "user namespace"
                                     : "",
                   ", expected uid ", expected, ours ? " (this process's)" : "",
                   ": any user can create a file of that name; have uid ", found,
                   " or root remove it, choose another name, or accept this owner "
                   "(ProducerOptions::owner, ConsumerOptions::owner, shmctl --owned-by)"));
}

absl::Status CheckOwner(const std::string& what, const Paths& paths, const std::string& path,
                        const os::Fd& fd, const os::FileFacts& facts, uid_t owner) {
  if (os::BelongsTo(fd.get(), facts, owner)) return absl::OkStatus();
  return WrongOwner(what, paths, path, facts.uid, owner);
}

bool StillNamed(const std::string& path, const os::Identity& identity) {
  const std::optional<os::FileFacts> now = os::FactsOfName(path);
  return now && now->identity == identity;
}

ObjectWatch::ObjectWatch(const Paths& paths, const std::string& path, const os::FileFacts& facts,
                         uint64_t bytes)
    : directory_(paths.directory + "/."),  // "/." follows a directory that is a symbolic link
      path_(path),
      identity_(facts.identity),
      bytes_(bytes),
      allocated_(std::min(bytes, facts.allocated)) {
  if (const auto directory = os::FactsOfName(directory_)) place_ = directory->identity;
}

Fate ObjectWatch::Look(os::LockProbe* probe) const {
  std::optional<os::FileFacts> now = probe != nullptr ? probe->Facts() : std::nullopt;
  if (now && now->links == 0) return Fate::kRemoved;
  const std::optional<os::FileFacts> directory = os::FactsOfName(directory_);
  if (place_ && directory && directory->identity == *place_) {
    if (os::NameLeadsTo(path_, identity_) == false) return Fate::kRemoved;
    if (!now) now = os::FactsOfName(path_);
  }
  return now && now->identity == identity_ && Cut(*now) ? Fate::kCut : Fate::kWhole;
}

}  // namespace millrace::segment
