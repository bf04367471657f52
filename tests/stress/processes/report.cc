// SPDX-License-Identifier: Apache-2.0
#include "tests/stress/processes/report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace millrace::stress {
namespace {

constexpr double kOnTerminal = 0.25, kInFile = 5;  // seconds between two live lines

unsigned long long Long(uint64_t n) { return n; }

struct Sums {
  uint64_t received = 0, lost = 0, skipped = 0, overruns = 0, evicted = 0, late = 0, handles = 0,
           accounts = 0, discarded = 0;

  void Add(const ConsumerSheet& sheet) {
    received += sheet.received;
    lost += sheet.lost;
    skipped += sheet.skipped;
    overruns += sheet.overruns;
    evicted += sheet.evicted;
    late += sheet.late_wakeups;
    handles += sheet.handles;
    accounts += sheet.accounts;
    discarded += sheet.discarded;
  }
};

Sums SumsOf(const Ledger& ledger) {
  Sums sums;
  for (const ConsumerSheet& sheet : ledger.consumers) sums.Add(sheet);
  return sums;
}

void PrintKind(const Settings& settings, const Ledger& ledger, int kind) {
  Sums sums;
  for (int i = kind; i < settings.consumer_count(); i += kKinds) sums.Add(ledger.consumers[i]);
  std::printf("  %-9s %12llu received %10llu lost %9llu skipped %6llu overruns %6llu opened %5llu evicted\n",
              KindOf(kind), Long(sums.received), Long(sums.lost), Long(sums.skipped), Long(sums.overruns),
              Long(sums.handles), Long(sums.evicted));
}

void PrintGroup(const Ledger& ledger, Group group) {
  const GroupSheet& sheet = ledger.groups[static_cast<int>(group)];
  std::printf("  %-9s %12llu received %10llu again %9llu given up %18llu opened %5llu evicted\n",
              NameOf(group), Long(sheet.received), Long(sheet.again), Long(sheet.discarded),
              Long(sheet.handles), Long(sheet.evicted));
}

}  // namespace

LiveLine::LiveLine(const Ledger& ledger, const Troubles& troubles)
    : ledger_(ledger), troubles_(troubles), terminal_(isatty(STDOUT_FILENO) != 0) {}

LiveLine::~LiveLine() {
  if (terminal_) std::printf("\n");
}

void LiveLine::Draw(double seconds) {
  if (seconds - drawn_ < (terminal_ ? kOnTerminal : kInFile)) return;
  const uint64_t published = ledger_.producer.committed;
  const Sums sums = SumsOf(ledger_);
  std::printf(
      "%s%6.1f s  %llu published (%.0f k/s)  %llu producers  %llu kills  %llu stops  %llu evictions  %llu "
      "lost  %s%s",
      terminal_ ? "\r" : "", seconds, Long(published),
      1e-3 * static_cast<double>(published - published_) / (seconds - drawn_), Long(ledger_.producer.handles),
      Long(troubles_.kills), Long(troubles_.stops), Long(sums.evicted), Long(sums.lost),
      ledger_.violations.load() == 0 ? "no violation" : "VIOLATION", terminal_ ? "\x1b[K" : "\n");
  std::fflush(stdout);
  drawn_ = seconds;
  published_ = published;
}

void PrintSummary(const Settings& settings, const Ledger& ledger, const Troubles& troubles) {
  const ProducerSheet& producer = ledger.producer;
  const Sums sums = SumsOf(ledger);
  std::printf(
      "  published %llu by %llu producers in succession (%llu closed), %llu batches, %llu claims and batches "
      "aborted, "
      "%llu dropped, %llu times full\n",
      Long(producer.committed), Long(producer.handles), Long(producer.closed), Long(producer.batches),
      Long(producer.aborted), Long(producer.dropped), Long(producer.blocked));
  for (int kind = 0; kind < kKinds; ++kind) PrintKind(settings, ledger, kind);
  if (settings.members != 0) {
    for (const Group group : {Group::kDurable, Group::kWorkers}) PrintGroup(ledger, group);
  }
  std::printf("  %llu processes, %llu killed, %llu stopped and continued, %llu evictions by an operator\n",
              Long(troubles.processes), Long(troubles.kills), Long(troubles.stops), Long(troubles.evictions));
  std::printf("  %llu accounts conserved, %llu messages given up after an eviction, %llu late wake-ups\n",
              Long(sums.accounts), Long(sums.discarded), Long(sums.late));
  const uint64_t violations = ledger.violations;
  for (uint64_t i = 0; i < std::min(violations, Ledger::kTexts); ++i)
    std::printf("  VIOLATION: %s\n", ledger.texts[i]);
  if (violations > Ledger::kTexts) std::printf("  ... and %llu more\n", Long(violations - Ledger::kTexts));
}

}  // namespace millrace::stress
