// SPDX-License-Identifier: Apache-2.0
// Makes summary.json: the project's targets, each with its parts.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "benches/report/query.h"
#include "benches/report/report.h"
#include "benches/report/summary_parts.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

// The ratio that counts as equally fast, because ratios differ between builds: benches/README.md "Targets".
constexpr double kAsMuch = 0.95;

CellKey Throughput(const std::string& subject, size_t bytes) { return {"throughput", subject, bytes}; }
CellKey Latency(const std::string& subject, size_t bytes, const std::string& waiting) {
  return {"latency", subject, bytes, 1, waiting};
}

// Returns the bare ring to compare with: from 1 KiB on, the ring that withholds no message. See
// benches/README.md "Targets".
const char* BareRing(size_t bytes) { return bytes < 1024 ? "raw_index_16" : "raw_index"; }

std::vector<json> AgainstLimits(const json& results) {
  const auto part = [&](const std::string& size, size_t bytes, const char* limit, double least,
                        const char* subject = "millrace") {
    return RatioPart(results, size + " against " + limit, Throughput(subject, bytes),
                     Throughput(limit, bytes), "per_second", Bound::kAtLeast, least);
  };
  // At 64 KiB copies are compared with copies.
  return {part("8 B", 8, BareRing(8), 1.1), part("64 B", 64, BareRing(64), 0.8),
          part("1 KiB", 1024, BareRing(1024), kAsMuch), part("4 KiB", 4096, BareRing(4096), kAsMuch),
          part("64 KiB", 65536, "raw_memcpy", 0.8, "millrace_prepared")};
}

std::vector<json> AgainstRivals(const json& results) {
  std::vector<json> parts;
  const auto add = [&](const char* rival, const std::string& size, size_t bytes, double least) {
    parts.push_back(RivalPart(results, size + " against " + rival, Throughput("millrace", bytes),
                              Throughput(rival, bytes), Throughput(BareRing(bytes), bytes), least));
  };
  add("lockfree", "8 B", 8, 2.5);
  add("lockfree", "64 B", 64, 4);
  add("lockfree", "1 KiB", 1024, 1.7);
  add("interprocess", "8 B", 8, 15);
  add("interprocess", "64 B", 64, 15);
  add("interprocess", "1 KiB", 1024, 5);
  add("iceoryx", "8 B", 8, 100);
  add("iceoryx", "64 B", 64, 100);
  for (const char* rival : {"pipe", "posix_mq", "seqpacket"}) {
    add(rival, "8 B", 8, 50);
    add(rival, "64 B", 64, 50);
  }
  parts.push_back(CellsLost(results));
  return parts;
}

json Batches(const json& results) {
  json part = RatioPart(results, "batches of 16", Throughput("millrace_batch", 8), Throughput("millrace", 8),
                        "per_second", Bound::kAtLeast, 0.5);  // benches/README.md "Targets"
  if (part.at("value").is_null()) part["why"] = "not both measured";
  return part;
}

// Compares default waiting with spinning. The two are measured minutes apart, and clock rates and other load
// change in minutes. So each is first divided by the bounce that was measured together with it.
json DefaultWaiting(const json& results) {
  const char* const what = "default waiting against spinning, p50 at 8 B";
  const auto against_bounce = [&](const char* waiting) {
    return Ratios(results, Latency("millrace", 8, waiting), Latency("raw_bounce", 8, waiting), "p50");
  };
  const std::map<std::string, Statistics> by_default = against_bounce("adaptive"),
                                          spinning = against_bounce("spinning");
  std::optional<double> worst;
  for (const auto& [placement, s] : by_default) {
    const auto other = spinning.find(placement);
    if (other == spinning.end() || std::min(s.n, other->second.n) < kFewSamples) continue;
    worst = std::max(worst.value_or(0), s.median / other->second.median);
  }
  json part = Part(what, worst, Bound::kAtMost, 1.1, " ×");
  if (!worst) part["why"] = "too few slices of millrace and the bounce in one placement";
  return part;
}

// Returns a part that requires a difference from -1 to 1.
json Seats(const json& results, const std::string& seats) {
  json part = FactPart(results, "instructions per publish, " + seats + " seats less 1 seat",
                       "instructions.seats_" + seats, Bound::kAtMost, 1, "");
  if (!part.at("value").is_null() && part.at("value").get<double>() < -1) {
    part["met"] = false;
    part["distance"] = -part.at("value").get<double>();
  }
  return part;
}

