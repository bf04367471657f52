// SPDX-License-Identifier: Apache-2.0
// A reader with a planted bug: it trusts a hostile header. AddressSanitizer must report it.
// Usage: `asan_planted none|length`.
#include <cstdio>
#include <cstring>

#include "tests/support/heap_ring.h"

namespace millrace::testing {
namespace {

using internal::RealAtomics;

// Takes the length from the header without Judge, which would refuse it.
class Reckless : public internal::RingView<RealAtomics> {
 public:
  using RingView::RingView;
  unsigned Sum(uint64_t position) const {
    const uint64_t length = HeaderAt(position) & internal::kFrameLengthMask;
    unsigned sum = 0;
    for (uint64_t i = 0; i < length; ++i) sum += static_cast<unsigned>(PayloadAt(position)[i]);
    return sum;
  }
};

int Main(const char* bug) {
  HeapRing<> ring(internal::kMinCapacity);
  auto consumer = ring.Lossless(0);
  ring.WordAt(0) = internal::MakeFrameHeader(0, internal::kFrameLengthMask);
  if (std::strcmp(bug, "length") == 0) {
    std::printf("sum %u\n", Reckless(ring.memory()).Sum(0));
    return 0;
  }
  internal::Lent lent;
  const bool refused = !consumer.Next(&lent) && consumer.NextSlow(&lent) == internal::Read::kDamaged;
  std::printf("hostile header %s\n", refused ? "refused" : "believed");
  return refused ? 0 : 1;
}

}  // namespace
}  // namespace millrace::testing

int main(int argc, char** argv) { return millrace::testing::Main(argc > 1 ? argv[1] : ""); }
