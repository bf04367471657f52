// SPDX-License-Identifier: Apache-2.0
// Counts the cells in which a rival is ahead.
#include <algorithm>

#include "benches/report/query.h"
#include "benches/report/summary_parts.h"

namespace millrace::bench {

using nlohmann::json;

namespace {

// Is the rival's median better than millrace's by more than the spread of either?
bool Beats(const json& rival, const json& own) {
  const double ours = own.at("median"), theirs = rival.at("median");
  const auto spread = [](const json& cell) {
    return cell.at("high").get<double>() - cell.at("low").get<double>();
  };
  const double allowance = std::max(spread(own), spread(rival));
  return LessIsBetter(own.at("experiment")) ? theirs < ours - allowance : theirs > ours + allowance;
}

// Can the two latencies be compared? A rival that spins where millrace sleeps is faster, but uses a whole
// core.
bool Comparable(const json& rival, const json& own) {
  return !LessIsBetter(own.at("experiment")) || own.at("waits") == "spinning" ||
         rival.at("waits") != "spinning";
}

std::string NameOf(const json& cell) {
  const int consumers = cell.at("consumers");
  return cell.at("subject").get<std::string>() + ", " + cell.at("experiment").get<std::string>() + " " +
         std::to_string(cell.at("bytes").get<size_t>()) + " B, " +
         (LessIsBetter(cell.at("experiment")) ? cell.at("waiting").get<std::string>() + ", " : "") +
         (consumers > 1 ? std::to_string(consumers) + " consumers, " : "") +
         cell.at("placement").get<std::string>();
}

// Returns the cell of another subject that corresponds to `own`, or nullptr if none has enough slices.
const json* FindBeside(const json& results, const json& own, const std::string& subject) {
  const json* const cell = FindCell(
      results, {own.at("experiment"), subject, own.at("bytes"), own.at("consumers"), own.at("waiting")},
      own.at("placement"));
  return cell != nullptr && cell->at("n").get<size_t>() >= kFewSamples ? cell : nullptr;
}

// Returns the better of millrace's two ways with default options: filled in place or copied. A user can
// choose the faster one.
const json& BestWay(const json& results, const json& in_place) {
  const json* const copied = FindBeside(results, in_place, "millrace_copy");
  if (copied == nullptr) return in_place;
  const bool less = copied->at("median").get<double>() < in_place.at("median").get<double>();
  return less == LessIsBetter(in_place.at("experiment")) ? *copied : in_place;
}

// For latencies: do hardware and kernel allow better than millrace? The limit is a bare ring whose reader
// cannot write to it or, where millrace sleeps, a bare futex. See benches/README.md "Targets".
bool CouldBeQuicker(const json& results, const json& own) {
  if (!LessIsBetter(own.at("experiment"))) return true;
  const char* const bare = own.at("waits") == "spinning" ? "raw_slots_safe" : "raw_futex";
  const json* const limit = FindBeside(results, own, bare);
  return limit == nullptr || Beats(*limit, own);
}

}  // namespace

json CellsLost(const json& results) {
  int lost = 0, compared = 0;
  json where = json::array();
  for (const json& in_place : results.at("cells")) {
    const std::string experiment = in_place.at("experiment");
    const bool compares = experiment == "throughput" || experiment == "fanout" || LessIsBetter(experiment);
    if (in_place.at("subject") != "millrace" || !compares || in_place.at("n").get<size_t>() < kFewSamples)
      continue;
    const json& own = BestWay(results, in_place);
    for (const json& subject : results.at("subjects")) {
      if (subject.at("kind") != "rival") continue;
      const json* const rival = FindBeside(results, own, subject.at("name"));
      if (rival == nullptr || !Comparable(*rival, own)) continue;
      ++compared;
      if (!Beats(*rival, own) || !CouldBeQuicker(results, own)) continue;
      ++lost;
      where.push_back(NameOf(*rival));
    }
  }
  const std::string what = "cells in which a rival is ahead by more than the spread";
  json part = Part(what, compared > 0 ? std::optional<double>(lost) : std::nullopt, Bound::kAtMost, 0);
  part["compared"] = compared;
  part["where"] = where;
  return part;
}

}  // namespace millrace::bench
