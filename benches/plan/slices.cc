// Experiments that are made of slices.
#include <algorithm>
#include <cstdio>

#include "benches/harness/process.h"
#include "benches/plan/experiments.h"

namespace millrace::bench {
namespace {

void RunOne(const std::string& experiment, const Rival& rival, const Work& work, int round,
            SliceRunner& runner, Observations* out) {
  out->slices.push_back({experiment, rival.name, work, round, runner.Run(rival, work)});
  const SliceResult& slice = out->slices.back().slice;
  if (!slice.failure.empty()) {
    std::fprintf(stderr, "  %s %s, %zu bytes, %d consumer(s): %s\n", experiment.c_str(), rival.name.c_str(),
                 work.bytes, work.consumers, slice.failure.c_str());
  } else if (slice.damaged != 0) {
    std::fprintf(stderr, "  %s %s, %zu bytes: %llu DAMAGED MESSAGES\n", experiment.c_str(),
                 rival.name.c_str(), work.bytes, static_cast<unsigned long long>(slice.damaged));
  }
}

bool Carries(const Rival& rival, size_t bytes) {
  return bytes >= rival.least_bytes && bytes <= rival.most_bytes;
}

bool Can(const Rival& rival, Waiting waiting) {
  return std::find(rival.waits.begin(), rival.waits.end(), waiting) != rival.waits.end();
}

}  // namespace

void MeasureThroughput(const Settings& settings, int round, SliceRunner& runner, Observations* out) {
  const std::vector<size_t> sizes =
      settings.smoke ? std::vector<size_t>{8, 64, 65536} : std::vector<size_t>{8, 64, 256, 1024, 4096, 65536};
  for (const size_t bytes : sizes) {
    for (const Rival& rival : Rivals()) {
      if (!rival.throughput || !Carries(rival, bytes) || !settings.WantsSubject(rival.name)) continue;
      const Work work{
          .waiting = rival.throughput_waiting, .bytes = bytes, .capacity_bytes = settings.capacity_bytes};
      RunOne("throughput", rival, work, round, runner, out);
    }
  }
}

void MeasureLatency(const Settings& settings, int round, SliceRunner& runner, Observations* out) {
  struct Case {
    Waiting waiting;
    size_t bytes;
    uint64_t pause_low_ns, pause_high_ns;
  };
  // Spinning and adaptive: the next message comes before a wake-up would have taken effect. Sleeping: the
  // consumer is surely asleep. The adaptive consumer is measured in both situations.
  constexpr uint64_t kSoon = 300, kNotSoSoon = 2'000, kLater = 150'000, kMuchLater = 300'000;
  const Case cases[] = {
      {Waiting::kSpin, 8, kSoon, kNotSoSoon},      {Waiting::kSpin, 64, kSoon, kNotSoSoon},
      {Waiting::kSpin, 1024, kSoon, kNotSoSoon},   {Waiting::kAdaptive, 8, kSoon, kNotSoSoon},
      {Waiting::kAdaptive, 64, kSoon, kNotSoSoon}, {Waiting::kAdaptive, 8, kLater, kMuchLater},
      {Waiting::kSleep, 8, kLater, kMuchLater},    {Waiting::kSleep, 64, kLater, kMuchLater}};
  for (const Case& c : cases) {
    for (const Rival& rival : Rivals()) {
      if (!rival.latency || !Can(rival, c.waiting) || !settings.WantsSubject(rival.name)) continue;
      // The limits of one line stand for both small sizes.
      if (!Carries(rival, c.bytes)) continue;
      const Work work{.activity = Activity::kLatency,
                      .waiting = c.waiting,
                      .bytes = c.bytes,
                      .capacity_bytes = settings.capacity_bytes,
                      .pause_low_ns = c.pause_low_ns,
                      .pause_high_ns = c.pause_high_ns};
      RunOne(c.waiting == Waiting::kAdaptive && c.pause_low_ns == kLater ? "latency_sparse" : "latency",
             rival, work, round, runner, out);
    }
  }
}

void MeasureFanOut(const Settings& settings, int round, SliceRunner& runner, Observations* out) {
  const std::vector<size_t> sizes =
      settings.quick ? std::vector<size_t>{64} : std::vector<size_t>{8, 64, 1024};
  for (const size_t bytes : sizes) {
    for (const int consumers : {1, 2, 4, 8}) {
      for (const Rival& rival : Rivals()) {
        if (!rival.fan_out || !Carries(rival, bytes) || !settings.WantsSubject(rival.name)) continue;
        const Work work{.waiting = rival.throughput_waiting,
                        .bytes = bytes,
                        .capacity_bytes = settings.capacity_bytes,
                        .consumers = consumers};
        RunOne("fanout", rival, work, round, runner, out);
      }
    }
  }
}

void MeasureOverrun(const Settings& settings, int round, SliceRunner& runner, Observations* out) {
  constexpr uint64_t kSlowNs = 1'000;
  for (const Rival& rival : Rivals()) {
    if (!rival.lossy_mode || !settings.WantsSubject(rival.name)) continue;
    Work work{.waiting = rival.throughput_waiting, .bytes = 64, .capacity_bytes = settings.capacity_bytes};
    work.chew_ns = kSlowNs;
    // One slow consumer that may lose messages: the producer must not care.
    work.lossy = true;
    RunOne("overrun", rival, work, round, runner, out);
    // A slow one that may not, alone and beside a fast one: the second must not cost anything more.
    work.lossy = false;
    RunOne("slow_alone", rival, work, round, runner, out);
    work.consumers = 2;
    RunOne("slow_beside_fast", rival, work, round, runner, out);
  }
}

void MeasureIdle(const Settings& settings, int round, SliceRunner& runner, Observations* out) {
  for (const Rival& rival : Rivals()) {
    if (rival.kind == Kind::kLimit || !rival.latency || !settings.WantsSubject(rival.name)) continue;
    for (const Waiting waiting : rival.waits) {
      const Work work{.activity = Activity::kIdle,
                      .waiting = waiting,
                      .bytes = 8,
                      .capacity_bytes = settings.capacity_bytes};
      RunOne("idle", rival, work, round, runner, out);
    }
  }
}

}  // namespace millrace::bench
