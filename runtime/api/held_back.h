// SPDX-License-Identifier: Apache-2.0
// Measures how long a blocker has left the producer no room.
//
// Time counts only between two looks of a producer that wanted room, and only if the blocker was at one place
// at both looks. A blocker that has moved has made room, even if that room is already used. The time between
// two looks counts up to a bound: a producer that was stopped, or did not look, was not held back in that
// time.
#ifndef MILLRACE_RUNTIME_API_HELD_BACK_H_
#define MILLRACE_RUNTIME_API_HELD_BACK_H_

#include <algorithm>
#include <cstdint>

namespace millrace::internal {

class HeldBack {
 public:
  // Notes that the blocker of this generation is in the way at `position`. Returns how long it has been there,
  // in nanoseconds.
  int64_t At(uint32_t generation, uint64_t position, int64_t now_ns, int64_t most_between_looks_ns) noexcept {
    if (!in_the_way_ || generation != generation_ || position != position_) {
      *this = HeldBack();
      in_the_way_ = true;
      generation_ = generation;
      position_ = position;
    } else {
      held_ns_ += std::min(now_ns - looked_ns_, most_between_looks_ns);
    }
    looked_ns_ = now_ns;
    return held_ns_;
  }
  void Forget() noexcept { *this = HeldBack(); }

 private:
  bool in_the_way_ = false;
  uint32_t generation_ = 0;
  uint64_t position_ = 0;
  int64_t looked_ns_ = 0;
  int64_t held_ns_ = 0;
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_HELD_BACK_H_
