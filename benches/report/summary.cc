// summary.json: the project's targets, each with the parts it consists of.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "benches/report/query.h"
#include "benches/report/report.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

enum class Bound : uint8_t { kAtLeast, kAtMost };

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

json Part(const std::string& what, std::optional<double> value, Bound bound, double limit,
          const std::string& unit = "") {
  const std::string target = (bound == Bound::kAtLeast ? "≥ " : "≤ ") + Number(limit) + unit;
  json part = {{"what", what}, {"value", nullptr}, {"target", target}, {"met", nullptr}};
  if (!value) return part;
  part["value"] = std::round(*value * 1e4) / 1e4;
  part["met"] = bound == Bound::kAtLeast ? *value >= limit : *value <= limit;
  // How far from the limit: above 1 is missed.
  const double distance = bound == Bound::kAtLeast ? limit / std::max(*value, 1e-9)
                                                   : (limit == 0 ? (*value > 0 ? 1e9 : 0) : *value / limit);
  part["distance"] = std::round(distance * 1e4) / 1e4;
  return part;
}

// The worst placement decides, of those with enough rounds.
json RatioPart(const json& results, const std::string& what, const CellKey& a, const CellKey& b,
               const std::string& metric, Bound bound, double limit) {
  const std::map<std::string, Statistics> ratios = Ratios(results, a, b, metric);
  size_t most = 0;
  for (const auto& [placement, s] : ratios) most = std::max(most, s.n);
  const size_t enough = std::min(kFewSamples, most);
  std::optional<double> worst;
  json by_placement = json::object();
  bool wide = false;
  for (const auto& [placement, s] : ratios) {
    by_placement[placement] = {{"median", std::round(s.median * 1e4) / 1e4},
                               {"low", std::round(s.low * 1e4) / 1e4},
                               {"high", std::round(s.high * 1e4) / 1e4},
                               {"rounds", s.n},
                               {"wide", s.wide}};
    if (s.n < enough) continue;
    const bool worse = !worst || (bound == Bound::kAtLeast ? s.median < *worst : s.median > *worst);
    if (worse) {
      worst = s.median;
      wide = s.wide;
    }
  }
  json part = Part(what, worst, bound, limit, " ×");
  part["by_placement"] = by_placement;
  if (wide) part["wide"] = true;
  return part;
}

json FactPart(const json& results, const std::string& what, const std::string& id, Bound bound, double limit,
              const std::string& unit, double scale = 1) {
  const json* const fact = FindFact(results, id);
  if (fact == nullptr || !fact->contains("median")) {
    json part = Part(what, std::nullopt, bound, limit, unit);
    if (fact != nullptr) part["why"] = fact->at("unavailable");
    return part;
  }
  json part = Part(what, fact->at("median").get<double>() * scale, bound, limit, unit);
  if (fact->at("wide").get<bool>()) part["wide"] = true;
  return part;
}

CellKey Throughput(const std::string& subject, size_t bytes) { return {"throughput", subject, bytes}; }
CellKey Latency(const std::string& subject, size_t bytes, const std::string& waiting) {
  return {"latency", subject, bytes, 1, waiting};
}

// Met: every part is; unknown: nothing is missed, but something was not measured.
json Target(const std::string& id, const std::string& what, const std::vector<json>& parts) {
  json target = {{"id", id},          {"what", what},   {"value", nullptr},
                 {"target", nullptr}, {"met", nullptr}, {"parts", parts}};
  const json* worst = nullptr;
  bool missed = false, unknown = false;
  for (const json& part : parts) {
    if (part.at("met").is_null()) {
      unknown = true;
      continue;
    }
    missed |= !part.at("met").get<bool>();
    if (worst == nullptr || part.at("distance") > worst->at("distance")) worst = &part;
  }
  if (worst != nullptr) {
    target["value"] = worst->at("value");
    target["target"] = worst->at("target");
    target["worst_part"] = worst->at("what");
  } else {
    target["target"] = parts.front().at("target");
  }
  if (missed)
    target["met"] = false;
  else if (!unknown)
    target["met"] = true;
  return target;
}

std::vector<json> AgainstLimits(const json& results) {
  const auto part = [&](const std::string& size, size_t bytes, const char* limit, double least) {
    return RatioPart(results, size + " against " + limit, Throughput("millrace", bytes),
                     Throughput(limit, bytes), "per_second", Bound::kAtLeast, least);
  };
  return {part("8 B", 8, "raw_index_16", 1.1), part("64 B", 64, "raw_index_16", 0.8),
          part("1 KiB", 1024, "raw_index_16", 1.0), part("4 KiB", 4096, "raw_index_16", 1.0),
          part("64 KiB", 65536, "raw_memcpy", 0.8)};
}

