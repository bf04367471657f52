// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/probe.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <numeric>
#include <random>
#include <vector>

#include "benches/harness/process.h"
#include "benches/harness/ticks.h"

namespace millrace::bench {
namespace {

constexpr size_t kLines = 256;  // 16 KiB, which fit in the writer's L1 cache
constexpr int kPasses = 15;

struct alignas(64) Line {
  std::atomic<uint32_t> next;
};

void FutexWait(std::atomic<uint32_t>& word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}
void FutexWake(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

struct LineProbe::Page {
  alignas(64) std::atomic<uint32_t> asked{0};    // probes requested; the partner sleeps until it changes
  alignas(64) std::atomic<uint32_t> wanted{0};   // pass for which the reader waits
  alignas(64) std::atomic<uint32_t> written{0};  // last pass that the partner has finished
  std::array<Line, kLines> lines;
};

LineProbe::LineProbe() : page_(std::make_unique<SharedObject<Page>>()) {
  // One cycle through all lines, in an order that no prefetcher can predict.
  std::vector<uint32_t> order(kLines);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::minstd_rand(1));
  Page& page = **page_;
  for (size_t i = 0; i < kLines; ++i) page.lines[order[i]].next = order[(i + 1) % kLines];
  partner_ = Spawn(
      CoreOfConsumer(0),
      [&page] {
        for (uint32_t pass = 0, asked = 0;;) {
          while (page.asked.load() == asked) FutexWait(page.asked, asked);
          ++asked;
          for (int i = 0; i < kPasses; ++i) {
            ++pass;
            while (page.wanted.load(std::memory_order_acquire) != pass) CpuRelax();
            for (Line& line : page.lines) {
              line.next.store(line.next.load(std::memory_order_relaxed), std::memory_order_relaxed);
            }
            page.written.store(pass, std::memory_order_release);
          }
        }
      },
      nullptr, 0);
}

LineProbe::~LineProbe() {
  kill(partner_, SIGKILL);
  waitpid(partner_, nullptr, 0);
}

double LineProbe::LineNs() {
  Page& page = **page_;
  PinTo(CoreOfProducer());
  std::vector<double> found;
  page.asked.fetch_add(1);
  FutexWake(page.asked);
  for (int i = 0; i < kPasses; ++i) {
    const uint32_t pass = page.written.load() + 1;
    page.wanted.store(pass, std::memory_order_release);
    while (page.written.load(std::memory_order_acquire) != pass) CpuRelax();
    uint32_t at = 0;
    const uint64_t before = TicksAfterLoads();
    for (size_t n = 0; n < kLines; ++n) at = page.lines[at].next.load(std::memory_order_relaxed);
    const uint64_t after = TicksAfterLoads();
    if (at == 0) found.push_back(NsOfTicks(after - before) / static_cast<double>(kLines));
  }
  std::sort(found.begin(), found.end());
  return found[found.size() / 2];
}

double ClockSkewNs() {
  struct Trip {
    alignas(64) std::atomic<uint64_t> there{0};
    alignas(64) std::atomic<uint64_t> back{0};
    alignas(64) std::atomic<int64_t> shortest_there{INT64_MAX};
  };
  constexpr int kTrips = 20'000;
  SharedObject<Trip> trip;
  const pid_t partner = Spawn(
      CoreOfConsumer(0),
      [&trip] {
        int64_t shortest = INT64_MAX;
        for (uint64_t last = 0, i = 0; i < kTrips; ++i) {
          uint64_t stamp = 0;
          while ((stamp = trip->there.load(std::memory_order_acquire)) == last) CpuRelax();
          last = stamp;
          const uint64_t now = TicksAfterLoads();
          shortest = std::min(shortest, static_cast<int64_t>(now - stamp));
          trip->shortest_there.store(shortest, std::memory_order_relaxed);
          trip->back.store(TicksAfterLoads(), std::memory_order_release);
        }
      },
      nullptr, 0);
  PinTo(CoreOfProducer());
  int64_t shortest_back = INT64_MAX;
  for (uint64_t last = 0, i = 0; i < kTrips; ++i) {
    trip->there.store(TicksAfterLoads(), std::memory_order_release);
    uint64_t stamp = 0;
    while ((stamp = trip->back.load(std::memory_order_acquire)) == last) CpuRelax();
    last = stamp;
    shortest_back = std::min(shortest_back, static_cast<int64_t>(TicksAfterLoads() - stamp));
  }
  Reap(partner, 2);
  return static_cast<double>(trip->shortest_there.load() - shortest_back) / 2 / TicksPerNs();
}

}  // namespace millrace::bench
