// SPDX-License-Identifier: Apache-2.0
// Runs one producer, six consumers of every kind and a group of two as threads
// on one heap buffer, at full speed:
//   ring_stress --seconds N --seed S
// Every payload validates itself, every gap must equal the reported loss, and every consumer must end at the
// last message. Prints threads and messages. A role that received nothing is a failure.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/stress/threads/ring_members.h"
#include "tests/stress/threads/ring_readers.h"
#include "tests/stress/threads/sharp_atomics.h"

namespace millrace::testing {
namespace {

template <class A>
class Writer {
  using W = internal::Words<A>;

 public:
  explicit Writer(Run<A>& run) : run_(run), random_(run.plan.seed) {}

  void operator()() {
    producer_ = run_.ring.Attach(run_.plan.start, run_.plan.asym);
    const int64_t until = os::MonotonicNs() + run_.plan.ns;
    for (uint64_t i = 0; !run_.Failed(); ++i) {
      if (i % 64 == 0 && os::MonotonicNs() >= until && run_.AllSeen()) break;
      PublishOne();
    }
    run_.end.store(producer_.sequence(), std::memory_order_relaxed);  // ordered by the store of the state
    run_.published = producer_.sequence() - run_.plan.start.sequence;
    internal::RingControl& control = run_.ring.control();
    W::StoreState(control.room, internal::MakeState(1, /*open=*/false));
    W::BumpWakeEpoch(control.wake);
    os::FutexWakeAll(&control.wake.epoch);
  }

 private:
  void PublishOne() {
    const uint64_t sequence = producer_.sequence();
    const size_t bytes = run_.oracle.SizeOf(sequence);
    const size_t more = random_() % 4 == 0 ? random_() % (run_.ring.max_message() - bytes + 1) : 0;
    std::byte* data = ClaimStraight(producer_, bytes + more);
    if (data == nullptr) data = ClaimSlow(bytes + more);
    if (data == nullptr) return;
    if (random_() % 32 == 0) {  // aborted: the next claim may have another size
      ++run_.aborted;
      return;
    }
    std::byte* const message = buffer_(bytes);
    run_.oracle.Fill(sequence, {message, bytes});
    A::CopyIn(data, message, bytes);
    if (producer_.Commit(bytes)) Wake();
  }

  void Wake() {
    if (producer_.AfterCommit()) os::FutexWakeAll(&run_.ring.control().wake.epoch);
    producer_.PrepareNext();
  }

  std::byte* ClaimSlow(size_t bytes) {
    std::byte* data = TryClaim(bytes);
    if (data != nullptr) return data;
    ++run_.full;
    if (random_() % 2 == 0) {
      sched_yield();
      return TryClaim(bytes);
    }
    ++run_.parked;
    internal::ParkProducer<A>(run_.ring.seats_control(), kSystem, 0, INT64_MAX, [&] {
      data = TryClaim(bytes);
      return data != nullptr;
    });
    return data;
  }

  std::byte* TryClaim(size_t bytes) {
    bool wake = false;
    std::byte* const data = producer_.ClaimSlow(bytes, &wake);
    if (wake) Wake();
    if (data == nullptr && random_() % 8 == 0) {
      producer_.HoldingBack([&](const internal::Blocker& blocker) {
        if (blocker.index == kClumsySeat)
          producer_.Evict(blocker.index, blocker.state, internal::EvictedWhy::kHeldBack);
      });
    }
    return data;
  }

