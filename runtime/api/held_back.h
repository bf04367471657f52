// How long somebody has left a producer no room.
//
// Only time between two looks of a producer that wanted room counts, and only if the holder stood at the same place
// at both: one that has moved has made room, whoever has used it since. A gap between two looks counts up to a
// bound, because a producer that was stopped, or did not ask, was held back by nobody.
#ifndef MILLRACE_RUNTIME_API_HELD_BACK_H_
#define MILLRACE_RUNTIME_API_HELD_BACK_H_

#include <algorithm>
#include <cstdint>

namespace millrace::api {

class HeldBack {
 public:
  // The holder of this generation is in the way at `position`. Returns for how long it has been, in nanoseconds.
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

}  // namespace millrace::api

#endif  // MILLRACE_RUNTIME_API_HELD_BACK_H_
