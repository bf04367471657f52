// SPDX-License-Identifier: Apache-2.0
// A batch: frames that become visible together, when the header of the first one is stored.
//
// Purpose: protocol/publish.md "Batches". OpenBatch keeps what RingProducer (ring_producer.h) must know while
// a batch is open: where it began, its bounds, and the header that is held back.
// Threads: one at a time, the producer's.
//
// I1  While the batch is open, its first header is 0 in shared memory. So no reader gets past it, and later
//     headers of the batch need no order.
#ifndef MILLRACE_INTERNAL_RING_BATCH_H_
#define MILLRACE_INTERNAL_RING_BATCH_H_

#include <cstddef>
#include <cstdint>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_view.h"
#include "millrace/internal/words.h"

namespace millrace::internal {

template <class A>
struct OpenBatch {
  using W = Words<A>;

  // Returns how many bytes of frames a batch may have at most, padding not counted.
  static uint64_t MostBytes(uint64_t capacity) noexcept { return capacity / 4; }

  // Returns whether the batch may grow by `frame` bytes at `position`. Padding does not count, so that the
  // answer does not depend on where in the ring the batch began.
  bool HasRoomFor(uint64_t frame, uint64_t position, uint64_t capacity) const noexcept {
    return position + frame - start.position - padding <= MostBytes(capacity);
  }
  // Returns the position where the last message of the batch, with the header after it, ends at most.
  uint64_t LastEnd(uint64_t capacity) const noexcept {
    return start.position + padding + MostBytes(capacity) + kFrameHeader;
  }

  // Stores the header of a frame of the batch, or holds it back if it is the first one (I1).
  void StoreHeader(std::byte* frame, uint64_t header) noexcept {
    if (frame == first)
      first_header = header;
    else
      W::StoreBatchedHeader(*reinterpret_cast<uint64_t*>(frame), header);
  }

  void Close() noexcept {
    open = false;
    straight_end = 0;  // nothing fits
  }

  bool open = false;           // if false, the other fields are of the last batch
  bool mark_due = false;       // room was made in this batch; the mark waits until the commit
  std::byte* first = nullptr;  // first frame of the batch
  Point start;                 // of the first frame
  uint64_t fill = 0;           // bytes other than payloads and headers that came before the batch
  uint64_t padding = 0;        // bytes of padding frames in the batch
  uint64_t first_header = 0;   // header of the first frame, held back until the commit
  uintptr_t straight_end = 0;  // address; bound of the batch's straight path: limit, the lap, LastEnd
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_RING_BATCH_H_
