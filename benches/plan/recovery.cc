// SPDX-License-Identifier: Apache-2.0
// Measures the time from a kill -9 until the producer publishes again, and until a successor has taken over.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

#include "benches/harness/process.h"
#include "benches/harness/shared_memory.h"
#include "benches/harness/ticks.h"
#include "benches/plan/experiments.h"
#include "millrace/millrace.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;

struct Page {
  std::atomic<uint32_t> step{0};
  std::atomic<uint64_t> published{0};  // ticks of the first message after the kill
  char failure[192] = {};
};

void Must(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

constexpr double kPatienceSeconds = 10;

void Await(const std::atomic<uint32_t>& step, uint32_t wanted) {
  const uint64_t deadline = Ticks() + TicksOfNs(kPatienceSeconds * 1e9);
  while (step.load() < wanted) {
    if (Ticks() > deadline) throw std::runtime_error("recovery: a process got stuck");
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

void KillAndBury(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

// Returns the ns that the kernel needs to end a killed process. No recovery can be faster.
double DeathOfAProcess() {
  SharedObject<Page> page;
  const pid_t child = Spawn(
      CoreOfConsumer(0),
      [&] {
        page->step.store(1);
        for (;;) pause();
      },
      page->failure, sizeof page->failure);
  Await(page->step, 1);
  std::this_thread::sleep_for(milliseconds(3));  // the child sleeps by now
  const uint64_t killed = Ticks();
  KillAndBury(child);
  return NsOfTicks(Ticks() - killed);
}

// A consumer that never reads keeps the ring full, and the producer waits in Publish. Returns the ns from the
// kill of the consumer to the next message.
double AfterConsumersDeath() {
  const std::string name = UniqueName();
  SharedObject<Page> page;
  const pid_t producer = Spawn(
      CoreOfProducer(),
      [&] {
        auto p = Producer::Create(name, {.capacity = 65536});
        Must(p.status());
        page->step.store(1);
        if (!p->WaitForConsumers(1, std::chrono::seconds(10))) throw std::runtime_error("no consumer came");
        const uint64_t word = 1;
        const auto bytes = std::as_bytes(std::span(&word, 1));
        while (p->TryPublish(bytes) == Sent::kOk) continue;
        page->step.store(2);
        if (p->Publish(bytes) != Sent::kOk) throw std::runtime_error("publishing failed");
        page->published.store(Ticks());
        page->step.store(3);
      },
      page->failure, sizeof page->failure);
  Await(page->step, 1);
  const pid_t consumer = Spawn(
      CoreOfConsumer(0),
      [&] {
        auto c = Consumer::Open(name, Delivery::Lossless());
        Must(c.status());
        for (;;) pause();
      },
      page->failure, sizeof page->failure);
  Await(page->step, 2);
  std::this_thread::sleep_for(milliseconds(3));  // the producer waits in the kernel by now
  const uint64_t killed = Ticks();
  KillAndBury(consumer);
  Await(page->step, 3);
  Reap(producer, kPatienceSeconds);
  SegmentManager().Unlink(name, SegmentManager::Force::kYes).IgnoreError();
  return NsOfTicks(page->published.load() - killed);
}

// A standby waits in Open for the producer's death. Returns the ns from the kill of the producer to the
// standby's first message.
double AfterProducersDeath() {
  const std::string name = UniqueName();
  SharedObject<Page> page;
  const pid_t producer = Spawn(
      CoreOfProducer(),
      [&] {
        auto p = Producer::Create(name, {.capacity = 65536});
        Must(p.status());
        const uint64_t word = 1;
        if (p->TryPublish(std::as_bytes(std::span(&word, 1))) != Sent::kOk)
          throw std::runtime_error("publishing failed");
        page->step.store(1);
        for (;;) pause();
      },
      page->failure, sizeof page->failure);
  Await(page->step, 1);
  const pid_t successor = Spawn(
      CoreOfConsumer(0),
      [&] {
        page->step.store(2);
        auto p = Producer::Open(name, {.take_over_timeout = std::chrono::seconds(10)});
        Must(p.status());
        const uint64_t word = 2;
        if (p->TryPublish(std::as_bytes(std::span(&word, 1))) != Sent::kOk)
          throw std::runtime_error("publishing failed");
        page->published.store(Ticks());
        page->step.store(3);
      },
      page->failure, sizeof page->failure);
  Await(page->step, 2);
  std::this_thread::sleep_for(milliseconds(5));  // the standby waits for the lock by now
  const uint64_t killed = Ticks();
  KillAndBury(producer);
  Await(page->step, 3);
  Reap(successor, kPatienceSeconds);
  SegmentManager().Unlink(name, SegmentManager::Force::kYes).IgnoreError();
  return NsOfTicks(page->published.load() - killed);
}

Fact Repeat(const char* id, const char* what, const char* note, int times, double (*measure)()) {
  Fact fact{.id = id, .what = what, .unit = "ns", .values = {}, .note = note};
  try {
    for (int i = 0; i < times; ++i) {
      ThrowIfInterrupted();
      fact.values.push_back(measure());
    }
  } catch (const std::runtime_error& e) {
    std::fprintf(stderr, "  %s: %s\n", id, e.what());
    if (fact.values.empty()) fact.unavailable = e.what();
  }
  return fact;
}

}  // namespace

void MeasureRecovery(const Settings& settings, Observations* out) {
  const int times = settings.quick ? 15 : 100;
  out->facts.push_back(Repeat("recovery.death", "kill -9 of a process without a queue, to its end in waitpid",
                              "the kernel's part of the two below", times, DeathOfAProcess));
  out->facts.push_back(
      Repeat("recovery.consumer_killed",
             "kill -9 of a lossless consumer that kept the ring full, to the producer's next publish",
             "small processes; the producer was asleep waiting for room", times, AfterConsumersDeath));
  out->facts.push_back(
      Repeat("recovery.producer_killed", "kill -9 of the producer, to its successor's first message",
             "small processes; the successor was waiting in Open", times, AfterProducersDeath));
}

}  // namespace millrace::bench