  Run<A>& run_;
  std::mt19937_64 random_;
  internal::RingProducer<A> producer_;
  CopyBuffer buffer_;
};

struct Sum {
  uint64_t threads = 0, published = 0, received = 0, late_wakeups = 0;
  bool failed = false;
};

template <class A>
void RunOnce(const Plan& plan, const char* policy, Sum& sum) {
  Run<A> run(plan);
  GroupRun group;
  {
    const internal::SeatTable seats = run.ring.table();
    if (!internal::CreateGroup<A>(run.ring.view(), seats, 0, /*durable=*/true, internal::StartAt::kEnd, 0)) {
      run.Fail("the group cannot be created");
    }
    const internal::GroupPlace place{0, internal::Words<A>::Peek(seats.control->groups[0].generation)};
    const std::pair<Role, uint32_t> readers[] = {{Role::kLossless, 0}, {Role::kLossless, 3},
                                                 {Role::kLossy, 1},    {Role::kLossy, 2},
                                                 {Role::kObserver, 4}, {Role::kClumsy, kClumsySeat}};
    std::vector<std::thread> threads;
    for (const auto& [role, seat] : readers) {
      threads.emplace_back([&run, role = role, seat = seat] {
        Reader<A> reader(run, role, seat);
        reader();
      });
    }
    for (uint32_t number = 0; number < 3; ++number) {
      threads.emplace_back([&run, &group, place, number] {
        MemberThread<A> member(run, group, place, number);
        member();
      });
    }
    threads.emplace_back([&run] {
      Writer<A> writer(run);
      writer();
    });
    sum.threads += threads.size();
    for (std::thread& thread : threads) thread.join();
  }
  for (uint64_t message = 0; message < run.published && !run.Failed(); ++message) {
    if (!group.WasGiven(message)) run.Fail("given to no member of the group", plan.start.sequence + message);
  }
  std::printf(
      "%2llu KiB, %s, %s: published %llu, full %llu, aborted %llu; members died %llu times, %llu messages "
      "again\n",
      static_cast<unsigned long long>(plan.capacity >> 10), plan.asym ? "membarrier" : "fences", policy,
      static_cast<unsigned long long>(run.published), static_cast<unsigned long long>(run.full),
      static_cast<unsigned long long>(run.aborted), static_cast<unsigned long long>(group.deaths),
      static_cast<unsigned long long>(group.again));
  sum.published += run.published;
  sum.failed |= run.Failed() || run.published == 0;
  for (int i = 0; i < static_cast<int>(Role::kCount); ++i) {
    const Tally& t = run.tallies[i];
    std::printf(
        "    %-8s received %llu, lost %llu, overruns %llu, joins %llu (refused %llu), evicted %llu, sleeps "
        "%llu, "
        "late wake-ups %llu\n",
        kRoleNames[i], static_cast<unsigned long long>(t.received), static_cast<unsigned long long>(t.lost),
        static_cast<unsigned long long>(t.overruns), static_cast<unsigned long long>(t.joins),
        static_cast<unsigned long long>(t.refused), static_cast<unsigned long long>(t.evicted),
        static_cast<unsigned long long>(t.sleeps), static_cast<unsigned long long>(t.late_wakeups));
    sum.received += t.received;
    sum.late_wakeups += t.late_wakeups;
    sum.failed |= t.received == 0 || t.late_wakeups != 0;
  }
}

int Main(int seconds, uint64_t seed) {
  alarm(static_cast<unsigned>(seconds) + 240);  // a watchdog: a stall ends the process
  const bool membarrier = os::RegisterForBarriers();
  if (!membarrier) std::printf("SKIPPED: runs with membarrier, which this kernel refuses\n");
  constexpr bool kSharp = MILLRACE_THREAD_SANITIZER != 0;  // in other builds it equals RealAtomics
  constexpr internal::Point kStart{~uint64_t{0} - 8 * 999 + 1, (uint64_t{1} << 32) - 500};
  const int runs = (membarrier ? 4 : 2) * (kSharp ? 2 : 1);
  Sum sum;
  for (const uint64_t capacity : {uint64_t{4096}, uint64_t{65536}}) {
    for (const bool asym : {false, true}) {
      if (asym && !membarrier) continue;
      const Plan plan{capacity, kStart, asym, ++seed, int64_t{1'000'000'000} * seconds / runs};
      RunOnce<internal::RealAtomics>(plan, "fences as the sanitizer knows them", sum);
      if constexpr (kSharp) RunOnce<SharpAtomics>(plan, "fences unseen by the sanitizer", sum);
    }
  }
  std::printf("ring_stress: %llu threads x %llu messages published, %llu received, %llu late wake-ups: %s\n",
              static_cast<unsigned long long>(sum.threads), static_cast<unsigned long long>(sum.published),
              static_cast<unsigned long long>(sum.received),
              static_cast<unsigned long long>(sum.late_wakeups), sum.failed ? "FAILED" : "ok");
  return sum.failed ? 1 : 0;
}

}  // namespace
}  // namespace millrace::testing

int main(int argc, char** argv) {
  int seconds = 8;
  uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  return millrace::testing::Main(seconds, seed);
}