// Cells of one experiment in which a rival's median beats millrace's by more than the spread.
json CellsLost(const json& results) {
  int lost = 0, compared = 0;
  json where = json::array();
  for (const json& cell : results.at("cells")) {
    if (cell.at("subject") != "millrace") continue;
    const std::string experiment = cell.at("experiment");
    if (experiment != "throughput" && experiment != "latency") continue;
    const bool less_is_better = experiment == "latency";
    for (const json& subject : results.at("subjects")) {
      if (subject.at("kind") != "rival") continue;
      const std::string name = subject.at("name");
      const json* const rival =
          FindCell(results,
                   {experiment, name, cell.at("bytes").get<size_t>(), 1,
                    less_is_better ? cell.at("waiting").get<std::string>() : std::string()},
                   cell.at("placement").get<std::string>());
      if (rival == nullptr || rival->at("n").get<size_t>() < kFewSamples ||
          cell.at("n").get<size_t>() < kFewSamples)
        continue;
      ++compared;
      const double mine = cell.at("median"), theirs = rival->at("median");
      const double spread = std::max(cell.at("high").get<double>() - cell.at("low").get<double>(),
                                     rival->at("high").get<double>() - rival->at("low").get<double>());
      if (less_is_better ? theirs >= mine - spread : theirs <= mine + spread) continue;
      ++lost;
      where.push_back(name + ", " + experiment + " " + std::to_string(cell.at("bytes").get<size_t>()) +
                      " B, " + cell.at("waiting").get<std::string>() + ", " +
                      cell.at("placement").get<std::string>());
    }
  }
  json part =
      Part("cells in which a rival is ahead by more than the spread", std::nullopt, Bound::kAtMost, 0);
  if (compared > 0) part = Part(part.at("what"), lost, Bound::kAtMost, 0);
  part["where"] = where;
  return part;
}

std::vector<json> AgainstRivals(const json& results) {
  std::vector<json> parts;
  const auto add = [&](const char* rival, const std::string& size, size_t bytes, double least) {
    parts.push_back(RatioPart(results, size + " against " + rival, Throughput("millrace", bytes),
                              Throughput(rival, bytes), "per_second", Bound::kAtLeast, least));
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
  const CellKey bounce = Latency("raw_bounce", 8, "spinning");
  const auto seats = [&](int consumers) {
    return RatioPart(results, std::to_string(consumers) + " consumers, 64 B, against raw_slots",
                     {"fanout", "millrace", 64, consumers}, {"fanout", "raw_slots", 64, consumers},
                     "per_second", Bound::kAtLeast, 1.0);
  };
  json summary = json::array();
  summary.push_back(
      Target("1", "One-way latency, spinning, against the raw cache-line bounce",
             {latency("8 B, p50", Latency("millrace", 8, "spinning"), bounce, "p50", 1.0),
              latency("8 B, p99.9", Latency("millrace", 8, "spinning"), bounce, "p99.9", 1.5),
              latency("64 B, p50", Latency("millrace", 64, "spinning"), bounce, "p50", 1.0),
              latency("64 B, p99.9", Latency("millrace", 64, "spinning"), bounce, "p99.9", 1.5)}));
  summary.push_back(
      Target("2", "Throughput, lossless, default options, against the raw limits", AgainstLimits(results)));
  summary.push_back(Target("3", "Throughput against the rivals", AgainstRivals(results)));
  summary.push_back(
      Target("4", "Sleeping consumer: wake-up, default waiting, idle cost",
             {latency("wake-up against raw_futex, p50", Latency("millrace", 8, "sleeping"),
                      Latency("raw_futex", 8, "sleeping"), "p50", 1.1),
              latency("default waiting against spinning, p50 at 8 B", Latency("millrace", 8, "adaptive"),
                      Latency("millrace", 8, "spinning"), "p50", 1.1),
              Part("share of a core of an idle consumer, default waiting", WorstIdleShare(results),
                   Bound::kAtMost, 0.02)}));
  summary.push_back(
      Target("5", "Typed 64-byte publish: instructions over the copy of the payload",
             {FactPart(results, "instructions", "instructions.typed_over_copy", Bound::kAtMost, 24, "")}));
  summary.push_back(Target("6", "The price of further consumers",
                           {FactPart(results, "instructions per publish, 1024 seats less 1 seat",
                                     "instructions.seats_difference", Bound::kAtMost, 1, ""),
                            FactPart(results, "shared memory per further consumer", "open.bytes_per_seat",
                                     Bound::kAtMost, 256, " bytes"),
                            seats(2), seats(4), seats(8)}));
  summary.push_back(Target("7", "After kill -9, small processes, median",
                           {FactPart(results, "of a lossless consumer, to the next publish",
                                     "recovery.consumer_killed", Bound::kAtMost, 1, " ms", 1e-6),
                            FactPart(results, "of the producer, to its successor's first message",
                                     "recovery.producer_killed", Bound::kAtMost, 1, " ms", 1e-6)}));
  summary.push_back(Target("8", "Atomic batches of 16 eight-byte messages, against single publishes",
                           {FactPart(results, "batches of 16", "batch.ratio", Bound::kAtLeast, 2, " ×")}));
  summary.push_back(
      Target("9", "Create and open, against a bare shared memory segment of the same size",
             {FactPart(results, "create", "open.create_ratio", Bound::kAtMost, 3, " ×"),
              FactPart(results, "open", "open.open_ratio", Bound::kAtMost, 3, " ×"),
              FactPart(results, "page faults of the first publish", "open.faults", Bound::kAtMost, 0, "")}));
  return summary;
}

std::string InWords(const json& results) {
  int met = 0, missed = 0, unknown = 0;
  for (const json& target : SummaryOf(results)) {
    if (target.at("met").is_null())
      ++unknown;
    else if (target.at("met").get<bool>())
      ++met;
    else
      ++missed;
  }
  std::string words = "targets: " + std::to_string(met) + " met, " + std::to_string(missed) + " missed, " +
                      std::to_string(unknown) + " not measured";
  if (!results.at("failures").empty())
    words += "; FAILED SLICES: " + std::to_string(results.at("failures").size());
  return words;
}

}  // namespace millrace::bench
