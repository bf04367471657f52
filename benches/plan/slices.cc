// SPDX-License-Identifier: Apache-2.0
// Plans the experiments that consist of slices.
#include <algorithm>

#include "benches/plan/plan.h"

namespace millrace::bench {
namespace {

std::string Size(size_t bytes) { return std::to_string(bytes) + " bytes"; }

bool Can(const Rival& rival, Waiting waiting) {
  return std::find(rival.waits.begin(), rival.waits.end(), waiting) != rival.waits.end();
}

// Returns the way of waiting that replaces one that the rival does not have. Most rivals sleep in the kernel
// by default.
Waiting Nearest(const Rival& rival, Waiting waiting) {
  if (Can(rival, waiting) || waiting != Waiting::kAdaptive) return waiting;
  return Can(rival, Waiting::kSleep) ? Waiting::kSleep : Waiting::kSpin;
}

class Planner {
 public:
  explicit Planner(const Settings& settings) : settings_(settings) {}

  template <class Takes>
  void Add(Group group, Work work, Takes takes) {
    if (!settings_.Wants(group.experiment) || !settings_.WantsSize(work.bytes)) return;
    work.capacity_bytes = settings_.capacity_bytes;
    for (const Rival& rival : Rivals()) {
      if (!takes(rival) || work.bytes < rival.least_bytes || work.bytes > rival.most_bytes ||
          !settings_.WantsSubject(rival.name))
        continue;
      Work own = work;
      // Throughput and similar experiments use the way of waiting that is best for each rival.
      own.waiting = Latencies(work) || work.activity == Activity::kIdle ? Nearest(rival, group.waiting)
                                                                        : rival.throughput_waiting;
      own.lossy |= !rival.lossless;
      group.slices.push_back({&rival, own});
    }
    if (!group.slices.empty()) groups_.push_back(std::move(group));
  }
  std::vector<Group> Finish() && { return std::move(groups_); }

 private:
  static bool Latencies(const Work& work) {
    return work.activity == Activity::kLatency || work.activity == Activity::kPaced;
  }

  const Settings& settings_;
  std::vector<Group> groups_;
};

void PlanThroughput(const Settings& settings, Planner* planner) {
  const std::vector<size_t> sizes =
      settings.smoke ? std::vector<size_t>{8, 64, 65536} : std::vector<size_t>{8, 64, 256, 1024, 4096, 65536};
  for (const size_t bytes : sizes) {
    planner->Add({"throughput", Size(bytes)}, {.bytes = bytes}, [](const Rival& r) { return r.throughput; });
  }
}

struct LatencyCase {
  const char* experiment;
  Waiting waiting;
  size_t bytes;
  uint64_t pause_low_ns, pause_high_ns;
};

// Pauses between messages, in ns. After a short one the next message arrives before a wake-up could take
// effect. After a long one the consumer is certainly asleep. Spinning is measured with short pauses, sleeping
// with long ones, and adaptive waiting with both.
constexpr uint64_t kSoon = 300, kNotSoSoon = 2'000, kLater = 150'000, kMuchLater = 300'000;

// Does this rival take part in a case of adaptive waiting without having that mode? Rivals do, with their
// default way of waiting. So does the limit of the case: the bare cache line or the bare futex.
bool StandsIn(const Rival& rival, const LatencyCase& c) {
  if (c.waiting != Waiting::kAdaptive) return false;
  if (rival.kind == Kind::kRival) return true;
  const bool bare = rival.kind == Kind::kLimit && !rival.throughput;
  return bare && Can(rival, c.pause_low_ns == kLater ? Waiting::kSleep : Waiting::kSpin);
}

void PlanLatency(Planner* planner) {
  const LatencyCase cases[] = {{"latency", Waiting::kSpin, 8, kSoon, kNotSoSoon},
                               {"latency", Waiting::kSpin, 64, kSoon, kNotSoSoon},
                               {"latency", Waiting::kSpin, 1024, kSoon, kNotSoSoon},
                               {"latency", Waiting::kAdaptive, 8, kSoon, kNotSoSoon},
                               {"latency", Waiting::kAdaptive, 64, kSoon, kNotSoSoon},
                               {"latency_sparse", Waiting::kAdaptive, 8, kLater, kMuchLater},
                               {"latency", Waiting::kSleep, 8, kLater, kMuchLater},
                               {"latency", Waiting::kSleep, 64, kLater, kMuchLater}};
  for (const LatencyCase& c : cases) {
    planner->Add({c.experiment, Size(c.bytes) + ", " + ToString(c.waiting), c.waiting},
                 {.activity = Activity::kLatency,
                  .bytes = c.bytes,
                  .pause_low_ns = c.pause_low_ns,
                  .pause_high_ns = c.pause_high_ns},
                 [&](const Rival& r) { return r.latency && (Can(r, c.waiting) || StandsIn(r, c)); });
  }
  constexpr uint64_t kPaceNs = 4'000;  // 250 000 messages a second
  planner->Add({"latency_paced", "64 bytes, one every 4 µs, spinning"},
               {.activity = Activity::kPaced, .bytes = 64, .pause_low_ns = kPaceNs},
               [](const Rival& r) { return r.latency && r.paced && Can(r, Waiting::kSpin); });
}

void PlanFanOut(const Settings& settings, Planner* planner) {
  const std::vector<size_t> sizes =
      settings.quick ? std::vector<size_t>{64} : std::vector<size_t>{8, 64, 1024};
  for (const size_t bytes : sizes) {
    for (const int consumers : {2, 4, 8}) {  // "throughput" measures one consumer
      planner->Add({"fanout", Size(bytes) + ", " + std::to_string(consumers) + " consumers"},
                   {.bytes = bytes, .consumers = consumers}, [](const Rival& r) { return r.fan_out; });
    }
  }
}

void PlanSlowConsumers(Planner* planner) {
  constexpr uint64_t kSlowNs = 1'000;
  // One slow consumer that may lose messages must not slow down the producer.
  planner->Add({"overrun", "a slow consumer that may lose messages"},
               {.bytes = 64, .lossy = true, .chew_ns = kSlowNs}, [](const Rival& r) { return r.lossy_mode; });
  // A slow consumer that must not lose messages, alone and together with a fast one. The fast consumer should
  // not add any cost.
  const auto lossless = [](const Rival& r) { return r.lossless && r.fan_out && r.kind != Kind::kLimit; };
  planner->Add({"slow_alone", "a slow consumer that may not"}, {.bytes = 64, .chew_ns = kSlowNs}, lossless);
  planner->Add({"slow_beside_fast", "the same beside a fast one"},
               {.bytes = 64, .consumers = 2, .chew_ns = kSlowNs}, lossless);
}

void PlanIdle(Planner* planner) {
  for (const Waiting waiting : {Waiting::kAdaptive, Waiting::kSleep}) {
    planner->Add({"idle", std::string("nothing to do, ") + ToString(waiting), waiting},
                 {.activity = Activity::kIdle},
                 [&](const Rival& r) { return r.kind != Kind::kLimit && r.latency && Can(r, waiting); });
  }
}

}  // namespace

std::vector<Group> PlanOf(const Settings& settings) {
  Planner planner(settings);
  PlanThroughput(settings, &planner);
  PlanLatency(&planner);
  PlanFanOut(settings, &planner);
  PlanSlowConsumers(&planner);
  PlanIdle(&planner);
  return std::move(planner).Finish();
}

}  // namespace millrace::bench
