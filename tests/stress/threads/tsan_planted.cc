// SPDX-License-Identifier: Apache-2.0
// A ring with a planted ordering bug that ThreadSanitizer must report.
// Usage: `tsan_planted none|publish|receive|free|scan`.
//
// One producer and one lossless consumer, which reads in place, run three laps of the smallest ring. Only the
// ring's own labelled accesses order the two threads. So a report does not depend on timing.
#include <cstdio>
#include <cstring>
#include <thread>

#include "tests/stress/threads/broken_atomics.h"
#include "tests/support/heap_ring.h"

namespace millrace::testing {
namespace {

using internal::Site;

constexpr uint64_t kCapacity = internal::kMinCapacity;
constexpr uint64_t kMessages = 3 * kCapacity / 64;

template <class A>
int Run() {
  HeapRing<A> ring(kCapacity);
  const Oracle oracle(1, 0, 200);
  auto consumer = ring.Lossless(0);
  uint64_t torn = 0;
  std::thread reader([&] {
    for (uint64_t expected = 0; expected < kMessages;) {
      internal::Lent lent;
      if (consumer.Next(&lent) || consumer.NextSlow(&lent) == internal::Read::kMessage) {
        torn += lent.sequence != expected++ || !oracle.Check(lent.sequence, {lent.data, lent.bytes});
      } else {
        std::this_thread::yield();
      }
      consumer.StorePosition();
    }
  });
  auto producer = ring.Attach();
  while (producer.sequence() < kMessages) {
    if (!Publish(producer, oracle)) std::this_thread::yield();
  }
  reader.join();
  std::printf("2 threads, %llu messages, %llu torn\n", static_cast<unsigned long long>(kMessages),
              static_cast<unsigned long long>(torn));
  return torn == 0 ? 0 : 1;
}

int Main(const char* bug) {
  if (std::strcmp(bug, "none") == 0) return Run<BrokenAtomics<>>();
  if (std::strcmp(bug, "publish") == 0) return Run<BrokenAtomics<Site::P2>>();  // header before payload
  if (std::strcmp(bug, "receive") == 0) return Run<BrokenAtomics<Site::C1>>();  // payload before header
  if (std::strcmp(bug, "free") == 0) return Run<BrokenAtomics<Site::C6>>();  // position before the last read
  if (std::strcmp(bug, "scan") == 0) return Run<BrokenAtomics<Site::R5>>();  // bytes before the position
  std::fprintf(stderr, "usage: tsan_planted none|publish|receive|free|scan\n");
  return 0;  // the test then fails, because it expects a report
}

}  // namespace
}  // namespace millrace::testing

int main(int argc, char** argv) { return millrace::testing::Main(argc > 1 ? argv[1] : ""); }
