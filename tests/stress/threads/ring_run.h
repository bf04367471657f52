// SPDX-License-Identifier: Apache-2.0
// The state of one run of the ring's stress test: the ring, the failures, and the counts of all roles.
#ifndef MILLRACE_TESTS_STRESS_THREADS_RING_RUN_H_
#define MILLRACE_TESTS_STRESS_THREADS_RING_RUN_H_

#include <atomic>
#include <cstdio>
#include <mutex>

#include "tests/support/heap_ring.h"

namespace millrace::testing {

struct Plan {
  uint64_t capacity;
  internal::Point start;
  bool asym;
  uint64_t seed;
  int64_t ns;
};

enum class Role { kLossless, kClumsy, kLossy, kObserver, kMember, kCount };
inline constexpr const char* kRoleNames[] = {"lossless", "evicted", "lossy", "observer", "member"};
inline constexpr uint32_t kClumsySeat = 5;

struct Tally {
  uint64_t received = 0, lost = 0, overruns = 0, joins = 0, refused = 0, evicted = 0, sleeps = 0,
           late_wakeups = 0;

  void operator+=(const Tally& t) {
    received += t.received, lost += t.lost, overruns += t.overruns, joins += t.joins, refused += t.refused;
    evicted += t.evicted, sleeps += t.sleeps, late_wakeups += t.late_wakeups;
  }
};

template <class A>
struct Run {
  explicit Run(const Plan& p) : plan(p), ring(p.capacity, p.start), oracle(p.seed, 0, ring.max_message()) {
    internal::RoomWords& room = ring.control().room;
    room.flags = uint64_t{1} << 32 | (p.asym ? internal::kFlagAsym : 0);
    room.state = internal::MakeState(1, /*open=*/true);
  }

  void Fail(const char* what, uint64_t value = 0) {
    const std::lock_guard lock(mutex_);
    if (failures_.fetch_add(1) > 10) return;
    std::fprintf(stderr, "FAILED (capacity %llu, seed %llu): %s (%llu)\n",
                 static_cast<unsigned long long>(plan.capacity), static_cast<unsigned long long>(plan.seed),
                 what, static_cast<unsigned long long>(value));
  }
  bool Failed() const { return failures_.load(std::memory_order_relaxed) != 0; }

  // Records that a role has received its first message. The producer continues until every role has one.
  void Seen(Role role) { seen_[static_cast<int>(role)].store(true, std::memory_order_relaxed); }
  bool AllSeen() const {
    for (const std::atomic<bool>& seen : seen_) {
      if (!seen.load(std::memory_order_relaxed)) return false;
    }
    return true;
  }
  void CheckEnd(uint64_t sequence) {
    if (sequence != end.load(std::memory_order_relaxed)) Fail("the end was not read to");
  }
  void Report(Role role, const Tally& tally) {
    const std::lock_guard lock(mutex_);
    tallies[static_cast<int>(role)] += tally;
  }

  const Plan plan;
  HeapRing<A> ring;
  const Oracle oracle;
  std::atomic<uint64_t> end{0};  // sequence after the last message, stored when the ring is closed
  Tally tallies[static_cast<int>(Role::kCount)];
  uint64_t published = 0, full = 0, parked = 0, aborted = 0;  // the producer's counts

 private:
  std::mutex mutex_;
  std::atomic<int> failures_{0};
  std::atomic<bool> seen_[static_cast<int>(Role::kCount)] = {};
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_STRESS_THREADS_RING_RUN_H_
