#include "benches/report/findings.h"

#include <algorithm>

#include "benches/report/svg.h"

namespace millrace::bench {

using nlohmann::json;

namespace {

double MedianOf(const json* cell) { return cell->at("median").get<double>(); }

// "2.4 to 4.1 times", "3.0 times"
std::string Times(const std::vector<double>& ratios) {
  const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
  const std::string from = Short(*low), to = Short(*high);
  return (from == to ? from : from + " to " + to) + " times";
}

// millrace over another subject's median, by cell.
template <class Other>
std::vector<double> RatiosOver(const json& results, const std::vector<CellKey>& keys,
                               const std::string& placement, Other other) {
  std::vector<double> ratios;
  for (const CellKey& key : keys) {
    const json* const own = FindCell(results, key, placement);
    const json* const theirs = other(key);
    if (own != nullptr && theirs != nullptr && MedianOf(theirs) > 0)
      ratios.push_back(MedianOf(own) / MedianOf(theirs));
  }
  return ratios;
}

std::string Compared(const std::string& what, const json& results, const std::vector<CellKey>& keys,
                     const std::string& placement, const std::string& limit, const std::string& limit_words) {
  const std::vector<double> rivals = RatiosOver(
      results, keys, placement, [&](const CellKey& key) { return BestRival(results, key, placement); });
  const std::vector<double> limits = RatiosOver(results, keys, placement, [&](CellKey key) {
    key.subject = limit;
    return FindCell(results, key, placement);
  });
  std::string words = what;
  if (!rivals.empty()) words += ": " + Times(rivals) + " the quickest rival";
  if (!limits.empty()) words += (rivals.empty() ? ": " : ", ") + Times(limits) + " " + limit_words;
  return words;
}

}  // namespace

bool LessIsBetter(const std::string& experiment) { return experiment.starts_with("latency"); }

const json* BestRival(const json& results, const CellKey& key, const std::string& placement) {
  const json* best = nullptr;
  for (const json& subject : results.at("subjects")) {
    if (subject.at("kind") != "rival") continue;
    CellKey theirs = key;
    theirs.subject = subject.at("name");
    const json* const cell = FindCell(results, theirs, placement);
    if (cell == nullptr) continue;
    if (best == nullptr ||
        (LessIsBetter(key.experiment) ? MedianOf(cell) < MedianOf(best) : MedianOf(cell) > MedianOf(best)))
      best = cell;
  }
  return best;
}

std::string ThroughputFinding(const json& results, const std::string& placement) {
  std::vector<CellKey> keys;
  for (const size_t bytes : {8U, 64U, 256U, 1024U, 4096U, 65536U})
    keys.push_back({"throughput", "millrace", bytes});
  return Compared("Throughput", results, keys, placement, "raw_index_16", "a hand-written ring");
}

std::string LatencyFinding(const json& results, const std::string& placement) {
  const CellKey key{"latency", "millrace", 8, 1, "spinning"};
  const json* const own = FindCell(results, key, placement);
  if (own == nullptr) return "One-way latency";
  std::string words = "One-way latency: " + Time(MedianOf(own)) + " for 8 bytes";
  CellKey bounce = key;
  bounce.subject = "raw_bounce";
  if (const json* const limit = FindCell(results, bounce, placement))
    words += ", a bare cache line " + Time(MedianOf(limit));
  if (const json* const rival = BestRival(results, key, placement))
    words += ", the quickest rival " + Time(MedianOf(rival));
  return words;
}

std::string FanOutFinding(const json& results, const std::string& placement) {
  std::vector<CellKey> keys;
  for (const int consumers : {2, 4, 8}) keys.push_back({"fanout", "millrace", 64, consumers});
  return Compared("2, 4 and 8 consumers, 64 bytes", results, keys, placement, "raw_slots",
                  "the raw ring of slots");
}

std::string SlowFinding(const json& results, const std::string& placement) {
  const json* const overrun = FindCell(results, {"overrun", "millrace", 64}, placement);
  if (overrun == nullptr) return "A consumer that is too slow";
  return "A slow consumer that may lose messages: the producer goes on at " + Rate(MedianOf(overrun));
}

std::string IdleFinding(const json& results, const std::string& placement) {
  const json* const own = FindCell(results, {"idle", "millrace", 8, 1, "adaptive"}, placement);
  if (own == nullptr) return "A consumer with nothing to do";
  return "A consumer with nothing to do costs " + Short(100 * MedianOf(own)) + " % of a core";
}

std::string RecoveryFinding(const json& results) {
  const json* const consumer = FindFact(results, "recovery.consumer_killed");
  const json* const producer = FindFact(results, "recovery.producer_killed");
  if (consumer == nullptr || producer == nullptr || !consumer->contains("median") ||
      !producer->contains("median"))
    return "After a kill -9";
  return "After a kill -9: the producer goes on in " + Time(MedianOf(consumer)) + ", a successor in " +
         Time(MedianOf(producer));
}

}  // namespace millrace::bench
