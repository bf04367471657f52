// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/mapped_ring.h"

#include <utility>

namespace millrace::segment {
namespace {

absl::StatusOr<os::Mapping> MapObject(const os::Fd& fd, bool writable, uint64_t bytes, os::Pages pages,
                                      const std::string& path) {
  return writable ? os::Mapping::ForWriting(fd.get(), bytes, pages, path)
                  : os::Mapping::ForReading(fd.get(), bytes, pages, path);
}

}  // namespace

absl::StatusOr<MappedRing> MappedRing::Map(const Paths& paths, RingObject object, Extent extent,
                                           os::Pages pages) {
  const uint64_t bytes = extent == Extent::kWhole ? object.header.file_bytes : internal::kRingDataOffset;
  absl::StatusOr<os::Mapping> map = MapObject(object.fd, object.writable, bytes, pages, paths.ring);
  if (!map.ok()) return map.status();
  MappedRing mapped;
  mapped.paths = paths;
  mapped.header = object.header;
  mapped.ring = *std::move(map);
  mapped.ring_identity = object.facts.identity;
  mapped.ring_probe = os::LockProbe(paths.ring, object.facts.identity, std::move(object.fd));
  return mapped;
}

absl::StatusOr<MappedRing> MappedRing::Open(const Paths& paths, Ring access, Extent extent) {
  absl::StatusOr<RingObject> ring = OpenRing(paths, /*write=*/access == Ring::kWritable);
  if (!ring.ok()) return ring.status();
  absl::StatusOr<SeatsObject> seats = OpenSeats(paths, /*write=*/true, ring->header);
  if (!seats.ok()) return seats.status();
  absl::StatusOr<MappedRing> mapped = Map(paths, *std::move(ring), extent, os::Pages::kOnAccess);
  if (!mapped.ok()) return mapped.status();
  if (absl::Status s = mapped->MapSeats(*std::move(seats), os::Pages::kOnAccess); !s.ok()) return s;
  return mapped;
}

absl::Status MappedRing::MapSeats(SeatsObject object, os::Pages pages) {
  absl::StatusOr<os::Mapping> map =
      MapObject(object.fd, object.writable, object.header.file_bytes, pages, paths.seats);
  if (!map.ok()) return map.status();
  seats_header = object.header;
  seats = *std::move(map);
  seats_identity = object.facts.identity;
  seats_probe = os::LockProbe(paths.seats, seats_identity, std::move(object.fd));
  return absl::OkStatus();
}

absl::Status MappedRing::OpenSeatsToLock() {
  absl::StatusOr<os::LockProbe> probe = os::LockProbe::OpenToLock(paths.seats, seats_identity);
  if (!probe.ok()) return probe.status();
  seats_probe = *std::move(probe);
  return absl::OkStatus();
}

internal::RingMemory MappedRing::memory() const {
  return {reinterpret_cast<internal::RingControl*>(ring.data() + internal::kRingControlOffset),
          ring.data() + internal::kRingDataOffset, header.capacity, header.max_message};
}

internal::SeatTable MappedRing::table() const {
  return {reinterpret_cast<internal::SeatsControl*>(seats.data()),
          reinterpret_cast<internal::Seat*>(seats.data() + internal::kSeatsOffset), seats_header.seats};
}

}  // namespace millrace::segment