std::optional<double> WorstIdleShare(const json& results) {
  std::optional<double> worst;
  for (const std::string& placement : PlacementsSeen(results)) {
    const json* const cell = FindCell(results, {"idle", "millrace", 8, 1, "adaptive"}, placement);
    if (cell != nullptr) worst = std::max(worst.value_or(0), cell->at("median").get<double>());
  }
  return worst;
}

}  // namespace

json SummaryOf(const json& results) {
  const auto latency = [&](const std::string& what, const CellKey& a, const CellKey& b, const char* metric,
                           double most) {
    return RatioPart(results, what, a, b, metric, Bound::kAtMost, most);
  };
  const auto seats = [&](int consumers) {
    return RatioPart(results, std::to_string(consumers) + " consumers, 64 B, against raw_slots",
                     {"fanout", "millrace", 64, consumers}, {"fanout", "raw_slots", 64, consumers},
                     "per_second", Bound::kAtLeast, kAsMuch);
  };
  const auto waiting = [&](const std::string& size, size_t bytes) {
    return RatioPart(results, "default waiting against spinning, throughput at " + size,
                     Throughput("millrace", bytes), Throughput("millrace_spin", bytes), "per_second",
                     Bound::kAtLeast, 0.9);
  };
  const auto spinning = [&](const std::string& size, size_t bytes, const char* metric, double most) {
    return latency(size + ", " + metric, Latency("millrace", bytes, "spinning"),
                   Latency("raw_slots", bytes, "spinning"), metric, most);
  };
  json summary = json::array();
  summary.push_back(Target("1", "One-way latency, spinning, against a bare ring of cache lines",
                           {spinning("8 B", 8, "p50", 1.2), spinning("8 B", 8, "p99.9", 1.5),
                            spinning("64 B", 64, "p50", 1.2), spinning("64 B", 64, "p99.9", 1.5)}));
  summary.push_back(
      Target("2", "Throughput, lossless, default options, against the raw limits", AgainstLimits(results)));
  summary.push_back(Target("3", "Throughput against the rivals", AgainstRivals(results)));
  summary.push_back(Target("4", "Sleeping consumer: wake-up, default waiting, idle cost",
                           {latency("wake-up against raw_futex, p50", Latency("millrace", 8, "sleeping"),
                                    Latency("raw_futex", 8, "sleeping"), "p50", 1.1),
                            DefaultWaiting(results), waiting("8 B", 8), waiting("64 B", 64),
                            Part("share of a core of an idle consumer, default waiting",
                                 WorstIdleShare(results), Bound::kAtMost, 0.02)}));
  summary.push_back(
      Target("5", "Typed 64-byte publish: instructions over the copy of the payload",
             {FactPart(results, "instructions", "instructions.typed_over_copy", Bound::kAtMost, 24, "")}));
  summary.push_back(Target("6", "The price of further consumers",
                           {Seats(results, "16"), Seats(results, "256"), Seats(results, "1024"),
                            FactPart(results, "shared memory per further consumer", "open.bytes_per_seat",
                                     Bound::kAtMost, 256, " bytes"),
                            seats(2), seats(4), seats(8)}));
  summary.push_back(Target("7", "After kill -9, small processes, median",
                           {FactPart(results, "of a lossless consumer, to the next publish",
                                     "recovery.consumer_killed", Bound::kAtMost, 1, " ms", 1e-6),
                            FactPart(results, "of the producer, to its successor's first message",
                                     "recovery.producer_killed", Bound::kAtMost, 1, " ms", 1e-6)}));
  summary.push_back(
      Target("8", "Atomic batches of 16 eight-byte messages, against single publishes", {Batches(results)}));
  summary.push_back(
      Target("9", "Create and open, against a bare shared memory segment of the same size",
             {FactPart(results, "create", "open.create_ratio", Bound::kAtMost, 3, " ×"),
              FactPart(results, "open", "open.open_ratio", Bound::kAtMost, 3, " ×"),
              FactPart(results, "page faults of the first publish", "open.faults", Bound::kAtMost, 0, "")}));
  for (json& target : summary) {
    for (json& part : target.at("parts")) {
      for (const json& run : results.value("earlier", json::array()))
        part["earlier"].push_back(run.at("values").value(NameOfPart(target, part), json()));
    }
  }
  return summary;
}

}  // namespace millrace::bench
