// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/slice.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "benches/harness/process.h"

namespace millrace::bench {
namespace {

using std::chrono::steady_clock;

constexpr auto kSetUpTime = std::chrono::seconds(20);  // daemons and discovery may be slow
constexpr double kTimeToDrain = 15;

struct Children {
  std::vector<pid_t> consumers;
  pid_t producer = 0;

  bool AnyGone() const {
    const auto gone = [](pid_t child) {
      siginfo_t info{};
      return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
             info.si_pid != 0;
    };
    return gone(producer) || std::any_of(consumers.begin(), consumers.end(), gone);
  }
};

std::string FirstFailure(const Shared& shared, int consumers) {
  if (shared.producer.failure[0] != '\0') return std::string("producer: ") + shared.producer.failure;
  for (int i = 0; i < consumers; ++i) {
    if (shared.consumers[i].failure[0] != '\0')
      return std::string("consumer: ") + shared.consumers[i].failure;
  }
  return "";
}

double RateOf(const Report& consumer, uint64_t start) {
  uint64_t from = start, messages = consumer.messages;
  if (consumer.warm_ticks != 0 && consumer.messages > consumer.warm_messages) {
    from = consumer.warm_ticks;
    messages -= consumer.warm_messages;
  }
  const double seconds = NsOfTicks(consumer.end_ticks - from) / 1e9;
  return seconds > 0 ? static_cast<double>(messages) / seconds : 0;
}

void Collect(const Shared& shared, const Work& work, SliceResult* result) {
  const uint64_t start = shared.start.load();
  const auto seconds_until = [&](uint64_t end) { return NsOfTicks(end - start) / 1e9; };
  const Report& producer = shared.producer;
  result->sent = producer.messages;
  if (const double seconds = seconds_until(producer.end_ticks); seconds > 0) {
    result->sent_per_second = static_cast<double>(producer.messages) / seconds;
    result->producer_cpu = static_cast<double>(producer.cpu_ns) / 1e9 / seconds;
  }
  for (int i = 0; i < work.consumers; ++i) {
    const Report& consumer = shared.consumers[i];
    result->per_second_by.push_back(RateOf(consumer, start));
    result->lost += producer.messages - std::min(producer.messages, consumer.messages);
    result->damaged += consumer.damaged;
  }
  result->per_second = *std::min_element(result->per_second_by.begin(), result->per_second_by.end());
  const Report& first = shared.consumers[0];
  if (const double seconds = seconds_until(first.end_ticks); seconds > 0)
    result->consumer_cpu = static_cast<double>(first.cpu_ns) / 1e9 / seconds;
  if (work.activity == Activity::kLatency || work.activity == Activity::kPaced)
    result->latency = std::make_shared<Histogram>(shared.latency);
}

}  // namespace

SliceResult SliceRunner::Run(const Rival& rival, Work work) {
  ThrowIfInterrupted();
  work.name = UniqueName();
  work.oversubscribed = Oversubscribed(work.consumers);
  SliceResult result;
  SharedObject<Shared> shared;
  result.line_ns_before = probe_.LineNs();
  try {
    const std::unique_ptr<Job> job = rival.open(work);
    Children children;
    children.producer = Spawn(
        CoreOfProducer(), [&] { job->Produce(*shared); }, shared->producer.failure,
        sizeof shared->producer.failure);
    for (int i = 0; i < work.consumers; ++i) {
      Report& report = shared->consumers[i];
      children.consumers.push_back(Spawn(
          CoreOfConsumer(i), [&, i] { job->Consume(i, *shared); }, report.failure, sizeof report.failure));
    }
    const auto deadline = steady_clock::now() + kSetUpTime;
    const uint32_t all = static_cast<uint32_t>(work.consumers) + 1;
    bool set_up = false;
    while (!(set_up = shared->ready.load() == all) && steady_clock::now() < deadline && !children.AnyGone()) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    bool ended = set_up;
    if (set_up) {
      const uint64_t start = Ticks();
      const uint64_t ticks = TicksOfNs(seconds_ * 1e9);
      shared->warm.store(start + ticks / 8);
      shared->end.store(start + ticks);
      shared->start.store(start, std::memory_order_release);
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds_));
    }
    // If a child failed, the other children wait for it in vain.
    const double patience = set_up ? kTimeToDrain : 0.2;
    ended &= Reap(children.producer, patience);
    for (const pid_t child : children.consumers) ended &= Reap(child, ended ? patience : 0.2);
    result.failure = FirstFailure(*shared, work.consumers);
    if (result.failure.empty() && !set_up) result.failure = "did not get ready";
    if (result.failure.empty() && !ended) result.failure = "did not end";
  } catch (const std::exception& e) {
    result.failure = e.what();
  }
  result.line_ns_after = probe_.LineNs();
  result.placement = PlacementOf(result.line_ns_before, result.line_ns_after);
  if (result.failure.empty()) Collect(*shared, work, &result);
  return result;
}

}  // namespace millrace::bench
