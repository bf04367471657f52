// SPDX-License-Identifier: Apache-2.0
// Facts about rings as structs of the C interface.
#ifndef MILLRACE_RUNTIME_C_RING_INFO_H_
#define MILLRACE_RUNTIME_C_RING_INFO_H_

#include <memory>
#include <vector>

#include "millrace.h"
#include "millrace/ring_info.h"

namespace millrace::c {

millrace_producer_info InfoOf(const ProducerInfo& producer);

// What millrace_inspect hands out: the C struct, and everything to which it points.
struct OwnedRing : millrace_ring_info {
  explicit OwnedRing(RingInfo&& ring);
  OwnedRing(const OwnedRing&) = delete;

 private:
  RingInfo facts_;  // its strings are those of the C struct
  millrace_producer_info producer_;
  std::vector<millrace_seat_info> seats_;
  std::vector<const millrace_seat_info*> seat_pointers_;
  std::vector<millrace_group_info> groups_;
  std::vector<const millrace_group_info*> group_pointers_;
};

struct OwnedRings : millrace_ring_list {
  explicit OwnedRings(std::vector<RingInfo>&& found);
  OwnedRings(const OwnedRings&) = delete;

 private:
  std::vector<std::unique_ptr<OwnedRing>> rings_;
  std::vector<const millrace_ring_info*> pointers_;
};

struct OwnedStale : millrace_stale_list {
  explicit OwnedStale(std::vector<Stale>&& found);
  OwnedStale(const OwnedStale&) = delete;

 private:
  std::vector<Stale> facts_;
  std::vector<millrace_stale> stale_;
  std::vector<const millrace_stale*> pointers_;
};

}  // namespace millrace::c

#endif  // MILLRACE_RUNTIME_C_RING_INFO_H_
