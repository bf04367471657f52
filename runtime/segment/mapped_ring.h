// SPDX-License-Identifier: Apache-2.0
// A mapped ring: a ring whose objects this process has opened, checked and mapped.
//
// Producers, consumers and the calls of an operator all begin with one. It takes no lock and no seat.
#ifndef MILLRACE_RUNTIME_SEGMENT_MAPPED_RING_H_
#define MILLRACE_RUNTIME_SEGMENT_MAPPED_RING_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/internal/layout.h"
#include "millrace/internal/ring_seats.h"
#include "millrace/internal/ring_view.h"
#include "runtime/os/file.h"
#include "runtime/os/lock.h"
#include "runtime/os/mapping.h"
#include "runtime/segment/names.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {

// How much of `.ring` is mapped: its header and control block, or the messages too.
enum class Extent : bool { kControl, kWhole };

struct MappedRing {
  // Maps `.ring`, for writing if it was opened for writing. With Pages::kNow, a hole in the file is an error.
  static absl::StatusOr<MappedRing> Map(const Paths& paths, RingObject ring, Extent extent, os::Pages pages);
  // Opens the ring, `.ring` as given and `.seats` for writing, and maps both without loading their pages. Fails
  // as OpenRing and OpenSeats do.
  enum class Ring : bool { kReadOnly, kWritable };
  static absl::StatusOr<MappedRing> Open(const Paths& paths, Ring ring, Extent extent);

  // Maps `.seats` too, for writing if it was opened for writing.
  absl::Status MapSeats(SeatsObject object, os::Pages pages);
  // Opens seats_probe again so that it can take locks. Fails with kNotFound if the name leads to another `.seats` now.
  absl::Status OpenSeatsToLock();

  internal::RingMemory memory() const;  // with Extent::kControl, only the control block may be accessed
  internal::SeatTable table() const;    // requires that `.seats` is mapped
  // Returns true if the name still leads to this `.ring`.
  bool StillNamed() const { return segment::StillNamed(paths.ring, ring_identity); }

  Paths paths;
  internal::RingHeader header;  // the private copies of both headers
  internal::SeatsHeader seats_header;
  os::Mapping ring, seats;  // `seats` is empty until MapSeats
  os::Identity ring_identity, seats_identity;
  os::LockProbe ring_probe, seats_probe;  // for queries; see OpenSeatsToLock
};

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_MAPPED_RING_H_
