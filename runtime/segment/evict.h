// SPDX-License-Identifier: Apache-2.0
// Takes the seat of a consumer away.
#ifndef MILLRACE_RUNTIME_SEGMENT_EVICT_H_
#define MILLRACE_RUNTIME_SEGMENT_EVICT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "runtime/segment/names.h"

namespace millrace::segment {

// Evicts the holder of a seat. Fails with kNotFound unless the seat has a holder of that generation.
absl::Status EvictSeat(const Paths& paths, uint32_t seat, uint32_t generation);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_EVICT_H_
